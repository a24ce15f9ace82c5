"""One frame under each augmentation that there is, on a sheet."""

from collections.abc import Iterable, Iterator

import jax
import numpy as np

from i2v_jax.data.clips import colour, flips, randaugment
from i2v_jax.data.clips.crops import (
  center_crop,
  random_erasing,
  random_resized_crop,
)
from i2v_jax.data.show import sheet
from i2v_jax.data.videos.decode import open_video
from i2v_jax.training.augment import mix

_COLUMNS, _WIDTH = 7, 128
_LEVEL = 7  # of RandAugment, as in the recipes
_ALPHA = 8.0  # of the shares: about a half
Named = tuple[str, np.ndarray]


def draw_gallery(path: str, other: str, seed: int = 0) -> np.ndarray:
  """The middle of a video under each augmentation: uint8 RGB [H, W, 3].

  MixUp and CutMix take the middle of the `other` video.

  Raises:
    DecodeError, FileNotFoundError: a video cannot be read; it is named.
  """
  frame, second = read_middle_frame(path), read_middle_frame(other)
  sections = (
    ('Each clip by itself', draw_random(frame, seed)),
    (f'RandAugment at level {_LEVEL}', draw_operations(frame)),
    ('Two clips, on the device', draw_mixed(frame, second, seed)),
  )
  return sheet.pad(
    sheet.make_column(
      [_make_section(*section) for section in sections], gap=18
    ),
    border=20,
  )


def read_middle_frame(path: str, size: int = 224) -> np.ndarray:
  """The middle of a video, its central square: uint8 [size, size, 3]."""
  with open_video(path) as video:
    frames = video.read([video.info.frames // 2], short_side=size)
  return np.ascontiguousarray(center_crop(frames, size)[0])


def draw_random(frame: np.ndarray, seed: int = 0) -> Iterator[Named]:
  """Yields the names and the pictures of what acts by chance."""
  rng, frames = np.random.default_rng(seed), frame[None]
  yield 'as decoded', frame
  yield 'flip', flips.random_flip(frames, 0, rng, 1.0)[0][0]
  crop = random_resized_crop(frames, len(frame), rng)
  yield 'resized crop', crop[0]
  yield 'jitter', colour.jitter(frames, rng)[0]
  yield 'PCA lighting 0.5', colour.add_lighting_noise(frames, rng, 0.5)[0]
  for mode in ('const', 'rand'):
    erased = random_erasing(frames, rng, 1.0, mode)
    yield f'erasing {mode}', erased[0]


def draw_operations(frame: np.ndarray) -> Iterator[Named]:
  """Yields RandAugment's operations and what each makes of a frame."""
  for name, change in randaugment.OPS.items():
    yield name, change(frame[None], float(_LEVEL), 1, 0)[0]


def draw_mixed(
  frame: np.ndarray, other: np.ndarray, seed: int
) -> Iterator[Named]:
  """Yields the other frame and what MixUp and CutMix make of the two."""
  yield 'the other clip', other
  batch = {
    'video': np.stack([frame, other])[:, None],
    'label': np.arange(2),
    'mask': np.ones(2),
  }
  for name in ('MixUp', 'CutMix'):
    alpha = {name.lower(): _ALPHA}
    found = mix(batch, jax.random.key(seed), **alpha)
    share = f'{float(found["share"][0]):.0%}'
    yield f'{name}, {share} own', np.asarray(found['video'][0, 0])


def _make_section(title: str, pictures: Iterable[Named]) -> np.ndarray:
  tiles = [sheet.draw_tile(picture, _WIDTH, name) for name, picture in pictures]
  heading = sheet.draw_words(title, 15, sheet.ACCENT)
  return sheet.make_column([heading, sheet.wrap(tiles, _COLUMNS)])
