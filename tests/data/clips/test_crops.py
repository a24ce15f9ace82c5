"""Where pixels go, and which frames share memory."""

import numpy as np
import pytest

from i2v_jax.data.clips.crops import (
  center_crop,
  draw_crop_box,
  random_erasing,
  random_resized_crop,
  random_scale_crop,
  release_crops,
  three_crop,
)
from i2v_jax.data.videos.resize import check_frames, resize, resize_short_side


def _map(height, width, num_frames=2):
  """Frames whose pixels name their place: red is x, green y, blue the frame."""
  t, y, x = np.mgrid[:num_frames, :height, :width]
  return np.stack([x, y, t], axis=-1).astype(np.uint8)


def _corner(frames):
  """(y, x) in the source of the top left pixel."""
  return int(frames[0, 0, 0, 1]), int(frames[0, 0, 0, 0])


def _rngs(count):
  return [np.random.default_rng(seed) for seed in range(count)]


def test_resize_samples_at_half_pixel_centres():
  # Pixel i of 2x smaller frames lies between source pixels 2i and 2i + 1; of
  # 2x larger ones a quarter pixel from source pixel i // 2.
  frames = _map(40, 60) * 4
  small = resize(frames, 20, 30)
  assert small.shape == (2, 20, 30, 3)
  assert (small[0, 0, :, 0] == 8 * np.arange(30) + 2).all()
  assert (small[0, :, 0, 1] == 8 * np.arange(20) + 2).all()
  assert (small[..., 2] == [[[0]], [[4]]]).all()
  large = resize(frames[:, :8, :8], 16, 16)
  assert large[0, 0, 1:5, 0].tolist() == [1, 3, 5, 7]


def test_resize_does_not_antialias():
  # Every fourth column is white. A 4x smaller frame reads columns 4i + 1 and
  # 4i + 2 alone, so that white in column 4i leaves no trace.
  frames = np.zeros((1, 8, 32, 3), np.uint8)
  frames[:, :, ::4] = 255
  assert not resize(frames, 8, 8).any()


def test_resize_to_the_same_size_returns_the_input():
  frames = _map(20, 30)
  assert resize(frames, 20, 30) is frames
  assert resize_short_side(frames, 20) is frames


@pytest.mark.parametrize(
  ('height', 'width', 'size', 'expected'),
  [
    (240, 320, 256, (256, 341)),  # 341.33
    (360, 640, 224, (224, 398)),  # 398.2
    (320, 240, 256, (341, 256)),
    (100, 125, 50, (50, 63)),  # 62.5 is rounded up
  ],
)
def test_resize_short_side_rounds_half_up(height, width, size, expected):
  frames = np.zeros((1, height, width, 3), np.uint8)
  assert resize_short_side(frames, size).shape[1:3] == expected


def test_crop_box_stays_inside_and_covers_its_ranges():
  rng = np.random.default_rng(0)
  boxes = np.array([draw_crop_box(100, 160, rng) for _ in range(2000)])
  top, left, h, w = boxes.T
  assert top.min() == left.min() == 0
  assert (top + h).max() == 100
  assert (left + w).max() == 160
  share, aspect = h * w / 16000, w / h
  # Half a pixel of rounding on sides of at least 30.
  assert 0.077 < share.min() < 0.1
  assert 0.75 / 1.04 < aspect.min() < 0.77
  assert 1.31 < aspect.max() < 4 / 3 * 1.04


def test_crop_box_is_log_uniform_in_aspect():
  # A quarter of the area always fits: no draw is turned down.
  rng = np.random.default_rng(0)
  boxes = [draw_crop_box(400, 400, rng, (0.2, 0.3)) for _ in range(3000)]
  _, _, h, w = np.array(boxes).T
  position = np.log(w / h) / np.log(4 / 3) / 2 + 0.5
  counts = np.histogram(position, bins=5, range=(0, 1))[0]
  # 600 each, standard deviation 22; rounding moves a few across.
  assert np.abs(counts - 600).max() < 100


