"""Makes the clips that a model sees from an open video.

Training, evaluation and prediction all use these functions.
"""

import numpy as np

from i2v_jax.data.clips import (
  boxes,
  colour,
  crops,
  flips,
  grid,
  randaugment,
  sampling,
)
from i2v_jax.data.clips.crops import (
  center_crop,
  random_erasing,
  release_crops,
  three_crop,
)
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.videos.decode import Video
from i2v_jax.data.videos.resize import resize
from i2v_jax.data.videos.span import Span
from i2v_jax.runtime.errors import UserError


def draw_train_frames(
  count: int, spec: ClipSpec, rng: np.random.Generator
) -> np.ndarray:
  """Draws the frames of a training clip from `count` frames: int64 [T]."""
  _check_no_boxes(spec)
  if spec.sampling == 'dense':
    return sampling.sample_dense_train(count, spec.num_frames, spec.stride, rng)
  if spec.sampling == 'uniform':
    return sampling.sample_uniform_train(count, spec.num_frames, rng)
  return sampling.sample_random_stride(count, spec.num_frames, rng)


def make_train_clip(
  video: Video | Span,
  label: int | np.ndarray,
  spec: ClipSpec,
  rng: np.random.Generator,
  indices: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], int | np.ndarray]:
  """Makes one random, augmented clip; returns it and its label or labels.

  The clip is a dict of uint8 arrays of `spec.train_shapes`: `video` [T, H, W,
  3], with `age` frames before them, or [T_S, H, W, 3], and with a grid `grid`
  [T / (rows * columns), H, W, 3]. Its frames are those of `draw_train_frames`,
  unless they are drawn already.
  """
  if indices is None:
    indices = draw_train_frames(video.info.frames, spec, rng)
  if spec.age:
    if isinstance(video, Span):  # whose video has frames before it
      video, indices = video.video, indices + video.first
    indices = sampling.add_before(indices, spec.age, spec.stride)
  frames = video.read(indices, spec.short_side)
  if spec.randaugment == 'before_crop':
    frames = _rand_augment(frames, spec, rng)
  window = _draw_window(frames, spec, rng)
  frames = crops.cut(frames, window, spec.image_size)
  frames, label = flips.random_flip(
    frames, label, rng, spec.flip, spec.flip_map
  )
  frames = _change_colours(frames, spec, rng)
  if spec.randaugment == 'after_crop':
    frames = _rand_augment(np.ascontiguousarray(frames), spec, rng)
  if spec.erasing:
    frames = random_erasing(frames, rng, spec.erasing, spec.erasing_mode)
  return _make_one(frames, spec), label


def make_test_views(
  video: Video, spec: ClipSpec, span: tuple[int, int] | None = None
) -> dict[str, np.ndarray]:
  """Makes all test views: `make_train_clip`'s arrays with a leading V axis.

  Args:
    video: opened by `decode.open_video`.
    spec: how clips are made.
    span: first frame and one past the last, to use a part only.
  """
  first, stop = span or (0, video.info.frames)
  numbers = first + place_test_frames(stop - first, spec)
  return make_views(video.read(numbers, find_short_side(spec)), spec)


def place_test_frames(count: int, spec: ClipSpec) -> np.ndarray:
  """Places the frames of all test clips in a video of `count` frames: [C * T].

  Raises:
    UserError: the clips have boxes, or `count` is below 1.
  """
  return _place_test_indices(count, spec).ravel()


def find_short_side(spec: ClipSpec) -> int:
  """Finds the short side, in pixels, of frames that `make_views` takes."""
  return spec.test_short_side or spec.image_size


def make_views(frames: np.ndarray, spec: ClipSpec) -> dict[str, np.ndarray]:
  """Makes all test views of frames that have been read.

  Args:
    frames: uint8 RGB [C * T, H, W, 3], at `place_test_frames`, with the short
      side of `find_short_side`.
    spec: how clips are made.

  Returns:
    As `make_test_views`.
  """
  size = spec.image_size
  if spec.release_quirks:
    squares = release_crops(frames, size, spec.crops)
  elif spec.crops == 3:
    squares = three_crop(frames, size)
  else:
    squares = [center_crop(frames, size)]
  shape = (spec.clips, spec.num_frames, size, size, 3)
  views = np.concatenate([square.reshape(shape) for square in squares])
  return _make_arrays(views, spec)


def make_train_boxes(
  video: Video,
  key: int,
  shares: np.ndarray,
  labels: np.ndarray,
  spec: ClipSpec,
  rng: np.random.Generator,
) -> dict[str, np.ndarray]:
  """Makes one augmented clip around a key frame, with its boxes.

  As VideoMAE-Action-Detection: boxes that are not visible in the video are
  dropped; crop, colours, flip; then boxes are moved, chosen and padded.

  Args:
    video: opened by `decode.open_video`.
    key: number of the key frame.
    shares: [n, 4], boxes in shares of the frame.
    labels: bool [n, classes].
    spec: how clips are made.
    rng: source of all draws.

  Returns:
    The uint8 arrays of `make_train_clip`, and `boxes`, `box_labels` and
    `box_mask` of `boxes.pad`: pixels of H x W, whose last ones are named.
  """
  size = spec.image_size
  frames = video.read(_place_around(video, key, spec), spec.short_side)
  window = _draw_window(frames, spec, rng)
  found, kept = _cut_boxes(shares, window, video, spec)
  labels = labels[kept]
  frames = _change_colours(crops.cut(frames, window, size), spec, rng)
  if rng.random() < spec.flip:
    frames, found = flips.mirror(frames), boxes.flip(found, size)
    labels = flips.exchange_columns(labels, spec.flip_map)
  if spec.erasing:
    frames = random_erasing(frames, rng, spec.erasing, spec.erasing_mode)
  found = boxes.to_inclusive(found)
  if spec.box_jitter:
    found = boxes.jitter(found, rng, spec.box_jitter, size, size)
  chosen = boxes.choose(len(found), spec.boxes, rng)
  arrays = boxes.pad(found[chosen], labels[chosen], spec.boxes)
  return _make_one(frames, spec) | arrays


