"""Which frame a cell shows, that cells do not mix, and the release's pixels."""

import cv2
import numpy as np
import pytest

from i2v_jax.data.clips import clips, grid
from i2v_jax.data.videos import decode

kinds = pytest.mark.parametrize('dtype', [np.uint8, np.float32])
filters = pytest.mark.parametrize('antialias', [False, True])


SPEC = dict(num_frames=8, image_size=32, stride=3)
GRID = dict(grid=(2, 2), spatial_frames=4)


def noise(num_frames, height, width, dtype=np.float32):
  rng = np.random.default_rng(0)
  return rng.uniform(0, 256, (num_frames, height, width, 3)).astype(dtype)


def tile(frames, rows, columns):
  """Frames at full size, as the release puts them together: [G, aH, bW, 3]."""
  _, height, width, _ = frames.shape
  cells = frames.reshape(-1, rows, columns, height, width, 3)
  shape = (-1, rows * height, columns * width, 3)
  return cells.transpose(0, 1, 3, 2, 4, 5).reshape(shape)


@kinds
@filters
@pytest.mark.parametrize(('rows', 'columns'), [(4, 4), (2, 3), (1, 5), (1, 1)])
def test_cells_show_the_frames_in_order_with_sharp_borders(
  dtype, antialias, rows, columns
):
  cells = rows * columns
  values = np.arange(3 * cells, dtype=dtype)
  frames = np.broadcast_to(
    values[:, None, None, None], (3 * cells, 8 * rows, 6 * columns, 3)
  )
  found = grid.make_framesets(frames, rows, columns, antialias)
  assert found.dtype == dtype and found.shape == (3, *frames.shape[1:])
  for g, a, b in np.ndindex(3, rows, columns):
    cell = found[g, 8 * a : 8 * a + 8, 6 * b : 6 * b + 6]
    assert (cell == cells * g + columns * a + b).all()


def test_tiling_after_resizing_is_tiling_before_it():
  # The release tiles at full size; its bilinear output pixel i lies midway
  # between input pixels 4 i + 1 and 4 i + 2.
  frames = noise(32, 16, 24)
  tiled = tile(frames, 4, 4)
  quarters = [tiled[:, y::4, x::4] for y in (1, 2) for x in (1, 2)]
  wanted = np.mean(quarters, axis=0, dtype=np.float64)
  found = grid.make_framesets(frames, 4, 4)
  # Two roundings of values up to 256.
  np.testing.assert_allclose(found, wanted, rtol=0, atol=3e-5)


def test_the_release_enters_the_same_images(golden):
  with np.load(golden / 'dualpath_release_16f.npz') as file:
    clip, images = file['input'][0], file['images']
  frames = clip.transpose(1, 2, 3, 0)
  found = grid.make_framesets(frames, 4, 4).transpose(0, 3, 1, 2)
  np.testing.assert_allclose(found, images[:1], rtol=0, atol=1e-6)


@filters
@pytest.mark.parametrize('scale', [2, 4])
def test_bytes_are_rounded_to_the_nearest_level(antialias, scale):
  frames = noise(scale**2, 32, 48, np.uint8)
  exact = grid.make_framesets(
    frames.astype(np.float32), scale, scale, antialias
  )
  found = grid.make_framesets(frames, scale, scale, antialias)
  assert np.abs(found - exact).max() <= 0.5


@kinds
def test_antialiasing_takes_the_mean_of_a_whole_block(dtype):
  frames = noise(6, 8, 12, dtype)
  blocks = frames.reshape(6, 4, 2, 4, 3, 3).mean(axis=(2, 4), dtype=np.float64)
  wanted = tile(blocks, 2, 3)
  found = grid.make_framesets(frames, 2, 3, antialias=True)
  half_a_level = 0.5 if dtype == np.uint8 else 6e-5
  assert np.abs(found - wanted).max() <= half_a_level
  plain = grid.make_framesets(frames, 2, 3)
  assert np.abs(plain - wanted).max() > 10


@filters
def test_a_cell_depends_on_its_own_frame_alone(antialias):
  frames = noise(4, 32, 32, np.uint8)
  changed = frames.copy()
  changed[1] = 255 - changed[1]
  one, other = (
    grid.make_framesets(f, 2, 2, antialias) for f in (frames, changed)
  )
  differs = (one != other).any(axis=(0, 3))
  assert differs[:16, 16:].mean() > 0.9
  differs[:16, 16:] = False
  assert not differs.any()


def test_views_are_read_as_they_look_and_left_alone():
  frames = noise(8, 16, 16, np.uint8)
  before = frames.copy()
  for view in (frames[:, :, ::-1], frames[::2], frames[:, 4:12, 4:12]):
    wanted = grid.make_framesets(np.ascontiguousarray(view), 2, 2)
    np.testing.assert_array_equal(grid.make_framesets(view, 2, 2), wanted)
  np.testing.assert_array_equal(frames, before)