def test_crop_box_falls_back_to_the_centred_square():
  rng = np.random.default_rng(0)
  assert draw_crop_box(20, 91, rng, area=(1, 1)) == (0, 35, 20, 20)
  assert draw_crop_box(91, 20, rng, area=(1, 1)) == (35, 0, 20, 20)


def test_random_resized_crop_cuts_the_box_from_every_frame():
  frames = _map(60, 90, num_frames=3)
  for rng, same in zip(_rngs(30), _rngs(30), strict=True):
    crop = random_resized_crop(frames, 32, rng)
    top, left, h, w = draw_crop_box(60, 90, same)
    assert crop.shape == (3, 32, 32, 3)
    assert (crop[..., :2] == crop[:1, ..., :2]).all()
    x, y = crop[0, ..., 0].astype(float), crop[0, ..., 1].astype(float)
    centres = (np.arange(32) + 0.5) / 32
    expected_x = np.clip(left + w * centres - 0.5, left, left + w - 1)
    expected_y = np.clip(top + h * centres - 0.5, top, top + h - 1)
    # Half a level of rounding, and cv2's fixed-point weights.
    assert np.abs(x - expected_x).max() < 0.75
    assert np.abs(y - expected_y[:, None]).max() < 0.75


def test_center_crop_is_a_central_view():
  frames = _map(21, 32)
  crop = center_crop(frames, 16)
  assert crop.shape == (2, 16, 16, 3)
  assert _corner(crop) == (2, 8)
  assert np.shares_memory(crop, frames)


@pytest.mark.parametrize(
  ('height', 'width', 'corners'),
  [
    (16, 30, [(0, 0), (0, 14), (0, 7)]),
    (30, 16, [(0, 0), (14, 0), (7, 0)]),
    (16, 31, [(0, 0), (0, 14), (0, 7)]),
    (16, 16, [(0, 0)] * 3),
  ],
)
def test_three_crop_orders_left_right_middle(height, width, corners):
  frames = _map(height, width)
  crops = three_crop(frames, 16)
  assert [_corner(crop) for crop in crops] == corners
  assert all(crop.shape == (2, 16, 16, 3) for crop in crops)
  assert all(np.shares_memory(crop, frames) for crop in crops)


@pytest.mark.parametrize(
  ('height', 'width', 'count', 'corners'),
  [
    (16, 30, 3, [(0, 0), (0, 4), (0, 9)]),
    (30, 16, 3, [(0, 0), (4, 0), (9, 0)]),
    (16, 30, 1, [(0, 0)]),
    (30, 16, 1, [(0, 0)]),
    (16, 16, 3, [(0, 0)] * 3),
  ],
)
def test_release_crops_never_reach_the_far_edge(height, width, count, corners):
  frames = _map(height, width)
  crops = release_crops(frames, 16, count)
  assert [_corner(crop) for crop in crops] == corners
  assert all(crop.shape == (2, 16, 16, 3) for crop in crops)
  assert all(np.shares_memory(crop, frames) for crop in crops)


