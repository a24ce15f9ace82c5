"""An open source: frames with their timestamps, until it ends."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from i2v_jax.data.live.places import Place
from i2v_jax.data.videos.frame_folder import FPS, FrameFolder, check_fps
from i2v_jax.runtime.errors import UserError

Convert = Callable[[], np.ndarray]
Damaged = Callable[[str], None]


class Shown(NamedTuple):
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

  def read(self, damaged: Damaged) -> Iterator[Shown]:
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


class FolderConnection(Connection):
  """A folder of numbered frames."""

  recorded = True

  def __init__(self, path: str, fps: float):
    self._folder = FrameFolder(path, fps=fps)
    self.rate = float(fps)

  def read(self, damaged: Damaged) -> Iterator[Shown]:
    del damaged
    read = lambda number: self._folder.read([number])[0]
    for number, seconds in enumerate(self._folder.info.times):
      yield Shown(seconds, functools.partial(read, number))


def connect(
  place: Place,
  fps: float | None = None,
  raw: tuple[int, int] | None = None,
  pipe: int | None = None,
) -> Connection:
  """Opens a source.

  Args:
    place: of `places.find_place`.
    fps: frames a second of a folder (else 30) or of stdin (else frames have
      the time at which they arrive).
    raw: width and height of RGB frames on stdin; None for JPEG after JPEG.
    pipe: file descriptor in place of that of stdin.

  Raises:
    DecodeError, OSError, av.FFmpegError: it cannot be opened.
  """
  from i2v_jax.data.live import containers, pipes

  if place.kind == 'folder':
    return FolderConnection(place.path, fps or FPS)
  if place.kind == 'stdin':
    pipe = os.dup(0) if pipe is None else pipe
    return pipes.PipeConnection(pipe, place.name, fps or 0.0, raw)
  return containers.ContainerConnection(place)


def check_options(
  fps: float | None, raw: tuple[int, int] | None, kinds: set[str]
) -> None:
  """Raises UserError for options of `connect` that no source takes."""
  if fps is not None:
    check_fps(fps)
    if not kinds & {'folder', 'stdin'}:
      raise UserError(
        '--fps is of folders of frames and of stdin; the other sources say it '
        'themselves.'
      )
  if raw is not None and 'stdin' not in kinds:
    raise UserError('--raw is of stdin; give - as a source.')
