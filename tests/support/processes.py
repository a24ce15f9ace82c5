"""What this process holds: to see that nothing is left behind."""

import contextlib
import os
import pathlib


def children():
  """Process ids of the children of this process."""
  return below('self')


def below(pid):
  """Process ids of the children of a process."""
  found = []
  for file in pathlib.Path(f'/proc/{pid}/task').glob('*/children'):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
      # A thread that has just ended has no children.
      found += map(int, file.read_text(encoding='utf-8').split())
  return found


def alive(pid):
  """Whether there is such a process, and not only its exit code."""
  try:
    text = pathlib.Path(f'/proc/{pid}/stat').read_text(encoding='utf-8')
  except FileNotFoundError:
    return False
  return text.rpartition(')')[2].split()[0] != 'Z'


def open_files():
  """Where the open descriptors of this process point to."""
  links = [f'/proc/self/fd/{fd}' for fd in os.listdir('/proc/self/fd')]
  return sorted(os.readlink(link) for link in links if os.path.exists(link))


def read_resident():
  """Bytes of memory that this process has now."""
  pages = (
    pathlib.Path('/proc/self/statm').read_text(encoding='utf-8').split()[1]
  )
  return int(pages) * os.sysconf('SC_PAGE_SIZE')
