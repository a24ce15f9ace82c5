"""The newest frame of each source: nothing queues, what is late is dropped."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Frame(NamedTuple):
  """A frame as a model takes it.

  Attributes:
    seconds: from the first frame of its source.
    epoch: another number than that of the frame before if it does not continue
      that one.
    view: uint8 [size, size, 3].
    picture: uint8 RGB [H, W, 3] for viewers, None if there are none.
    arrived: seconds of `time.monotonic` at which it was there.
    clock: seconds of `time.time` at which it was there.
  """

  seconds: float
  epoch: int
  view: np.ndarray
  picture: np.ndarray | None
  arrived: float
  clock: float


class Inbox:
  """A place for one frame of each source, which threads fill.

  Args:
    count: number of sources.

  Attributes:
    dropped: frames of each source that were replaced before they were taken.
  """

  def __init__(self, count: int):
    self._changed = threading.Condition()
    self._frames: list[Frame | None] = [None] * count
    self._open, self._closed = [True] * count, False
    self.dropped = [0] * count

  def put(self, number: int, frame: Frame, wait: bool = False) -> None:
    """Puts the frame of a source in the place of the one before.

    Args:
      number: of the source.
      frame: the newest one.
      wait: whether to wait until the one before is taken.
    """
    with self._changed:
      if wait:
        self._changed.wait_for(
          lambda: self._closed or self._frames[number] is None
        )
      if self._closed:
        return
      self.dropped[number] += self._frames[number] is not None
      self._frames[number] = frame
      self._changed.notify_all()

  def take(
    self,
    seconds: float,
    together: Sequence[bool] = (),
    linger: float = 0.0,
    expected: Sequence[bool] = (),
  ) -> list[Frame | None]:
    """Takes what is there, None of sources without a new frame.

    Args:
      seconds: for which it waits at most; then it takes nothing.
      together: sources for all of which it waits, as they can wait too.
      linger: seconds for which it waits for `expected` after the first frame.
      expected: sources whose next frame may be about to come.
    """
    with self._changed:
      if not self._changed.wait_for(lambda: self._is_ready(together), seconds):
        return [None] * len(self._frames)
      self._changed.wait_for(lambda: not self._misses(expected), linger)
      found, self._frames = self._frames, [None] * len(self._frames)
      self._changed.notify_all()
      return found

  def holds(self, number: int) -> bool:
    """Whether a frame of a source is there."""
    with self._changed:
      return self._frames[number] is not None

  def _is_ready(self, together: Sequence[bool]) -> bool:
    there = any(frame is not None for frame in self._frames)
    return not any(self._open) or (there and not self._misses(together))

  def _misses(self, sources: Sequence[bool]) -> bool:
    """Whether one of these is open and has no frame there."""
    return any(
      asked and self._open[number] and self._frames[number] is None
      for number, asked in enumerate(sources)
    )

  def end(self, number: int) -> None:
    """Notes that a source gives no further frame."""
    with self._changed:
      self._open[number] = False
      self._changed.notify_all()

  def close(self) -> None:
    """Takes no further frames; threads that wait continue."""
    with self._changed:
      self._closed = True
      self._changed.notify_all()

  @property
  def finished(self) -> bool:
    """Whether all sources have ended and all their frames were taken."""
    with self._changed:
      left = [*self._open, *(frame is not None for frame in self._frames)]
      return not any(left)
