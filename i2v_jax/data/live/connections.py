"""An open source: frames with their timestamps, until it ends."""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

Convert = Callable[[], np.ndarray]
Damaged = Callable[[str], None]


class SourceFrame(NamedTuple):
  """A frame of a source.

  Attributes:
    stamp: seconds of its clock, None if the source gives no time.
    convert: gives uint8 RGB [H, W, 3], upright, before the next frame is asked
      for; raises DecodeError.
  """

  stamp: float | None
  convert: Convert


class Connection(contextlib.AbstractContextManager):
  """An open source; use it as a context manager.

  Attributes:
    rate: frames a second as stated, 0 if unknown.
    recorded: whether it is shown at the pace of its times, and then ends.
    lasting: whether its end is a fault, so that it is opened again.
  """

  rate = 0.0
  recorded = False
  lasting = False

  def __exit__(self, *_) -> None:
    self.close()

  def close(self) -> None:
    """Closes it; closing twice does no harm."""

  def read(self, damaged: Damaged) -> Iterator[SourceFrame]:
    """Yields its frames in the order in which they are shown.

    Args:
      damaged: is called with the reason for each part that is left out.

    Raises:
      DecodeError, OSError, av.FFmpegError: it cannot be read any further.
    """
    raise NotImplementedError

  def describe_end(self, seconds: float) -> str:
    """Says what is wrong about an end after so many seconds, or ''."""
    del seconds
    return ''
