"""What light and jitter do to colours, by hand and by the slow formula."""

import itertools

import cv2
import numpy as np
import pytest

from i2v_jax.data.clips import colour

NOISE = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)
GREY = np.array([0.299, 0.587, 0.114])


def tint(rng, std):
  """Colour that lighting noise adds to mid-grey: [3]."""
  grey = np.full((2, 4, 4, 3), 128, np.uint8)
  out = colour.add_lighting_noise(grey, rng, std)
  assert (out == out[0, 0, 0]).all() and (grey == 128).all()
  return out[0, 0, 0].astype(int) - 128


def test_lighting_noise_lies_along_the_colours_of_imagenet():
  tints = np.array(
    [tint(rng, 0.2) for rng in map(np.random.default_rng, range(4000))]
  )
  vectors = [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140]]
  vectors = np.array([*vectors, [-0.5836, -0.6948, 0.4203]])
  amplitudes = tints @ vectors  # the columns are orthonormal
  assert np.abs(amplitudes.mean(axis=0)).max() < 4 * 0.2 * 55.46 / 4000**0.5
  spread = 0.2 * np.array([55.46, 4.794, 1.148])
  wanted = np.sqrt(spread**2 + 1 / 12)  # of rounding to levels
  # Four standard deviations of that of 4000 draws.
  np.testing.assert_allclose(amplitudes.std(axis=0), wanted, rtol=4 / 8000**0.5)


def test_lighting_noise_moves_all_pixels_alike_and_clips():
  values = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
  frames = np.concatenate([values, values])[:, :, ::-1]
  for seed in range(5):
    shift = tint(np.random.default_rng(seed), 1.0)
    out = colour.add_lighting_noise(frames, np.random.default_rng(seed), 1.0)
    np.testing.assert_array_equal(out, np.clip(frames + shift, 0, 255))
    assert out.dtype == np.uint8 and shift.any()
  still = colour.add_lighting_noise(frames, np.random.default_rng(0), 0.0)
  np.testing.assert_array_equal(still, frames)


def test_lighting_noise_is_the_sum_of_three_colours():
  class Draws:
    normal = staticmethod(lambda mean, std, size: np.array([0.1, 0.2, -0.3]))

  grey = np.full((1, 1, 1, 3), 100, np.uint8)
  # 55.46 * 0.1 = 5.546; 4.794 * 0.2 = 0.9588; 1.148 * -0.3 = -0.3444.
  # Red: -3.147 + 0.690 - 0.138; green: -3.221 - 0.004 + 0.280; blue: -3.237
  # - 0.666 - 0.145.
  found = colour.add_lighting_noise(grey, Draws())
  np.testing.assert_array_equal(found, [[[[97, 97, 96]]]])


def pixels(*colours):
  """One frame, a row of pixels."""
  return np.array(colours, np.uint8)[None, None]


def adjusted(frames, brightness=1, contrast=1, saturation=1, hue=0, **order):
  return colour.adjust(frames, brightness, contrast, saturation, hue, **order)


def test_brightness_by_hand():
  found = adjusted(pixels((10, 100, 200), (0, 3, 255)), brightness=1.5)
  np.testing.assert_array_equal(found, pixels((15, 150, 255), (0, 4, 255)))


def test_contrast_blends_with_the_mean_grey_of_each_frame():
  dark, light = pixels((0, 0, 0), (100, 100, 100)), pixels((200, 200, 200))
  found = adjusted(dark, contrast=0.5)  # of mean 50
  np.testing.assert_array_equal(found, pixels((25, 25, 25), (75, 75, 75)))
  red = adjusted(pixels((200, 0, 0), (0, 0, 0)), contrast=0.0)  # 0.299 * 100
  np.testing.assert_array_equal(red, pixels((30, 30, 30), (30, 30, 30)))
  both = np.concatenate([dark, light.repeat(2, axis=2)])
  np.testing.assert_array_equal(adjusted(both, contrast=0.5)[:1], found)


def test_saturation_blends_with_the_grey_of_each_pixel():
  frames = pixels((200, 0, 0), (0, 200, 0), (0, 0, 200))
  found = adjusted(frames, saturation=0.0)  # 59.8, 117.4, 22.8
  np.testing.assert_array_equal(found, pixels((60,) * 3, (117,) * 3, (23,) * 3))
  found = adjusted(frames, saturation=1.5)  # 300 - 29.9, -58.7, -11.4 below 0
  np.testing.assert_array_equal(
    found, pixels((255, 0, 0), (0, 241, 0), (0, 0, 255))
  )


def test_hue_turns_by_255ths_of_half_degrees():
  frames = pixels((255, 0, 0), (0, 255, 0), (90, 90, 90))
  found = adjusted(frames, hue=0.1)  # int(25.5) = 25 steps, 50 degrees
  wanted = pixels((255, 212.5, 0), (0, 255, 212.5), (90, 90, 90))
  assert np.abs(found.astype(int) - wanted).max() <= 1
  found = adjusted(frames, hue=-0.1)  # 310 and 70 degrees
  wanted = pixels((255, 0, 212.5), (212.5, 255, 0), (90, 90, 90))
  assert np.abs(found.astype(int) - wanted).max() <= 1


