"""Opens videos once, to know their lengths and sizes."""

import functools
import math
import os
from collections.abc import Mapping, Sequence
from concurrent import futures
from typing import NamedTuple

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.look_up import LookUp
from i2v_jax.data.videos import decode, faults, index_cache
from i2v_jax.runtime.console import make_progress

SECONDS = 60.0  # time limit for opening a video
KEPT = 100_000  # facts in memory


class Facts(NamedTuple):
  """Facts of a video; without them, `reason` says why."""

  end: float = math.inf  # Seconds from its first frame.
  width: int = 0  # Pixels, upright.
  height: int = 0
  reason: str = ''


def open_videos(root: str, rows: Mapping[str, listing.Row]) -> dict[str, Facts]:
  """Opens each video once; those that are not there have no facts.

  Args:
    root: the folder of the rows.
    rows: name of each video -> where it may be.
  """
  places = LookUp(root).find([*rows.values()])
  return {
    video: open_video(place.path)
    for video, place in zip(rows, places, strict=True)
    if place
  }


def open_all(paths: Sequence[str], fps: float) -> dict[str, Facts]:
  """Opens videos in threads, under a progress bar: path -> facts.

  Those of another split are not opened again.

  Args:
    paths: of the videos.
    fps: frame rate of those that are folders of frames.
  """
  bar, advance = make_progress(len(paths), 'open', 'videos')
  found = {}
  with bar, futures.ThreadPoolExecutor(os.cpu_count()) as threads:
    facts = threads.map(lambda path: open_video(path, fps), paths)
    for path, one in zip(paths, facts, strict=True):
      found[path] = one
      advance()
  return found


def open_video(path: str, fps: float = 0) -> Facts:
  """Opens a video for its facts; says in them why it cannot be read.

  `fps` is the frame rate of a folder of frames, whose end is not known if 0.
  """
  path = os.path.abspath(path)
  try:
    return _open(index_cache.identify(path), fps)
  except faults.OF_VIDEO as error:
    reason = str(error).removeprefix(f'{path}: ') or type(error).__name__
    return Facts(reason=reason)


@functools.lru_cache(KEPT)
def _open(identity: index_cache.Identity, fps: float) -> Facts:
  path = identity.path
  with decode.open_video(path, None, SECONDS, fps or decode.FPS) as video:
    info = video.info
  known = fps or not os.path.isdir(path)
  return Facts(info.duration if known else math.inf, info.width, info.height)


def describe_unread(facts: Mapping[str, Facts]) -> list[str]:
  """Notes the videos that cannot be opened, whose times are not checked."""
  unread = [video for video, found in facts.items() if found.reason]
  if not unread:
    return []
  text = 'videos that cannot be opened, whose times are not checked: '
  return [f'{text}{len(unread)} ({listing.name_some(unread)})']
