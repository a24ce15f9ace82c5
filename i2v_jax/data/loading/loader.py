"""Loads one element of a split: a clip, all test views, or a placeholder.

Worker processes run this module: it imports neither grain nor JAX.
"""

import contextlib
import dataclasses
from collections.abc import Callable

import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.loading import key_frames
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos import faults
from i2v_jax.data.videos.decode import DecodeError, open_video
from i2v_jax.data.videos.span import open_span
from i2v_jax.runtime.errors import UserError, check_choice

PADDING = -1  # index of an element that fills the last batch
REASON = 200  # bytes kept of the reason why a video is bad


@dataclasses.dataclass(frozen=True)
class Loader:
  """Loads elements of a split, with a policy for unreadable videos.

  An element is a dict: the arrays of `spec.shapes`, or of `spec.train_shapes`
  in training, uint8 (`video`, and with a
  grid `grid`), `label` int32, `index` int64 into the split, `mask` float32,
  which is 0 for a placeholder, and `error`, bytes, the reason for it.

  Test views of a video or span also have `seconds` float32, its length, which
  is NaN for a placeholder.

  Where examples have any number of labels, `label` is -1, and `targets` uint8
  [classes] is 1 for each. An example of a split with segments is its span,
  which may be drawn: see `segments.Segments`.

  Of a split with key frames an element is one of these: `label` is -1, and
  `boxes`, `box_labels` and `box_mask` are as `clips.make_train_boxes` makes
  them. Their number N is `spec.boxes` in training, otherwise
  `key_frames.count_test_boxes`.

  Attributes:
    split: the videos.
    spec: how clips are made.
    on_bad_video: 'error' raises, 'skip' returns a placeholder.
    seconds: time limit for reading a clip, above which the video is bad; 0 for
      no limit.
    test_shape: height and width of the frames of `load_views`, if the split has
      key frames; those of others are refused, and placeholders get it. None
      lets frames differ, and placeholders are as of a square video.
  """

  split: Split
  spec: clips.ClipSpec
  on_bad_video: str = 'error'
  seconds: float = 0
  test_shape: tuple[int, int] | None = None

  def __post_init__(self):
    check_choice('on_bad_video', self.on_bad_video, ('error', 'skip'))
    if self.seconds < 0:
      raise UserError(
        f'clip_seconds is {self.seconds}; it can be above 0, or 0 for no limit.'
      )
    key_frames.check(self.split, self.spec)

  def load_clip(self, index: int, rng: np.random.Generator) -> dict:
    """Loads a random clip of video `index`; see `clips.make_train_clip`."""
    label = self._find_label(index)
    if self.spec.boxes:
      given = self.split, self.spec, index
      make = lambda *video: (key_frames.make_train(*given, *video, rng), label)
    else:
      make = lambda video: self._make_train_clip(index, video, rng)
    return self._load(index, make, (), rng)

  def _make_train_clip(self, index: int, video, rng: np.random.Generator):
    """Makes a clip, whose labels are those that hold for half of it."""
    frames = clips.draw_train_frames(video.info.frames, self.spec, rng)
    label, segments = self._find_label(index), self.split.segments
    if segments is not None and isinstance(label, np.ndarray):
      start, end = video.find_time(frames)
      if start < end:
        place = segments.video_of[index], start, end
        label = segments.labelled.find_targets(*place)
    return clips.make_train_clip(video, label, self.spec, rng, frames)

  def load_views(self, index: int) -> dict:
    """Loads all test views of video `index`; clips have a leading V axis."""
    leading = (self.spec.views,)
    if index == PADDING:
      return self._make_placeholder(index, self._no_label, leading, '')
    label = self._find_label(index)
    if self.spec.boxes:
      make = lambda *video: (self._make_test_boxes(index, *video), label)
    else:
      make = lambda video: (self._make_test_views(video), label)
    return self._load(index, make, leading)

  def _make_test_views(self, video) -> dict:
    views = clips.make_test_views(video, self.spec)
    return views | {'seconds': np.float32(video.info.duration)}

  def find_test_shape(self, index: int) -> tuple[int, int] | None:
    """Finds height and width of the test frames of key frame `index`.

    None if it cannot be read.

    Raises:
      UserError: a model with a grid does not take that shape.
    """
    find = lambda video, key: (video.info.height, video.info.width)
    sides = self._read(index, find, lambda error: ())
    return self.spec.test_shape(*sides) if sides else None

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

  def _load(self, index, make: Callable[..., tuple], leading, rng=None):
    good = lambda *video: _make_element(*make(*video), index, 1.0, '')
    bad = lambda error: self._handle_bad(index, error, leading)
    return self._read(index, good, bad, rng)

  def _read(self, index: int, use: Callable, handle_bad: Callable, rng=None):
    """Calls `use` on an open video, or `handle_bad` on why it is bad."""
    name = self.split.paths[index]
    try:
      with faults.report_bugs(name), contextlib.ExitStack() as opened:
        video, *key = self._open(index, rng)
        return use(opened.enter_context(video), *key)
    except MemoryError as error:
      return handle_bad(DecodeError(f'{name}: {faults.describe(error)}'))
    except faults.OF_VIDEO as error:
      return handle_bad(error)

  def _open(self, index: int, rng: np.random.Generator | None) -> tuple:
    """Opens a video; with key frames returns the number of its own too."""
    split, limit = self.split, self.seconds or None
    if self.spec.boxes:
      return key_frames.open_example(split, self.spec, index, limit)
    given = split.paths[index], limit, split.fps
    if split.segments is None:
      return (open_video(split.video(index), *given),)
    span = split.segments.choose_span(index, rng)
    return (open_span(split.video(index), span, *given),)

  def _find_label(self, index: int) -> int | np.ndarray:
    """Finds the label of an example, or bool [classes], its labels."""
    if self.split.targets is not None:
      return self.split.targets[index]
    return int(self.split.labels[index])

  @property
  def _no_label(self) -> int | np.ndarray:
    targets = self.split.targets
    return -1 if targets is None else np.zeros_like(targets[0])

  def _make_test_boxes(self, index: int, video, key: int) -> dict:
    arrays = key_frames.make_test(self.split, self.spec, index, video, key)
    found = arrays['video'].shape[2:4]
    if self.test_shape not in (None, found):
      raise DecodeError(
        f'{self.split.paths[index]}: frames of key frame '
        f'{self.split.ids[index]} come to {found[1]} x {found[0]} pixels, not '
        f'to {self.test_shape[1]} x {self.test_shape[0]} as others of this '
        'video; encode all of it alike'
      )
    return arrays

  def _handle_bad(self, index: int, error: Exception, leading: tuple) -> dict:
    if self.on_bad_video == 'error':
      raise DecodeError(
        f"{error} (to continue without such videos: on_bad_video='skip')"
      ) from error
    label = self._find_label(index)
    return self._make_placeholder(index, label, leading, str(error))

  @property
  def _placeholder_shape(self) -> tuple[int, int]:
    side = self.spec.image_size
    return self.test_shape or self.spec.test_shape(side, side)

  def _make_placeholder(self, index, label, leading, reason):
    shapes, more = self.spec.shapes if leading else self.spec.train_shapes, {}
    if self.spec.boxes:
      count = self.spec.boxes
      if leading:
        count = key_frames.count_test_boxes(self.split)
        shapes['video'] = (shapes['video'][0], *self._placeholder_shape, 3)
      more = key_frames.make_no_boxes(self.split, count)
    elif leading:
      more = {'seconds': np.float32(np.nan)}
    arrays = {
      name: np.zeros((*leading, *shape), np.uint8)
      for name, shape in shapes.items()
    } | more
    return _make_element(arrays, label, index, 0.0, reason)


def _make_element(arrays, label, index, mask, reason):
  reason = reason.encode(errors='surrogateescape')  # like file names
  if len(reason) > REASON:  # a long path comes first
    reason = b'...' + reason[3 - REASON :]
  if isinstance(label, np.ndarray):
    arrays, label = arrays | {'targets': label.astype(np.uint8)}, -1
  return arrays | {
    'label': np.int32(label),
    'index': np.int64(index),
    'mask': np.float32(mask),
    'error': np.array(reason, f'S{REASON}'),
  }
