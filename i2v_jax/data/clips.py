"""From an open video to what the model sees: one rule for every user of it.

Training, evaluation and prediction all come through here.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from i2v_jax.data import randaugment, sampling, transforms
from i2v_jax.data.decode import Video

CHOICES = {
  'sampling': ('dense', 'uniform'),
  'randaugment': ('off', 'before_crop', 'after_crop'),
  'erasing_mode': ('const', 'rand'),
  'crops': (1, 3),
}


@dataclasses.dataclass(frozen=True)
class ClipSpec:
  """How clips are drawn, cropped and augmented; sizes in pixels.

  Attributes:
    num_frames: T, frames of a clip.
    image_size: side of the square the model takes.
    sampling: `dense`, every `stride`-th frame; `uniform`, T spread out over the
      whole video.
    stride: frames from one to the next of a dense clip.
    short_side: training videos are resized to it first.
    crop_area: range of the share of the frame that a training crop covers.
    crop_aspect: range of its width over its height.
    flip: probability of a mirrored training clip.
    flip_map: label -> label of the mirrored clip, where they differ.
    randaugment: `before_crop`, `after_crop` or `off`; magnitude 7, 4 ops.
    erasing: probability of an erased rectangle.
    erasing_mode: grey, `const`, or noise, `rand`.
    clips: test clips along time.
    crops: test crops of each, 1 (centre) or 3 (along the long side).
    test_short_side: test videos are resized to it; 0 means `image_size`.
  """

  num_frames: int
  image_size: int
  sampling: str = 'dense'
  stride: int = 1
  short_side: int = 256
  crop_area: tuple[float, float] = (0.08, 1.0)
  crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
  flip: float = 0.5
  flip_map: Mapping[int, int] = dataclasses.field(default_factory=dict)
  randaugment: str = 'off'
  erasing: float = 0.0
  erasing_mode: str = 'const'
  clips: int = 1
  crops: int = 1
  test_short_side: int = 0

  def __post_init__(self):
    for field, known in CHOICES.items():
      if getattr(self, field) not in known:
        raise ValueError(
          f'{field} is {getattr(self, field)!r}; it can be one of {known}.'
        )
    for field in ('num_frames', 'image_size', 'stride', 'short_side', 'clips'):
      if getattr(self, field) < 1:
        raise ValueError(f'{field} is {getattr(self, field)}, not at least 1.')
    for field in ('flip', 'erasing'):
      self._check_range(field, 0, getattr(self, field), 1)
    self._check_range('crop_area', 1e-9, *self.crop_area, 1)
    self._check_range('crop_aspect', 1e-9, *self.crop_aspect)
    if self.test_short_side and self.test_short_side < self.image_size:
      raise ValueError(
        f'test_short_side {self.test_short_side} is smaller than the crop of '
        f'{self.image_size}.'
      )
    if self.crops == 3 and self.test_short_side not in (0, self.image_size):
      raise ValueError(
        'Three crops lie along the long side, so test_short_side must equal '
        f'image_size {self.image_size}, not {self.test_short_side}.'
      )

  def _check_range(self, field: str, *ascending: float) -> None:
    if list(ascending) != sorted(ascending):
      raise ValueError(f'{field} cannot be {getattr(self, field)}.')

  @property
  def views(self) -> int:
    """V, test views of a video."""
    return self.clips * self.crops


def train_clip(
  video: Video, label: int, spec: ClipSpec, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
  """One random, augmented clip `[T, H, W, 3]` uint8 and its label."""
  count = video.info.frames
  if spec.sampling == 'dense':
    indices = sampling.dense_train(count, spec.num_frames, spec.stride, rng)
  else:
    indices = sampling.uniform_train(count, spec.num_frames, rng)
  frames = transforms.resize_short_side(video.read(indices), spec.short_side)
  if spec.randaugment == 'before_crop':
    frames = randaugment.rand_augment(frames, rng)
  frames = transforms.random_resized_crop(
    frames, spec.image_size, rng, spec.crop_area, spec.crop_aspect
  )
  frames, label = transforms.random_flip(
    frames, label, rng, spec.flip, spec.flip_map
  )
  if spec.randaugment == 'after_crop':
    frames = randaugment.rand_augment(np.ascontiguousarray(frames), rng)
  if spec.erasing:
    frames = transforms.random_erasing(
      frames, rng, spec.erasing, spec.erasing_mode
    )
  return frames, label


def test_views(
  video: Video, spec: ClipSpec, span: tuple[int, int] | None = None
) -> np.ndarray:
  """All test views of a video, `[V, T, H, W, 3]` uint8.

  Args:
    video: opened by `decode.open_video`.
    spec: what the model takes.
    span: first frame and the one after the last, to look at a part only.
  """
  first, stop = span or (0, video.info.frames)
  count, size = stop - first, spec.image_size
  if spec.sampling == 'dense':
    indices_CxT = sampling.dense_test(
      count, spec.num_frames, spec.stride, spec.clips
    )
  else:
    indices_CxT = sampling.uniform_test(count, spec.num_frames, spec.clips)
  frames = video.read(first + indices_CxT.ravel())
  frames = transforms.resize_short_side(frames, spec.test_short_side or size)
  if spec.crops == 3:
    crops = transforms.three_crop(frames, size)
  else:
    crops = [transforms.center_crop(frames, size)]
  shape = (spec.clips, spec.num_frames, size, size, 3)
  return np.concatenate([crop.reshape(shape) for crop in crops])
