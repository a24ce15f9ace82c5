"""Folders of videos: which of their files count as videos."""

import os
from collections.abc import Iterable
from typing import NamedTuple

from i2v_jax.data.sets import listing
from i2v_jax.data.videos import frame_files, names
from i2v_jax.runtime.errors import FileError


class Contents(NamedTuple):
  """Sorted names in a folder, without hidden folders."""

  folders: list[str]
  videos: list[str]  # Files that count as videos, and folders of frames.
  left_out: list[str]  # All other files.


class Found(NamedTuple):
  """Paths of the files in a folder and below it."""

  videos: list[str]
  left_out: list[str]


def look_in(folder: listing.Path) -> Contents:
  """Lists one folder; raises OSError if it cannot be listed."""
  try:
    with os.scandir(folder) as entries:
      here = [(e.name, frame_files.is_folder(e)) for e in entries]
    inside = {name for name, is_folder in here if is_folder and _is_shown(name)}
    frames = {
      n for n in inside if frame_files.is_frame_folder(os.path.join(folder, n))
    }
  except OSError as error:
    raise describe_unreadable(error) from error
  files = {name for name, is_folder in here if not is_folder}
  videos = {name for name in files if names.may_be_video(name)}
  left_out = {n for n in files - videos if not names.is_litter(n)}
  return Contents(
    sorted(inside - frames), sorted(videos | frames), sorted(left_out)
  )


def _is_shown(folder: str) -> bool:
  return not (folder.startswith('.') or names.is_litter(folder))


def find_videos(path: listing.Path) -> Found:
  """Finds all videos in a folder and below it; a file is returned as it is.

  Links are followed, but no folder is visited twice. Raises OSError if a folder
  cannot be read.
  """
  path = os.fspath(path)
  # A folder with the name of a video is a mistake that its reader reports.
  if names.has_video_extension(path) or not os.path.isdir(path):
    return Found([path], [])
  if frame_files.is_frame_folder(path):
    return Found([path], [])
  found, seen, waiting = Found([], []), set(), [path]
  while waiting:
    folder = waiting.pop()
    place = os.path.realpath(folder)
    if place in seen:  # else a link to a parent folder would never end
      continue
    seen.add(place)
    here = look_in(folder)
    odd = [name for name in here.folders if names.has_video_extension(name)]
    join = lambda kind, folder=folder: [os.path.join(folder, n) for n in kind]
    found.videos.extend(join(sorted([*here.videos, *odd])))
    found.left_out.extend(join(here.left_out))
    waiting += join(n for n in reversed(here.folders) if n not in odd)
  return found


def describe_unreadable(error: OSError) -> OSError:
  """Makes the error for a folder that cannot be listed."""
  problem = f'{error.filename} cannot be listed ({error.strerror})'
  return FileError(f'{problem}: mend its permissions, or move it away')


def describe_left_out(left_out: Iterable[str]) -> str:
  """Counts the files that do not count as videos, in one line."""
  left_out, kinds = [*left_out], {}
  for name in left_out:
    kinds.setdefault(names.get_extension(name) or name, name)
  of_each = [*kinds.values()]  # three of one kind would say less
  rest = [name for name in left_out if name not in of_each]
  shown = [*of_each, *rest][:3]
  more = ', ...' if len(left_out) > len(shown) else ''
  count = '1 file' if len(left_out) == 1 else f'{len(left_out):,} files'
  return f'left out, not videos: {count} ({", ".join(shown)}{more})'
