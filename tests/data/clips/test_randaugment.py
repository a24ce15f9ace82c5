"""Every operation against its slow formula; the draws; what stays untouched."""

import collections
import itertools

import numpy as np
import pytest

from i2v_jax.data.clips import randaugment as ra

GEOMETRY = ('rotate', 'shear_x', 'shear_y', 'translate_x', 'translate_y')
BLENDS = ('brightness', 'contrast', 'saturation', 'sharpness')


def _noise(shape=(2, 23, 31, 3), low=0, high=256):
  return np.random.default_rng(0).integers(low, high, shape, dtype=np.uint8)


NOISE, DARK = _noise(), _noise(low=20, high=90)
FLAT = np.full((2, 9, 9, 3), (7, 100, 255), np.uint8)
TINY = _noise((1, 2, 3, 3))
each_clip = pytest.mark.parametrize('frames', [NOISE, DARK, FLAT, TINY])


def _off_by(a, b):
  assert a.dtype == np.uint8
  assert a.shape == b.shape
  return np.abs(a.astype(int) - b.astype(int)).max()


def _slow_grey(frames):
  return (frames.astype(int) @ [2989, 5870, 1140] // 10000)[..., None]


def _slow_smooth(frames):
  height, width = frames.shape[1:3]
  out, x = frames.copy(), frames.astype(float)
  total = 4 * x[:, 1:-1, 1:-1]
  for i, j in np.ndindex(3, 3):
    total = total + x[:, i : height - 2 + i, j : width - 2 + j]
  out[:, 1:-1, 1:-1] = np.round(total / 13)
  return out


def _slow_equalize(channel):
  counts = np.bincount(channel.ravel(), minlength=256)
  step = counts[counts > 0][:-1].sum() // 255
  below = np.array([counts[:value].sum() for value in range(256)])
  table = ((below + step // 2) // max(step, 1)).clip(0, 255)
  return table[channel] if step else channel


def _slow_stretch(channel):
  low, high = int(channel.min()), int(channel.max())
  stretched = (channel.astype(int) - low) * 255 // max(high - low, 1)
  return stretched if high > low else channel


def _each(function, frames):
  out = np.empty_like(frames)
  for t, c in np.ndindex(len(frames), 3):
    out[t, ..., c] = function(frames[t, ..., c])
  return out


def _slow_affine(frames, matrix, fill):
  """Bilinear at matrix @ (x, y, 1), measured from the middle of the frame."""
  _, height, width, _ = frames.shape
  # One frame's width of filling on every side holds all positions tested here.
  margin = ((0, 0), (width, width), (width, width), (0, 0))
  padded = np.pad(frames.astype(float), margin, constant_values=fill)
  out = np.zeros(frames.shape)
  for y, x in np.ndindex(height, width):
    u, v = np.array(matrix) @ (x + 0.5 - width / 2, y + 0.5 - height / 2, 1)
    u, v = u + width / 2 - 0.5 + width, v + height / 2 - 0.5 + width
    j, i = int(u), int(v)
    for k, m in ((i, j), (i, j + 1), (i + 1, j), (i + 1, j + 1)):
      out[:, y, x] += (1 - abs(v - k)) * (1 - abs(u - m)) * padded[:, k, m]
  return np.round(out).astype(np.uint8)


@each_clip
@pytest.mark.parametrize('factor', [0.1, 0.37, 1.0, 1.63, 1.9])
def test_blends(frames, factor):
  for name, other, tolerance in (
    ('brightness', 0, 0),
    ('contrast', _slow_grey(frames).mean((1, 2, 3), keepdims=True), 0),
    # Truncation turns the last bit of cv2's float32 into a whole level.
    ('saturation', _slow_grey(frames), 1),
    ('sharpness', _slow_smooth(frames), 1),
  ):
    exact = np.clip(factor * frames + (1 - factor) * other, 0, 255)
    # 1e-6: an exact integer must not fall below itself by float error.
    expected = (exact + 1e-6).astype(np.uint8)
    result = getattr(ra, name)(frames, factor)
    assert _off_by(result, expected) <= tolerance, name
    assert (result != expected).mean() < 0.02, name


@each_clip
def test_tables(frames):
  assert _off_by(ra.auto_contrast(frames), _each(_slow_stretch, frames)) == 0
  assert _off_by(ra.equalize(frames), _each(_slow_equalize, frames)) == 0
  assert (ra.invert(frames) + frames == 255).all()
  values = frames.astype(int)
  for bits in (0, 1, 2, 4, 8):
    step = 2 ** (8 - bits)
    assert _off_by(ra.posterize(frames, bits), values // step * step) == 0
  for threshold in (0, 76, 255):
    expected = np.where(values >= threshold, 255 - values, values)
    assert _off_by(ra.solarize(frames, threshold), expected) == 0


@pytest.mark.parametrize('fill', [0, 128])
@pytest.mark.parametrize('amount', [-1, -0.61, 0.23, 1])
@pytest.mark.parametrize('name', GEOMETRY)
def test_geometry_follows_its_matrix(name, amount, fill):
  _, height, width, _ = shape = (2, 18, 23, 3)
  # A slope of 4 levels per pixel: cv2 before 5 rounds positions to 1/32 pixel.
  y, x = np.mgrid[:height, :width]
  frames = np.broadcast_to((4 * x + 3 * y)[..., None] + 20, shape)
  frames = frames.astype(np.uint8)
  cos, sin = np.cos(np.deg2rad(30 * amount)), np.sin(np.deg2rad(30 * amount))
  slope, share = 0.3 * amount, 0.45 * amount
  matrix = {
    'rotate': [[cos, -sin, 0], [sin, cos, 0]],
    'shear_x': [[1, slope, slope * height / 2], [0, 1, 0]],
    'shear_y': [[1, 0, 0], [slope, 1, slope * width / 2]],
    'translate_x': [[1, 0, share * width], [0, 1, 0]],
    'translate_y': [[1, 0, 0], [0, 1, share * height]],
  }[name]
  expected = _slow_affine(frames, matrix, fill)
  result = ra.OPS[name](frames, 10 * abs(amount), np.sign(amount), fill)
  inside = _slow_affine(np.full_like(frames, 255), matrix, 0) == 255
  assert _off_by(result[inside], expected[inside]) <= 1
  # Across the frame's edge the slope is steeper.
  assert _off_by(result, expected) <= 5


def _spot_after(op, y, x, amount):
  frames = np.zeros((1, 21, 31, 3), np.uint8)
  frames[:, y, x] = 255
  return divmod(int(op(frames, amount, 0)[0, ..., 0].argmax()), 31)


def test_directions():
  # Positive translations read from the right and from below.
  assert _spot_after(ra.translate_x, 8, 20, 3 / 31) == (8, 17)
  assert _spot_after(ra.translate_y, 8, 20, 3 / 21) == (5, 20)
  # A quarter turn takes a spot right of the middle to above the middle.
  assert _spot_after(ra.rotate, 10, 20, 90) == (5, 15)
  assert _spot_after(ra.rotate, 10, 20, -90) == (15, 15)
  # Shears leave the top or left edge where it is.
  assert _spot_after(ra.shear_x, 0, 20, 0.2) == (0, 20)
  assert _spot_after(ra.shear_x, 10, 20, 0.2) == (10, 18)
  assert _spot_after(ra.shear_y, 10, 0, 0.2) == (10, 0)
  assert _spot_after(ra.shear_y, 10, 10, 0.2) == (8, 10)


def test_the_table_turns_levels_into_arguments():
  arguments = {'posterize': [2], 'solarize': [76], 'rotate': [-21, 9]}
  arguments |= {name: [0.37] for name in BLENDS}
  arguments |= {name: [-0.21, 9] for name in ('shear_x', 'shear_y')}
  arguments |= {name: [-0.315, 9] for name in ('translate_x', 'translate_y')}
  assert len(ra.OPS) == 14
  for name, op in ra.OPS.items():
    expected = getattr(ra, name)(NOISE, *arguments.get(name, []))
    assert _off_by(op(NOISE, 7.0, -1, 9), expected) <= 1, name


@pytest.mark.parametrize('name', ra.OPS)
def test_operations_take_each_frame_alone_and_leave_the_input(name):
  # Not contiguous, as a crop is.
  frames = np.concatenate([NOISE[:1], DARK[:1], DARK[:1]])[:, 2:, ::-1]
  before = frames.copy()
  for sign in (-1, 1):
    result = ra.OPS[name](frames, 9.0, sign, 0)
    alone = [ra.OPS[name](before[[t]], 9.0, sign, 0) for t in range(3)]
    assert _off_by(result, np.concatenate(alone)) == 0
    assert (result[1] != before[1]).any()
  assert (frames == before).all()


@pytest.mark.parametrize('name', GEOMETRY + BLENDS)
def test_level_zero_changes_nothing(name):
  for sign in (-1, 1):
    assert (ra.OPS[name](NOISE, 0.0, sign, 0) == NOISE).all()


def _draws(monkeypatch, count, magnitude=7.0):
  """What each of `count` calls applies: lists of (name, level, sign)."""
  used, rng = [], np.random.default_rng(0)

  def note(name):
    return lambda x, v, s, c: used[-1].append((name, v, s)) or x

  monkeypatch.setattr(ra, 'OPS', {name: note(name) for name in ra.OPS})
  for _ in range(count):
    used.append([])
    assert ra.rand_augment(TINY, rng, magnitude) is TINY
  return used


def test_half_of_four_distinct_operations_happen(monkeypatch):
  draws = [[name for name, *_ in u] for u in _draws(monkeypatch, 3000)]
  assert all(len(set(names)) == len(names) for names in draws)
  # Binomial(4, 1/2) has standard errors below 0.01 here.
  numbers = np.bincount(list(map(len, draws))) / 3000
  np.testing.assert_allclose(numbers, np.array([1, 4, 6, 4, 1]) / 16, atol=0.03)
  # 3000 * 2 / 14 = 429 each, standard deviation 19.
  counts = collections.Counter(itertools.chain(*draws))
  assert set(counts) == set(ra.OPS)
  assert max(abs(count - 429) for count in counts.values()) < 80
  assert {names[0] for names in draws if names} == set(ra.OPS)


@pytest.mark.parametrize('magnitude', [0, 7, 10])
def test_levels_and_signs(monkeypatch, magnitude):
  used = itertools.chain(*_draws(monkeypatch, 1000, magnitude))
  _, levels, signs = zip(*used, strict=True)
  assert 0 <= min(levels) <= max(levels) <= 10
  assert set(signs) == {-1, 1}
  assert abs(np.mean(signs)) < 0.1
  if magnitude == 7:
    assert abs(np.mean(levels) - 7) < 0.05
    assert abs(np.std(levels) - 0.5) < 0.05
  else:
    assert abs(levels.count(magnitude) / len(levels) - 0.5) < 0.05


def test_a_clip_keeps_its_form_and_follows_the_seed():
  frames = np.repeat(NOISE[:1], 3, axis=0)[:, :, ::-1]
  before = frames.copy()
  results = set()
  for seed in range(40):
    result = ra.rand_augment(frames, np.random.default_rng(seed))
    again = ra.rand_augment(frames, np.random.default_rng(seed))
    assert _off_by(result, again) == 0
    assert (result == result[:1]).all()
    results.add(result.tobytes())
  assert len(results) > 30
  assert (frames == before).all()


@pytest.mark.parametrize(
  'setting', [{'magnitude': 11}, {'num_ops': 15}, {'fill': 256}, {'fill': -1}]
)
def test_settings_out_of_range_raise(setting):
  with pytest.raises(ValueError, match=f'{next(iter(setting))} is'):
    ra.rand_augment(NOISE, np.random.default_rng(0), **setting)
