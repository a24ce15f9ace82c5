"""Files on the disk: locks, and what to do when writing fails."""

import logging
import os
from typing import IO

try:
  import fcntl
except ModuleNotFoundError:  # Windows
  fcntl = None
try:
  import msvcrt
except ModuleNotFoundError:  # anything else
  msvcrt = None

WAY_OUT = 'mend the disk and start the same command again.'
_LOG = logging.getLogger(__name__)
_FAR = 1 << 30  # where nothing is written: Windows does not let others read it


def lock(file: IO) -> None:
  """Locks an open file until it is closed, or this process ends.

  Where Python has no locks, a warning says so.

  Raises:
    BlockingIOError: another process has locked it.
    OSError: the file system has no locks.
  """
  if fcntl:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  elif msvcrt:
    _lock_byte(file)
  else:
    _LOG.warning(
      '%s is not locked, as this Python has neither fcntl nor msvcrt; start '
      'only one process that writes there',
      file.name,
    )


def _lock_byte(file: IO) -> None:
  os.lseek(file.fileno(), _FAR, os.SEEK_SET)
  try:
    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
  except PermissionError as error:
    raise BlockingIOError(*error.args) from error
  finally:
    os.lseek(file.fileno(), 0, os.SEEK_SET)