def test_random_scale_crop_keeps_the_aspect_and_covers_the_frame():
  frames = _map(64, 96)
  corners = set()
  for rng in _rngs(200):
    out = random_scale_crop(frames, 32, rng, (1.0, 1.0))
    assert out.shape == (2, 32, 32, 3)
    corners.add(_corner(out)[1] // 2)
  assert min(corners) == 0 and max(corners) == 16  # of a width of 48
  steps = set()
  for rng in _rngs(50):
    out = random_scale_crop(frames, 32, rng, (1.0, 2.0))
    x, y = np.diff(out[0, 0, ::31, 0])[0], np.diff(out[0, ::31, 0, 1])[0]
    assert abs(int(x) - int(y)) <= 1
    steps.add(int(x))
  assert min(steps) < 36 and max(steps) > 56  # 31 to 62 source pixels


@pytest.mark.parametrize('mode', ['const', 'rand'])
def test_random_erasing_covers_one_rectangle(mode):
  frames = np.full((3, 60, 80, 3), 7, np.uint8)
  for rng in _rngs(200):
    out = random_erasing(frames, rng, 1.0, mode)
    changed = (out != 7).any(axis=(0, 3))
    ys, xs = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    box = out[:, ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    # Rounding and clipping at the frame's edge leave a little room.
    assert 0.015 < box[0, ..., 0].size / 4800 < 0.36
    assert (out == 7).all(axis=3).sum() == 3 * 4800 - box[..., 0].size
    if mode == 'const':
      assert (box == 128).all()
    else:
      assert box.std() > 50
      assert (box[0] != box[1]).any()
  assert (frames == 7).all()


def test_erased_boxes_are_those_of_the_formula():
  """By hand: r log-uniform in 0.3 to 10 / 3, a share of 0.02 to 1 / 3."""
  frames = np.full((2, 60, 80, 3), 7, np.uint8)

  class Draws:
    """Says what is drawn, in mmaction2's order: whether, r, share, corner."""

    def __init__(self, log_ratio, share, corner):
      self.uniform = lambda *_: numbers.pop(0)
      self.integers = lambda stop: min(corner.pop(0), stop - 1)
      self.random = lambda: 0.0
      numbers, corner = [log_ratio, share], list(corner)

  for log_ratio, share, corner, (top, left, h, w) in (
    # sqrt(4800 * 0.25) = 34.64: a square of 35.
    (0.0, 0.25, (5, 6), (5, 6, 35, 35)),
    # r = 4, beyond the range, to see clipping: 69.28 high, 17.32 wide.
    (np.log(4), 0.25, (5, 6), (0, 6, 60, 17)),
    # sqrt(96 * 0.5) = 6.93, sqrt(96 / 0.5) = 13.86; the last row is never hit.
    (np.log(0.5), 0.02, (99, 99), (52, 65, 7, 14)),
  ):
    draws = Draws(log_ratio, share, corner)
    out = random_erasing(frames, draws, 1.0)
    wanted = frames.copy()
    wanted[:, top : top + h, left : left + w] = 128
    np.testing.assert_array_equal(out, wanted)


def test_random_erasing_leaves_most_clips_alone():
  frames = _map(20, 20)
  same = [random_erasing(frames, rng) is frames for rng in _rngs(400)]
  assert 260 < sum(same) < 340


def test_same_seed_same_result():
  frames = _map(40, 60)
  for run in (
    lambda rng: random_resized_crop(frames, 16, rng),
    lambda rng: random_scale_crop(frames, 16, rng),
    lambda rng: random_erasing(frames, rng, mode='rand'),
  ):
    clips = [run(rng).tobytes() for rng in _rngs(20)]
    assert clips == [run(rng).tobytes() for rng in _rngs(20)]
    assert len(set(clips)) > 1


def test_wrong_sizes_and_words_raise():
  frames, rng = _map(20, 30), np.random.default_rng(0)
  for call, words in (
    (lambda: resize(frames, 0, 5), 'cannot resize to 0 x 5'),
    (lambda: center_crop(frames, 21), 'frames of 20 x 30'),
    (lambda: three_crop(frames, 16), 'a short side of 16'),
    (lambda: three_crop(frames, 30), 'a short side of 30'),
    (lambda: release_crops(frames, 16, 1), 'a short side of 16'),
    (lambda: random_erasing(frames, rng, mode='x'), "mode is 'x'"),
    (lambda: check_frames(frames[0]), r'uint8 \[20, 30, 3\]'),
    (lambda: check_frames(frames / 255), 'are float64'),
  ):
    with pytest.raises(ValueError, match=words):
      call()
