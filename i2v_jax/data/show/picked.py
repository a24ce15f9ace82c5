"""Which videos a sheet shows, and their labels."""

import os
from collections.abc import Iterable, Sequence

import numpy as np

from i2v_jax.data.sets import folders, list_lines
from i2v_jax.data.sets.sources import Split
from i2v_jax.runtime.errors import UserError


def list_clips(
  sources: Iterable[str], count: int
) -> list[tuple[str, int | None]]:
  """Lists paths and labels of given videos, and of `count` of each list.

  Lists are read by `list_lines.read_list`; a folder counts as a list of the
  videos in it and below. Videos are spread evenly, from the first on. Labels
  that are not numbers are None.

  Raises:
    FileNotFoundError: a list does not exist.
    UserError: a list has no video, or `count` is below 1.
  """
  if count < 1:
    raise UserError(f'cannot show {count} videos of a list; show 1 or more.')
  found = []
  for source in map(str, sources):
    if list_lines.is_list(source):
      rows = list(list_lines.read_list(source))
      way_out = 'add lines `path label`'
    else:
      rows = [(path, None) for path in folders.find_videos(source).videos]
      way_out = 'name a video, or a folder of videos'
    if not rows:
      raise UserError(f'{source} holds no videos; {way_out}.')
    found += [rows[place] for place in spread(len(rows), count)]
  return found


def list_split(split: Split, count: int) -> list[tuple]:
  """Lists paths and labels of `count` videos of a split, spread evenly.

  Of several labels it lists bool [classes], and of segments also the start and
  the end.

  Raises:
    UserError: its videos are not files, or `count` is below 1.
  """
  if split.records is not None:
    raise UserError(
      'videos in shards are not shown; name videos, or the folder that the '
      'shards were made of.'
    )
  return [
    (split.paths[place], _find_label(split, place), *_find_span(split, place))
    for place in spread(len(split), count)
  ]


def _find_label(split: Split, place: int) -> int | np.ndarray | None:
  if split.targets is not None:
    return split.targets[place]
  label = int(split.labels[place])
  return None if label < 0 else label


def _find_span(split: Split, place: int) -> tuple[float, ...]:
  return () if split.segments is None else split.segments.choose_span(place)


def spread(number: int, count: int) -> list[int]:
  """Spreads `count` places, or as many as there are, evenly over a number.

  Raises UserError if `count` is below 1.
  """
  if count < 1:
    raise UserError(f'cannot show {count} videos of a list; show 1 or more.')
  picked = np.linspace(0, number, min(count, number), endpoint=False)
  return picked.astype(int).tolist()


def list_left_out(sources: Iterable[str]) -> list[str]:
  """Lists the files of folders that `list_clips` leaves out."""
  given = [str(source) for source in sources if not list_lines.is_list(source)]
  return [f for path in given for f in folders.find_videos(path).left_out]


def find_class_names(sources: Iterable[str]) -> tuple[str, ...]:
  """Finds the sorted names of the class folders in the sources, if any.

  A folder has classes if all its videos are in subfolders.
  """
  names = set()
  for source in map(str, sources):
    if list_lines.is_list(source) or not os.path.isdir(source):
      continue
    parents = {
      os.path.dirname(path) for path in folders.find_videos(source).videos
    }
    top = os.path.normpath(source)
    if not {top, os.path.dirname(top)} & set(map(os.path.normpath, parents)):
      names |= {os.path.basename(parent) for parent in parents}
  return tuple(sorted(names))


def label_videos(
  videos: Iterable[tuple[str, int | None]], class_names: Sequence[str]
) -> list[tuple[str, int | None]]:
  """Labels videos without a label by the name of their folder."""
  labels = {name: label for label, name in enumerate(class_names)}
  folder = lambda path: os.path.basename(os.path.dirname(path))
  return [
    (path, labels.get(folder(path)) if label is None else label)
    for path, label in videos
  ]
