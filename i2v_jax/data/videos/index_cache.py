"""Indices of videos: in memory, and those of long ones on disk.

Reading every packet takes a tenth of the time of a clip, or seconds if there
are two hours of them, whose index on disk takes 5 ms. Files of these are in
`$XDG_CACHE_HOME/i2v_jax/index`, by default `~/.cache/i2v_jax/index`; they
may be deleted at any time.
"""

import collections
import contextlib
import hashlib
import os
import pathlib
import tempfile
import threading
import time
from typing import NamedTuple

import av

from i2v_jax.data.videos import index_file
from i2v_jax.data.videos.index import Index
from i2v_jax.runtime.files import find_cache_folder

LONG = 5_000  # frames above which an index is worth a file
FRAMES = 4_000_000  # in memory, together: 64 MB
ALONE = 200  # frames that take as much memory as an index without any
FILES = 4_096  # on disk
_SETTLED = 2e9  # nanoseconds after which a change has another time
# What is found depends on what reads.
_READER = f'{index_file.VERSION} {av.__version__} {av.ffmpeg_version_info}'


class Identity(NamedTuple):
  """Tells whether a file is still the same."""

  path: str
  size: int  # bytes
  changed: int  # nanoseconds
  inode: int


def identify(path: str | os.PathLike) -> Identity:
  """Looks up the identity of a file; raises OSError if there is none."""
  path = os.path.abspath(os.fspath(path))
  found = os.stat(path)
  return Identity(path, found.st_size, found.st_mtime_ns, found.st_ino)


def find(identity: Identity) -> Index | None:
  """Finds the index of a file; None if it must be scanned."""
  with _LOCK:
    if identity in _MEMORY:
      _MEMORY.move_to_end(identity)
      return _MEMORY[identity]
  path = _find_path(identity)
  index = path and index_file.read(path)
  if index:
    _remember(identity, index)
  return index


def keep(identity: Identity, index: Index) -> None:
  """Keeps the index of a file, if that did not change meanwhile."""
  recent = time.time_ns() - identity.changed < _SETTLED
  if recent or identify(identity.path) != identity:
    return
  _remember(identity, index)
  path = _find_path(identity)
  if index.info.frames > LONG and path:
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError):
      _write(path, index)


def forget() -> None:
  """Forgets the indices in memory."""
  with _LOCK:
    _MEMORY.clear()
    _HELD.clear()


def _remember(identity: Identity, index: Index) -> None:
  with _LOCK:
    if identity in _MEMORY:
      return
    _MEMORY[identity] = index
    _HELD.update(indices=1, frames=index.info.frames)
    while _HELD['indices'] > 1 and _is_too_much():
      _, oldest = _MEMORY.popitem(last=False)
      _HELD.subtract(indices=1, frames=oldest.info.frames)


def _is_too_much() -> bool:
  return _HELD['frames'] + ALONE * _HELD['indices'] > FRAMES


def _find_path(identity: Identity) -> pathlib.Path | None:
  """Finds the file of an index; None if no folder for caches is known."""
  root = find_cache_folder()
  if root is None:
    return None
  text = repr((_READER, *identity)).encode(errors='surrogateescape')
  name = f'{hashlib.sha256(text).hexdigest()}.index'
  return root / 'index' / name


def _write(path: pathlib.Path, index: Index) -> None:
  """Writes the file of an index, and removes the oldest of too many."""
  path.parent.mkdir(parents=True, exist_ok=True)
  # Other processes may write the same one.
  number, new = tempfile.mkstemp(dir=path.parent, suffix='.new')
  try:
    with open(number, 'wb') as file:
      file.write(index_file.dump(index))
    os.replace(new, path)
  except BaseException:
    os.unlink(new)
    raise
  found = [
    (entry.stat().st_mtime, entry.path) for entry in os.scandir(path.parent)
  ]
  for _, old in sorted(found)[:-FILES]:
    os.unlink(old)


def _start() -> None:
  """Starts with an empty memory, and a lock that no parent process holds."""
  global _MEMORY, _HELD, _LOCK
  _MEMORY, _HELD = collections.OrderedDict(), collections.Counter()
  _LOCK = threading.Lock()


_start()
if hasattr(os, 'register_at_fork'):  # not on Windows
  os.register_at_fork(after_in_child=_start)
