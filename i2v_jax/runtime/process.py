"""Memory of this process, where the operating system reports it."""

import ctypes
import platform
import sys

try:
  import resource
except ModuleNotFoundError:  # Windows
  resource = None

_M_ARENA_MAX = -8  # of glibc's malloc.h


def limit_arenas(count: int = 2) -> None:
  """Limits the pools in which glibc keeps freed memory, otherwise by thread.

  A program that reads videos for hours then needs no more memory than after
  minutes. Nothing happens with other C libraries. Call it before threads start.
  """
  if platform.libc_ver()[0] == 'glibc':
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, count)


def read_peak_bytes() -> int | None:
  """Reads the most memory this process has used; None if not reported."""
  if resource is None:
    return None
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak if sys.platform == 'darwin' else 1024 * peak
