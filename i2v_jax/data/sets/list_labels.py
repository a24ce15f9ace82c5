"""Labels of a list, numbers or class names -> label numbers."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from i2v_jax.data.sets import list_lines, listing
from i2v_jax.data.videos.names import make_comparison_key
from i2v_jax.runtime.errors import UserError

_MOST = 1_000_000  # classes that numeric labels may imply


class Video(NamedTuple):
  """A line of a list: one video and its label, if any."""

  line: int
  path: str
  label: str | None
  frames: int | None


def are_numbers(videos: Sequence[Video]) -> bool:
  """Whether all labels are integers; no label counts as -1."""
  return all(list_lines.is_number(video.label or '-1') for video in videos)


def make_class_names(
  lists: Mapping[pathlib.Path, Sequence[Video]], num_classes: int | None
) -> tuple[tuple[str, ...], str]:
  """Makes class names from labels, and a note if the user should know.

  Args:
    lists: the lists of all splits, first the one being read.
    num_classes: the required number of classes; None accepts any.
  """
  used = {
    path: {video.label for video in videos} - {None, '-1'}
    for path, videos in lists.items()
  }
  everything = set().union(*used.values())
  files = ' and '.join(sorted(path.name for path in lists))
  if all(map(list_lines.is_number, everything)):
    counts = [
      1 + max(map(_parse_integer, some), default=-1) for some in used.values()
    ]
    count = max(counts) if num_classes is None else num_classes
    if count > _MOST:
      problem = f'{files}: a label of {count - 1} takes {count} classes'
      raise UserError(f'{problem}: label them from 0 on')
    note = f'{count} classes, as many as the labels of {files} need'
    more = num_classes is None and counts[0] < count
    return tuple(map(str, range(count))), note if more else ''
  _check_all_names(lists)
  names = tuple(sorted(everything))
  if num_classes is not None:
    listing.check_count(files, names, (num_classes,))
  shown = ', '.join(names[:3]) + ', ...' * (len(names) > 3)
  note = f'{len(names)} classes, the sorted labels of {files}: {shown}'
  return listing.check_names(names, files), note


def _check_all_names(lists: Mapping[pathlib.Path, Sequence[Video]]) -> None:
  first = {}
  for path, videos in lists.items():
    for video in videos:
      if video.label not in (None, '-1'):
        kind = 'number' if list_lines.is_number(video.label) else 'name'
        where = f'{video.label!r} in line {video.line} of {path}'
        first.setdefault(kind, where)
  if len(first) > 1:
    problem = f'one label is a name, {first["name"]}'
    problem += f', and another a number, {first["number"]}'
    raise UserError(f"{problem}: use one of the two, or set 'class_names'")


def _parse_integer(label: str) -> int:
  return int(float(label))


def convert_labels(
  path, videos: Sequence[Video], names: Sequence[str]
) -> list[int]:
  """Converts labels to numbers; -1 means no label.

  Raises UserError, with the line, for a label that is not in `names`.
  """
  if _are_names(path, videos, names):
    known = {name: label for label, name in enumerate(names)} | {'-1': -1}
    return [_find_label(path, video, known) for video in videos]
  found = [_parse_integer(video.label or '-1') for video in videos]
  _check_range(path, videos, found, len(names))
  return found


def _are_names(path, videos: Sequence[Video], names: Sequence[str]) -> bool:
  """Whether labels are class names, which may themselves be numbers."""
  if not are_numbers(videos):
    return True
  known = {name: label for label, name in enumerate(names)}
  labels = {video.label for video in videos} - {None, '-1'}
  if not labels <= known.keys() or all(
    known[n] == _parse_integer(n) for n in labels
  ):
    return False
  if all(0 <= _parse_integer(label) < len(names) for label in labels):
    problem = f'{path}: class names are numbers too, and labels may be either'
    raise UserError(f'{problem}: give the classes other names')
  return True


def _check_range(path, videos, labels: Sequence[int], count: int) -> None:
  for video, label in zip(videos, labels, strict=True):
    if not -1 <= label < count:
      problem = f'label {label} is not in -1..{count - 1}'
      way_out = 'correct it, or name more classes'
      if label == count and min(labels) > 0:
        way_out = 'subtract 1 if the labels of the list count from 1'
      raise listing.make_line_error(path, video.line, f'{problem}: {way_out}')


def _find_label(path, video: Video, known: Mapping[str, int]) -> int:
  """Finds the label of an equal class name, or of one with an equal key."""
  if video.label in known:
    return known[video.label]
  near = [
    n
    for n in known
    if make_comparison_key(n) == make_comparison_key(video.label)
  ]
  if len(near) == 1:
    return known[near[0]]
  problem = f'label {video.label!r} is not one of {len(known) - 1} class names'
  if near:
    problem = f'label {video.label!r} may be {near[0]!r} or {near[1]!r}'
  elif list_lines.is_number(video.label):
    problem += ', and labels on other lines are not numbers'
  way_out = 'correct the label, or class_names'
  raise listing.make_line_error(path, video.line, f'{problem}: {way_out}')
