"""This process: its garbage, and its memory where the system reports it."""

import atexit
import ctypes
import gc
import os
import pathlib
import platform
import sys

try:
  import resource
except ModuleNotFoundError:  # Windows
  resource = None


def collect_garbage_rarely() -> None:
  """Has Python look for unreachable cycles a tenth as often, and not at exit.

  For programs. Imports and traces make objects by the million and hardly a
  cycle: looking for those takes a tenth of the time of a short command.
  """
  often, *others = gc.get_threshold()
  gc.set_threshold(max(often, 7_000), *others)
  atexit.register(gc.freeze)


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
