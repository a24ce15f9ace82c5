"""Loads one element of a split: a clip, all test views, or a placeholder.

Worker processes run this module: it imports neither grain nor JAX.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.decode import DecodeError, Video, open_video
from i2v_jax.runtime.errors import UserError, check_choice

PADDING = -1  # index of an element that fills the last batch
REASON = 200  # bytes kept of the reason why a video is bad


@dataclasses.dataclass(frozen=True)
class Loader:
  """Loads elements of a split, with a policy for unreadable videos.

  An element is a dict: the arrays of `spec.shapes`, uint8 (`video`, and with a
  grid `grid`), `label` int32, `index` int64 into the split, `mask` float32,
  which is 0 for a placeholder, and `error`, bytes, the reason for it.

  Attributes:
    split: the videos.
    spec: how clips are made.
    on_bad_video: 'error' raises, 'skip' returns a placeholder.
    seconds: time limit for reading a clip, above which the video is bad; 0 for
      no limit.
  """

  split: Split
  spec: clips.ClipSpec
  on_bad_video: str = 'error'
  seconds: float = 0

  def __post_init__(self):
    check_choice('on_bad_video', self.on_bad_video, ('error', 'skip'))
    if self.seconds < 0:
      raise UserError(
        f'clip_seconds is {self.seconds}; it can be above 0, or 0 for no limit.'
      )

  def load_clip(self, index: int, rng: np.random.Generator) -> dict:
    """Loads a random clip of video `index`; see `clips.make_train_clip`."""
    label = int(self.split.labels[index])
    make = lambda video: clips.make_train_clip(video, label, self.spec, rng)
    return self._load(index, make, ())

  def load_views(self, index: int) -> dict:
    """Loads all test views of video `index`; arrays have a leading V axis."""
    leading = (self.spec.views,)
    if index == PADDING:
      return self._make_placeholder(index, -1, leading, '')
    label = int(self.split.labels[index])
    make = lambda video: (clips.make_test_views(video, self.spec), label)
    return self._load(index, make, leading)

  def make_lost(self, index: int, reason: str, leading: tuple = ()) -> dict:
    """Makes the element of a video whose worker was lost: a bad video.

    Args:
      index: of the video.
      reason: how the worker was lost.
      leading: `()` for `load_clip`, `(spec.views,)` for `load_views`.

    Raises:
      DecodeError: `on_bad_video` is 'error'.
    """
    error = DecodeError(f'{self.split.paths[index]}: {reason}')
    return self._handle_bad(index, error, leading)

  def _load(self, index: int, make: Callable[[Video], tuple], leading) -> dict:
    name, limit = self.split.paths[index], self.seconds or None
    try:
      with (
        faults.report_bugs(name),
        open_video(self.split.video(index), name, limit) as video,
      ):
        arrays, label = make(video)
    except MemoryError as error:
      lost = DecodeError(f'{name}: {faults.describe(error)}')
      return self._handle_bad(index, lost, leading)
    except faults.OF_VIDEO as error:
      return self._handle_bad(index, error, leading)
    return _make_element(arrays, label, index, 1.0, '')

  def _handle_bad(self, index: int, error: Exception, leading: tuple) -> dict:
    if self.on_bad_video == 'error':
      raise DecodeError(
        f"{error} (to continue without such videos: on_bad_video='skip')"
      ) from error
    label = int(self.split.labels[index])
    return self._make_placeholder(index, label, leading, str(error))

  def _make_placeholder(self, index, label, leading, reason):
    arrays = {
      name: np.zeros((*leading, *shape), np.uint8)
      for name, shape in self.spec.shapes.items()
    }
    return _make_element(arrays, label, index, 0.0, reason)


def _make_element(arrays, label, index, mask, reason):
  reason = reason.encode(errors='surrogateescape')  # like file names
  if len(reason) > REASON:  # a long path comes first
    reason = b'...' + reason[3 - REASON :]
  return arrays | {
    'label': np.int32(label),
    'index': np.int64(index),
    'mask': np.float32(mask),
    'error': np.array(reason, f'S{REASON}'),
  }
