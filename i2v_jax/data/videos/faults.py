"""Separates faults of videos from bugs of this program."""

import contextlib
import os
from collections.abc import Iterator

import av

from i2v_jax.data.videos.packets import DecodeError

# Caused by a damaged video, a bad disk or too little memory.
OF_VIDEO = (DecodeError, OSError, av.FFmpegError, MemoryError)


class BugError(RuntimeError):
  """An error that no file should cause; names the file."""


@contextlib.contextmanager
def report_bugs(path: str | os.PathLike) -> Iterator[None]:
  """Raises errors that no video causes as `BugError`.

  Args:
    path: of the video, for the message.

  Raises:
    DecodeError, OSError, av.FFmpegError, MemoryError: unchanged.
    BugError: anything else.
  """
  try:
    yield
  except (*OF_VIDEO, BugError):
    raise
  except Exception as error:
    raise BugError(
      f'{path}: a bug of i2v_jax (or of PyAV {av.__version__}), not a fault of '
      f'the video: {error!r}; please report it with what I2V_TRACEBACK=1 shows'
    ) from error


def describe(error: Exception) -> str:
  """Describes the reason of an exception of `OF_VIDEO`."""
  if isinstance(error, MemoryError):
    return 'takes more memory than there is; resize the video, or drop it'
  if isinstance(error, OSError):
    return error.strerror or str(error)
  return str(error)
