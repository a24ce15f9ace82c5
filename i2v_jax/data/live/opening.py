"""Opens a source of any kind."""

import functools
import os
from collections.abc import Iterator

from i2v_jax.data.live.connections import Connection, Damaged, Shown
from i2v_jax.data.live.containers import ContainerConnection
from i2v_jax.data.live.pipes import PipeConnection
from i2v_jax.data.live.places import Place
from i2v_jax.data.videos.frame_folder import FPS, FrameFolder, check_fps
from i2v_jax.runtime.errors import UserError


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
  if place.kind == 'folder':
    return FolderConnection(place.path, fps or FPS)
  if place.kind == 'stdin':
    pipe = os.dup(0) if pipe is None else pipe
    return PipeConnection(pipe, place.name, fps or 0.0, raw)
  return ContainerConnection(place)


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
