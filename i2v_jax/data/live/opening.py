"""Opens a source of any kind."""

import functools
import os
from collections.abc import Iterator

from i2v_jax.data.live.connections import Connection, Damaged, SourceFrame
from i2v_jax.data.live.containers import ContainerConnection
from i2v_jax.data.live.pipes import PipeConnection
from i2v_jax.data.live.sources import Source
from i2v_jax.data.videos.frame_folder import FPS, FrameFolder, check_fps
from i2v_jax.runtime.errors import UserError


class FolderConnection(Connection):
  """A folder of numbered frames."""

  recorded = True

  def __init__(self, path: str, fps: float):
    self._folder = FrameFolder(path, fps=fps)
    self.rate = float(fps)

  def read(self, damaged: Damaged) -> Iterator[SourceFrame]:
    del damaged
    read = lambda number: self._folder.read([number])[0]
    for number, seconds in enumerate(self._folder.info.times):
      yield SourceFrame(seconds, functools.partial(read, number))


def connect(
  source: Source,
  fps: float | None = None,
  raw: tuple[int, int] | None = None,
  pipe: int | None = None,
) -> Connection:
  """Opens a source.

  Args:
    source: of `sources.find_source`.
    fps: frames a second of a folder (else 30) or of stdin (else frames have
      the time at which they arrive).
    raw: width and height of RGB frames on stdin; None for JPEG after JPEG.
    pipe: file descriptor in place of that of stdin.

  Raises:
    DecodeError, OSError, av.FFmpegError: it cannot be opened.
  """
  if source.kind == 'folder':
    return FolderConnection(source.path, fps or FPS)
  if source.kind == 'stdin':
    pipe = os.dup(0) if pipe is None else pipe
    return PipeConnection(pipe, source.name, fps or 0.0, raw)
  return ContainerConnection(source)


def check_options(
  fps: float | None, raw: tuple[int, int] | None, kinds: set[str]
) -> None:
  """Raises UserError for options of `connect` that no source takes."""
  if fps is not None:
    check_fps(fps)
    if not kinds & {'folder', 'stdin'}:
      raise UserError(
        '--fps applies only to folders of frames and to stdin; other sources '
        'say their frame rate themselves.'
      )
  if raw is not None and 'stdin' not in kinds:
    raise UserError('--raw applies only to stdin; give - as a source.')