def test_the_order_counts_and_nothing_is_clipped_in_between():
  frames = pixels((100, 100, 100), (200, 200, 200))
  # Brighter, 200 and 400, then 0.5 of it and 0.5 of 300: 250, 350.
  found = adjusted(frames, brightness=2, contrast=0.5)
  np.testing.assert_array_equal(found, pixels((250,) * 3, (255,) * 3))
  green = pixels((0, 200, 0))
  first = adjusted(green, brightness=2, hue=0.1)  # clipped before it turns
  last = adjusted(green, brightness=2, hue=0.1, order=(3, 0, 1, 2))
  assert (first[..., 2] < 215).all() and (last[..., 2] == 255).all()


def slow(frames, factors, order):
  """Three blends as written down, in float."""
  out = frames.astype(float)
  for which in order:
    grey = (out @ GREY)[..., None]
    others = (0, grey.mean(axis=(1, 2, 3), keepdims=True), grey)
    factor = factors[which]
    out = factor * out + (1 - factor) * others[which]
  return np.clip(np.rint(out), 0, 255)


@pytest.mark.parametrize('order', [*itertools.permutations(range(3))])
def test_blends_in_any_order_are_the_slow_ones(order):
  for factors in ((0.5, 1.5, 1.3), (1.4, 0.6, 0.5), (1.0, 1.0, 1.0)):
    found = colour.adjust(NOISE, *factors, 0.0, order=(*order, 3))
    off = np.abs(found - slow(NOISE, factors, order))
    # OpenCV has coefficients of 10 bits: halves may round the other way.
    assert off.max() <= 1 and (off > 0).mean() < 0.1
  np.testing.assert_array_equal(found, NOISE)


def test_jitter_draws_factors_turns_and_orders(monkeypatch):
  drawn = []
  monkeypatch.setattr(
    colour, 'adjust', lambda _, *f, order: drawn.append((*f, tuple(order)))
  )
  for seed in range(2000):
    colour.jitter(NOISE, np.random.default_rng(seed), (0.5, 0.4, 0.3, 0.1))
  *values, orders = zip(*drawn, strict=True)
  middles, widths = (1, 1, 1, 0), (0.5, 0.4, 0.3, 0.1)
  for found, middle, width in zip(values, middles, widths, strict=True):
    place = (np.array(found) - middle) / width  # uniform in -1 to 1
    assert -1 <= place.min() < -0.99 and 0.99 < place.max() <= 1
    # Standard errors of 0.013 and 0.006.
    assert abs(place.mean()) < 0.06 and abs(place.std() - 3**-0.5) < 0.03
  assert len(set(orders)) == 24


def test_jitter_follows_the_seed_and_leaves_its_input():
  before, results = NOISE.copy(), set()
  for seed in range(20):
    frames = NOISE[:, :, 5:]  # a view, as a crop is
    found = colour.jitter(frames, np.random.default_rng(seed))
    again = colour.jitter(frames, np.random.default_rng(seed))
    np.testing.assert_array_equal(found, again)
    assert found.shape == frames.shape and found.dtype == np.uint8
    results.add(found.tobytes())
  assert len(results) == 20
  np.testing.assert_array_equal(NOISE, before)
  rng = np.random.default_rng(0)
  np.testing.assert_array_equal(colour.jitter(NOISE, rng, (0,) * 4), NOISE)


@pytest.mark.parametrize('change', [colour.add_lighting_noise, colour.jitter])
def test_only_frames_as_decoded_are_taken(change):
  with pytest.raises(ValueError, match='are float64'):
    change(NOISE / 255, np.random.default_rng(0))


def test_hsv_jitter_adds_one_number_each_to_all_pixels():
  before = cv2.cvtColor(NOISE.reshape(-1, 30, 3), cv2.COLOR_RGB2HSV)
  hue, saturation, value = before.reshape(-1, 3).astype(int).T
  for rng, same in zip(
    map(np.random.default_rng, range(10)),
    map(np.random.default_rng, range(10)),
    strict=True,
  ):
    found = colour.jitter_hsv(NOISE, rng, (10, 26, 26))
    more = same.integers([-10, -26, -26], [11, 27, 27])
    wanted = [(hue + more[0]) % 180]
    wanted += [np.clip(saturation + more[1], 0, 255)]
    wanted += [np.clip(value + more[2], 0, 255)]
    wanted = np.stack(wanted, axis=-1).astype(np.uint8).reshape(-1, 30, 3)
    rgb = cv2.cvtColor(wanted, cv2.COLOR_HSV2RGB)
    np.testing.assert_array_equal(found, rgb.reshape(NOISE.shape))


def test_hsv_jitter_covers_its_range_and_takes_views():
  class Draws:
    def integers(self, low, high, endpoint):
      assert endpoint
      ends.append((low.tolist(), high.tolist()))
      return high

  ends = []
  grey = np.full((1, 4, 6, 3), 100, np.uint8)
  found = colour.jitter_hsv(grey[:, 1:3, 2:5], Draws(), (0, 0, 26))
  assert ends == [([0, 0, -26], [0, 0, 26])]
  assert found.shape == (1, 2, 3, 3) and (found == 126).all()
  assert (grey == 100).all()
