"""Frames as a model takes them, and what is wrong with those of a source."""

import collections
import dataclasses
import time

import numpy as np

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.live import views
from i2v_jax.data.live.connections import SourceFrame
from i2v_jax.data.live.inbox import Frame
from i2v_jax.data.live.sources import Source
from i2v_jax.data.live.times import Times
from i2v_jax.data.videos.packets import DecodeError
from i2v_jax.runtime.errors import UserError

MOST_DAMAGED = 100  # parts in a row, after which a source counts as lost


@dataclasses.dataclass(frozen=True)
class ReadOptions:
  """How sources are read.

  Attributes:
    spec: how the clips of the model are made.
    rate: frames a second that the model sees; None for that of its training.
    training_fps: median frames a second of the videos it was trained on, None
      if unknown: then those of the source stand for them.
    segment: median seconds of the segments it was trained on, or 0.
    fps: frames a second of folders and stdin; None as in `connect`.
    raw: width and height of raw frames on stdin; None for JPEGs.
    gap: seconds without a frame after which a stream starts over; 0 for the
      length of a clip.
    fast: whether files are read as fast as they are taken.
    pictures: whether frames are kept for viewers.
    pipe: file descriptor in place of that of stdin.
  """

  spec: ClipSpec
  rate: float | None = None
  training_fps: float | None = None
  segment: float = 0.0
  fps: float | None = None
  raw: tuple[int, int] | None = None
  gap: float = 0.0
  fast: bool = False
  pictures: bool = False
  pipe: int | None = None


class FrameMaker:
  """Makes frames of a source; begins an epoch where they do not continue.

  Args:
    source: the source.
    options: how it is read.
    times: whose epochs are begun.
    notes: where its sentences go.

  Attributes:
    rate: frames a second that are taken.
    damaged: parts that could not be decoded.
  """

  def __init__(
    self,
    source: Source,
    options: ReadOptions,
    times: Times,
    notes: collections.deque[str],
  ):
    self._source, self._options = source, options
    self._times, self._notes = times, notes
    self._spec = views.make_frame_spec(options.spec)
    self._size, self._last, self._row = None, 0.0, 0
    self.rate, self.damaged = 0.0, 0

  def begin(self, rate: float) -> None:
    """Begins with a source that has been opened.

    Args:
      rate: frames a second that are taken.
    """
    self.rate, self._row = rate, 0

  def make(self, shown: SourceFrame, seconds: float) -> Frame | None:
    """Makes the frame at `seconds` of a source; None if it is damaged.

    Raises:
      DecodeError: so were too many before it.
    """
    clock = time.monotonic(), time.time()  # decoding counts as latency
    try:
      image = shown.convert()
      view = views.make_view(image, self._spec)
    except UserError as error:
      self.leave_out(self.cut_name(error))
      return None
    self._row = 0
    self._see_size(image)
    self._see_gap(seconds)
    picture = views.shrink(image) if self._options.pictures else None
    return Frame(seconds, self._times.epoch, view, picture, *clock)

  def leave_out(self, reason: str) -> None:
    """Notes a part that is left out.

    Raises:
      DecodeError: it is one of too many in a row.
    """
    self.damaged += 1
    self._row += 1
    if self._row > MOST_DAMAGED:
      raise DecodeError(
        f'{self._row} parts in a row cannot be decoded ({reason})'
      )
    if self.damaged == 1:
      self._notes.append(
        f'{self._source.name}: a part cannot be decoded ({reason}); such parts '
        'are left out and counted'
      )

  def cut_name(self, error: Exception) -> str:
    """What an error says, without the name that it may begin with."""
    text = str(error).removeprefix(f'{self._source.path}: ')
    return text.removeprefix(f'{self._source.name}: ')

  def _see_gap(self, seconds: float) -> None:
    gap = self._options.gap or self._options.spec.num_frames / self.rate
    if seconds - self._last > gap:
      self._times.epoch += 1
    self._last = seconds

  def _see_size(self, image: np.ndarray) -> None:
    size = image.shape[1::-1]
    if self._size not in (None, size):
      self._times.epoch += 1
      before, now = ('{} x {}'.format(*sides) for sides in (self._size, size))
      self._notes.append(
        f'{self._source.name}: the picture is {now} pixels now, not {before}; '
        'it counts as a new stream'
      )
    self._size = size
