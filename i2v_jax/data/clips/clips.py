"""Makes the clips that a model sees from an open video.

Training, evaluation and prediction all use these functions.
"""

import numpy as np

from i2v_jax.data.clips import colour, flips, grid, randaugment, sampling
from i2v_jax.data.clips.crops import (
  center_crop,
  random_erasing,
  random_resized_crop,
  random_scale_crop,
  release_crops,
  three_crop,
)
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.videos.decode import Video


def make_train_clip(
  video: Video, label: int, spec: ClipSpec, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], int]:
  """Makes one random, augmented clip; returns it and its label.

  The clip is a dict of uint8 arrays of `spec.shapes`: `video` [T, H, W, 3] or
  [T_S, H, W, 3], and with a grid `grid` [T / (rows * columns), H, W, 3].
  """
  indices = _draw_train_indices(video.info.frames, spec, rng)
  frames = video.read(indices, spec.short_side)
  if spec.randaugment == 'before_crop':
    frames = _rand_augment(frames, spec, rng)
  if spec.scale_crop:
    frames = random_scale_crop(
      frames, spec.image_size, rng, (1.0, spec.scale_crop)
    )
  else:
    frames = random_resized_crop(
      frames, spec.image_size, rng, spec.crop_area, spec.crop_aspect
    )
  frames, label = flips.random_flip(
    frames, label, rng, spec.flip, spec.flip_map
  )
  if spec.lighting:
    frames = colour.add_lighting_noise(frames, rng, spec.lighting)
  if spec.jitter:
    frames = colour.jitter(frames, rng, spec.jitter)
  if spec.randaugment == 'after_crop':
    frames = _rand_augment(np.ascontiguousarray(frames), spec, rng)
  if spec.erasing:
    frames = random_erasing(frames, rng, spec.erasing, spec.erasing_mode)
  arrays = _make_arrays(frames[None], spec)
  return {name: array[0] for name, array in arrays.items()}, label


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
  size = spec.image_size
  indices_CxT = _place_test_indices(stop - first, spec)
  short_side = spec.test_short_side or size
  frames = video.read(first + indices_CxT.ravel(), short_side)
  if spec.release_quirks:
    crops = release_crops(frames, size, spec.crops)
  elif spec.crops == 3:
    crops = three_crop(frames, size)
  else:
    crops = [center_crop(frames, size)]
  shape = (spec.clips, spec.num_frames, size, size, 3)
  views = np.concatenate([crop.reshape(shape) for crop in crops])
  return _make_arrays(views, spec)


def _draw_train_indices(
  count: int, spec: ClipSpec, rng: np.random.Generator
) -> np.ndarray:
  """Draws the frames of a training clip from `count` frames: [T]."""
  if spec.sampling == 'dense':
    return sampling.sample_dense_train(count, spec.num_frames, spec.stride, rng)
  if spec.sampling == 'uniform':
    return sampling.sample_uniform_train(count, spec.num_frames, rng)
  return sampling.sample_random_stride(count, spec.num_frames, rng)


def _place_test_indices(count: int, spec: ClipSpec) -> np.ndarray:
  """Places the frames of the test clips in `count` frames: [C, T]."""
  if spec.sampling == 'uniform':
    return sampling.sample_uniform_test(
      count, spec.num_frames, spec.clips, spec.test_sampling
    )
  arguments = (count, spec.num_frames, spec.stride, spec.clips)
  if spec.release_quirks:
    return sampling.sample_release_test(*arguments)
  return sampling.sample_dense_test(*arguments, spec.test_sampling)


def _rand_augment(
  frames: np.ndarray, spec: ClipSpec, rng: np.random.Generator
) -> np.ndarray:
  return randaugment.rand_augment(
    frames, rng, spec.randaugment_magnitude, spec.randaugment_ops
  )


def _make_arrays(clips: np.ndarray, spec: ClipSpec) -> dict[str, np.ndarray]:
  """Makes the inputs of a model from complete clips [V, T, H, W, 3]."""
  shapes = spec.shapes
  arrays = {'video': clips[:, :: spec.num_frames // shapes['video'][0]]}
  if spec.grid:
    frames = clips.reshape(-1, *clips.shape[2:])
    made = grid.make_framesets(frames, *spec.grid, spec.grid_antialias)
    arrays['grid'] = made.reshape(-1, *shapes['grid'])
  return arrays
