"""Finds the videos that an annotation names."""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.folders import describe_unreadable
from i2v_jax.data.videos import frame_files, names
from i2v_jax.runtime.errors import UserError


class Place(NamedTuple):
  """The path of a video, and its id: the path below the root, with '/'."""

  path: str
  id: str


class LookUp:
  """Finds videos by name; lists each folder once and touches no file.

  If no name equals the listed one, a name that differs only in case, Unicode
  form or outer blanks is used, provided it is unique and not listed itself.
  """

  def __init__(self, root: str):
    self._root = root
    self._folders, self._spelled = {}, {}

  def find(self, rows: Sequence[listing.Row]) -> list[Place | None]:
    """Finds the videos of all rows; None for missing ones.

    Raises:
      OSError: a folder cannot be listed.
      UserError: two files match one row.
    """
    found = [self._find_exactly(row) for row in rows]
    taken = {place.path: '' for place in found if place}
    for number, row in enumerate(rows):
      if found[number] is None:
        found[number] = self._find_nearly(row, taken)
    return found

  def describe_near(self, row: listing.Row) -> str:
    """Describes the nearest match of a missing video, or returns ''."""
    if not listing.is_text(row.names[0]):
      return 'the list is not UTF-8, so save it as UTF-8'
    for folder in row.folders:
      path = os.path.join(self._root, folder, row.names[0])
      if os.path.isdir(path):
        return f'{path} is a folder, but not one of numbered images'
      for name in row.names:
        for other in self._list_folder(self._respell(folder)).find_like(name):
          words = names.describe_difference(name, other)
          return f'{other!r} is there, which differs only in {words}'
        stem = os.path.splitext(name)[0]
        for other in self._list_folder(folder).find_named(stem):
          return f'{other!r} is there, so list that, or omit the extension'
    return ''

  def _find_exactly(self, row: listing.Row) -> Place | None:
    for folder in row.folders:
      here = self._list_folder(folder)
      for name in row.names:
        if found := here.find_named(name, row.frames is not None):
          return here.make_place(_check_single(found, here.path))
    return None

  def _find_nearly(
    self, row: listing.Row, taken: dict[str, str]
  ) -> Place | None:
    """Finds a similar name; `taken` is path -> the listed name, '' if equal."""
    for folder in row.folders:
      here = self._list_folder(self._respell(folder))
      for name in row.names:
        for found in (
          here.find_named(name, row.frames is not None),
          here.find_like(name),
        ):
          if found and (
            place := here.make_place(_check_single(found, here.path))
          ):
            wanted = os.path.join(folder, name)
            if taken.setdefault(place.path, wanted) == wanted:
              return place
    return None

  def _list_folder(self, folder: str) -> '_Folder':
    if folder not in self._folders:
      self._folders[folder] = _Folder(self._root, folder)
    return self._folders[folder]

  def _respell(self, folder: str) -> str:
    """Spells each part of a folder below the root as on the disk."""
    if os.path.isabs(folder) or not folder:
      return folder
    if folder not in self._spelled:
      above, part = os.path.split(folder.rstrip('/'))
      above = self._respell(above)
      here = self._list_folder(above)
      like = () if part in here.names else here.find_like(part, folders=True)
      part = _check_single(like, here.path) if like else part
      self._spelled[folder] = os.path.join(above, part)
    return self._spelled[folder]


def _check_single(found: Sequence[str], path: str) -> str:
  if len(found) > 1:
    both = ' and '.join(sorted(found)[:2])
    raise UserError(f'{path} has {both} for one video: keep one')
  return found[0]


class _Folder:
  """The names in a folder, and how a list may spell them."""

  def __init__(self, root: str, folder: str):
    self.path = os.path.normpath(os.path.join(root, folder))
    self.names = frozenset(_list(self.path))
    prefix = os.path.relpath(self.path, root).replace(os.sep, '/')
    self._prefix = '' if prefix == '.' else f'{prefix}/'
    self._stems = _group(
      (os.path.splitext(name)[0], name)
      for name in self.names
      if names.may_be_video(name) and os.path.splitext(name)[1]
    )
    self._alike = None

  def make_place(self, name: str) -> Place:
    return Place(os.path.join(self.path, name), self._prefix + name)

  def find_named(self, name: str, frames: bool = False) -> Sequence[str]:
    """Finds the files of a name, with or without an extension.

    `frames` prefers a folder of frames.
    """
    if frames and self._holds_frames(name):
      return (name,)
    is_file = names.has_video_extension(name) or not self._is_folder(name)
    if name in self.names and is_file:
      return (name,)
    found = self._stems.get(name, ())
    videos = [other for other in found if names.has_video_extension(other)]
    if videos or found:
      return videos or [n for n in found if not self._is_folder(n)]
    return (name,) if self._holds_frames(name) else ()

  def find_like(self, name: str, folders: bool = False) -> Sequence[str]:
    """Finds videos, or folders, whose names have the same comparison key."""
    if self._alike is None:
      pairs = [(names.make_comparison_key(name), name) for name in self.names]
      for stem, found in self._stems.items():
        pairs += [(names.make_comparison_key(stem), name) for name in found]
      self._alike = _group(pairs)
    found = self._alike.get(names.make_comparison_key(name), ())
    wanted = self._is_folder if folders else self.find_named
    return [other for other in found if wanted(other)]

  def _is_folder(self, name: str) -> bool:
    return name in self.names and os.path.isdir(os.path.join(self.path, name))

  def _holds_frames(self, name: str) -> bool:
    path = os.path.join(self.path, name)
    return name in self.names and frame_files.is_frame_folder(path)


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
  found = {}
  for key, name in pairs:
    found.setdefault(key, []).append(name)
  return found


def _list(path: str) -> list[str]:
  try:
    return os.listdir(path)
  except (FileNotFoundError, NotADirectoryError):
    return []
  except OSError as error:
    raise describe_unreadable(error) from error
