"""Files of long videos that stay open for the next clip.

Opening an mp4 of two hours reads tables of all its packets, which takes longer
than decoding a clip, and holds about 10 MB. The decoder of H.264 in 3840 x 2160
pixels holds frames of 85 MB.
"""

import os
import threading
from typing import NamedTuple

import av

from i2v_jax.data.videos.index_cache import Identity

FILES = 16  # open at once and unused, in a process
FRAMES = 2_000_000  # in them, together
BYTES = 256e6  # of frames in their decoders, together
_HELD = 8 * 1.5  # bytes a pixel: frames in a decoder, as 4:2:0


class FileKey(NamedTuple):
  """What an open file can be used for again."""

  identity: Identity
  limit: float | None  # Seconds; FFmpeg is told when the file is opened.


class Opened(NamedTuple):
  """An open file and its video stream."""

  container: av.container.InputContainer
  stream: av.VideoStream


class _Idle(NamedTuple):
  key: FileKey
  opened: Opened
  frames: int
  bytes: float


def take(key: FileKey) -> Opened | None:
  """Takes an open file that nobody uses, to be read from a seek on."""
  with _LOCK:
    for place, idle in enumerate(_IDLE):
      if idle.key == key:
        return _IDLE.pop(place).opened
  return None


def give(key: FileKey, opened: Opened, frames: int) -> None:
  """Keeps an open file for `take`; closes those unused the longest."""
  with _LOCK:
    unused = [idle for idle in _IDLE if _is_changed(idle.key, key)]
    _IDLE[:] = [idle for idle in _IDLE if not _is_changed(idle.key, key)]
    size = opened.stream.width * opened.stream.height * _HELD
    _IDLE.append(_Idle(key, opened, frames, size))
    while _are_too_many():
      unused.append(_IDLE.pop(0))
  for idle in unused:
    idle.opened.container.close()


def _are_too_many() -> bool:
  frames = sum(idle.frames for idle in _IDLE)
  size = sum(idle.bytes for idle in _IDLE)
  return len(_IDLE) > FILES or frames > FRAMES or size > BYTES


def _is_changed(old: FileKey, new: FileKey) -> bool:
  """Whether another file is now where the old one was."""
  same = old.identity.path == new.identity.path
  return same and old.identity != new.identity


def close_all() -> None:
  """Closes the files that nobody uses."""
  with _LOCK:
    unused, _IDLE[:] = [*_IDLE], []
  for idle in unused:
    idle.opened.container.close()


def _start() -> None:
  """Forgets the files of the parent of a process, which reads them too."""
  global _IDLE, _LOCK
  _IDLE, _LOCK = [], threading.Lock()


_start()
if hasattr(os, 'register_at_fork'):  # not on Windows
  os.register_at_fork(after_in_child=_start)
