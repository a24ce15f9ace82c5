"""Memory of this process, where the operating system reports it."""

import ctypes
import platform
import sys

try:
  import resource
except ModuleNotFoundError:  # Windows
  resource = None


def release_freed_memory() -> None:
  """Returns memory to the system that glibc keeps after it was freed.

  Frames of many sizes leave holes, so that a program that reads videos for
  hours would grow. Nothing happens with other C libraries.
  """
  if platform.libc_ver()[0] == 'glibc':
    ctypes.CDLL(None).malloc_trim(0)


def read_peak_bytes() -> int | None:
  """Reads the most memory this process has used; None if not reported."""
  if resource is None:
    return None
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak if sys.platform == 'darwin' else 1024 * peak
