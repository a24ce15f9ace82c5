"""Memory of this process, where the operating system reports it."""

import ctypes
import os
import pathlib
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


def read_resident_bytes() -> int | None:
  """Reads the memory this process has now; None if Linux does not say it."""
  path = pathlib.Path('/proc/self/statm')
  if not path.exists():
    return None
  pages = path.read_text(encoding='utf-8').split()[1]
  return int(pages) * os.sysconf('SC_PAGE_SIZE')


def read_peak_bytes() -> int | None:
  """Reads the most memory this process has used; None if not reported."""
  if resource is None:
    return None
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak if sys.platform == 'darwin' else 1024 * peak