def test_a_cell_is_what_cv2_makes_of_the_frame():
  frames = noise(12, 30, 40, np.uint8)
  found = grid.make_framesets(frames, 3, 4)
  small = np.stack([cv2.resize(frame, (10, 10)) for frame in frames])
  np.testing.assert_array_equal(found, tile(small, 3, 4))


@pytest.mark.parametrize(
  ('shape', 'rows', 'columns', 'words'),
  [
    ((15, 8, 8, 3), 4, 4, '15 frames .* 4 x 4; .* multiple of 16'),
    ((6, 9, 8, 3), 2, 3, 'frames of 9 x 8 pixels .* multiple of 2 .* of 3'),
    ((6, 8, 8, 3), 2, 3, 'frames of 8 x 8 pixels .* multiple of 2 .* of 3'),
    ((4, 8, 8, 3), 0, 2, 'grid of 0 x 2 has no cells'),
    ((4, 8, 8, 3), 2, -2, 'grid of 2 x -2 has no cells'),
    ((4, 8, 8, 1), 2, 2, r'but are float32 \[4, 8, 8, 1\]'),
    ((8, 8, 3), 2, 2, r'but are float32 \[8, 8, 3\]'),
  ],
)
def test_what_does_not_divide_is_told(shape, rows, columns, words):
  with pytest.raises(ValueError, match=words):
    grid.make_framesets(np.zeros(shape, np.float32), rows, columns)


def test_other_types_are_refused():
  with pytest.raises(ValueError, match='are float64'):
    grid.make_framesets(np.zeros((4, 8, 8, 3)), 2, 2)


def train(path, **options):
  with decode.open_video(path) as video:
    rng = np.random.default_rng(3)
    return clips.make_train_clip(
      video, 0, clips.ClipSpec(**SPEC | options), rng
    )[0]


def views(path, **options):
  with decode.open_video(path) as video:
    return clips.make_test_views(video, clips.ClipSpec(**SPEC | options))


@pytest.mark.parametrize(
  ('options', 'shapes'),
  [
    ({}, {'video': (8, 32, 32, 3)}),
    (GRID, {'video': (4, 32, 32, 3), 'grid': (2, 32, 32, 3)}),
    (dict(grid=(1, 8)), {'video': (8, 32, 32, 3), 'grid': (1, 32, 32, 3)}),
  ],
)
def test_clips_and_views_have_the_shapes_of_their_spec(videos, options, shapes):
  path = videos / 'arm_wrestling.mp4'
  assert clips.ClipSpec(**SPEC | options).shapes == shapes
  one, some = train(path, **options), views(path, clips=2, **options)
  assert {k: v.shape for k, v in one.items()} == shapes
  assert {k: v.shape for k, v in some.items()} == {
    k: (2, *shape) for k, shape in shapes.items()
  }
  assert all(v.dtype == np.uint8 for v in (*one.values(), *some.values()))


@filters
def test_a_grid_shows_every_frame_of_the_augmented_clip(videos, antialias):
  path = videos / 'arm_wrestling.mp4'
  options = dict(flip=1.0, lighting=0.5, erasing=1.0, erasing_mode='rand')
  plain = train(path, **options)['video']
  # At half the size, as in GRID, both filters are the same.
  options |= dict(grid=(4, 2), spatial_frames=4, grid_antialias=antialias)
  found = train(path, **options)
  np.testing.assert_array_equal(found['video'], plain[::2])
  wanted = grid.make_framesets(plain, 4, 2, antialias)
  np.testing.assert_array_equal(found['grid'], wanted)


def test_every_view_has_a_grid_of_its_own(videos):
  path = videos / 'arm_wrestling.mp4'
  plain = views(path, clips=2, crops=3)['video']
  found = views(path, clips=2, crops=3, **GRID)
  np.testing.assert_array_equal(found['video'], plain[:, ::2])
  wanted = [grid.make_framesets(view, 2, 2) for view in plain]
  np.testing.assert_array_equal(found['grid'], wanted)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (dict(spatial_frames=2), 'need a grid; set grid'),
    (dict(grid_antialias=True), 'need a grid; set grid'),
    (dict(grid=(2,)), r'grid is \(2,\); it can be \(rows, columns\)'),
    (dict(grid=(2, 3)), '8 frames do not fill grids of 2 x 3'),
    (dict(grid=(2, 0)), r'grid is \(2, 0\); it can'),
    (dict(grid=(1, 4), image_size=30), 'frames of 30 x 30 pixels'),
    (dict(grid=(2, 2), spatial_frames=3), 'spatial_frames 3 does not divide'),
  ],
)
def test_a_spec_is_checked_before_a_video_is_read(options, words):
  with pytest.raises(ValueError, match=words):
    clips.ClipSpec(**SPEC | options)