def make_test_boxes(
  video: Video, key: int, shares: np.ndarray, spec: ClipSpec
) -> dict[str, np.ndarray]:
  """Makes the test view of a key frame: the complete frame, and all its boxes.

  Args:
    video: opened by `decode.open_video`.
    key: number of the key frame.
    shares: [n, 4], boxes in shares of the frame.
    spec: how clips are made.

  Returns:
    The uint8 arrays of `make_train_clip`, with H x W of `spec.test_shape`, and
    `boxes` float32 [n, 4] in these pixels, extended by `spec.box_extend`, whose
    last ones are named.
  """
  sides = video.info.height, video.info.width
  size, shape = spec.test_size(*sides), spec.test_shape(*sides)
  frames = video.read(_place_around(video, key, spec), min(size))
  frames = resize(frames, *size)
  padded = np.empty((len(frames), *shape, 3), np.uint8)
  padded[:] = spec.pad_colour
  padded[:, : size[0], : size[1]] = frames
  found = boxes.to_inclusive(boxes.from_shares(shares, *size))
  found = boxes.extend(found, spec.box_extend, *size)
  return _make_one(padded, spec) | {'boxes': found}


def _place_around(video: Video, key: int, spec: ClipSpec) -> np.ndarray:
  """Places the frames of a clip around a key frame: [T]."""
  return sampling.sample_key_frame(
    video.info.frames, spec.num_frames, spec.stride, key
  )


def _cut_boxes(
  shares: np.ndarray, window: crops.Window, video: Video, spec: ClipSpec
) -> tuple[np.ndarray, np.ndarray]:
  """Cuts boxes as frames; returns them, and the numbers of those kept."""
  sides = video.info.height, video.info.width
  found = boxes.from_shares(shares, *sides)
  kept = np.flatnonzero(boxes.find_visible(found))
  found = boxes.resize(found[kept], sides, window.resized)
  found = boxes.crop(found, *window[1:])
  found = boxes.resize(found, window[3:], (spec.image_size, spec.image_size))
  if spec.release_quirks:
    return found, kept
  visible = boxes.find_visible(found)
  return found[visible], kept[visible]


def _draw_window(
  frames: np.ndarray, spec: ClipSpec, rng: np.random.Generator
) -> crops.Window:
  """Draws the crop of a training clip."""
  sides = frames.shape[1:3]
  if spec.scale_crop:
    return crops.draw_scale_window(*sides, spec.image_size, rng, spec.scales)
  box = crops.draw_crop_box(*sides, rng, spec.crop_area, spec.crop_aspect)
  return crops.Window(sides, *box)


def _change_colours(
  frames: np.ndarray, spec: ClipSpec, rng: np.random.Generator
) -> np.ndarray:
  if spec.lighting:
    frames = colour.add_lighting_noise(frames, rng, spec.lighting)
  if spec.jitter:
    frames = colour.jitter(frames, rng, spec.jitter)
  if spec.hsv_jitter:
    frames = colour.jitter_hsv(frames, rng, spec.hsv_jitter)
  return frames


def _place_test_indices(count: int, spec: ClipSpec) -> np.ndarray:
  """Places the frames of the test clips in `count` frames: [C, T]."""
  _check_no_boxes(spec)
  if spec.sampling == 'uniform':
    return sampling.sample_uniform_test(
      count, spec.num_frames, spec.clips, spec.test_sampling
    )
  arguments = (count, spec.num_frames, spec.stride, spec.clips)
  if spec.release_quirks:
    return sampling.sample_release_test(*arguments)
  return sampling.sample_dense_test(*arguments, spec.test_sampling)


def _check_no_boxes(spec: ClipSpec) -> None:
  if spec.boxes:
    raise UserError(
      'These clips are made around key frames, so a video alone is not enough; '
      'give the times of its key frames and their boxes.'
    )


def _rand_augment(
  frames: np.ndarray, spec: ClipSpec, rng: np.random.Generator
) -> np.ndarray:
  return randaugment.rand_augment(
    frames, rng, spec.randaugment_magnitude, spec.randaugment_ops
  )


def _make_one(frames: np.ndarray, spec: ClipSpec) -> dict[str, np.ndarray]:
  """Makes the inputs of a model from one complete clip [T, H, W, 3]."""
  arrays = _make_arrays(frames[None], spec)
  return {name: array[0] for name, array in arrays.items()}


def _make_arrays(clips: np.ndarray, spec: ClipSpec) -> dict[str, np.ndarray]:
  """Makes the inputs of a model from complete clips [V, T, H, W, 3]."""
  shapes = spec.shapes
  arrays = {'video': clips[:, :: spec.num_frames // shapes['video'][0]]}
  if spec.grid:
    frames = clips.reshape(-1, *clips.shape[2:])
    made = grid.make_framesets(frames, *spec.grid, spec.grid_antialias)
    arrays['grid'] = made.reshape(-1, *shapes['grid'])
  return arrays
