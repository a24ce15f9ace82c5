"""Which videos with segments are in a split: never a part of one."""

import collections
from collections.abc import Iterator, Mapping

from i2v_jax.data.sets import own, segment_cells
from i2v_jax.data.sets.segment_entries import Annotated, Entry, ListedFile
from i2v_jax.data.videos.names import make_blank_free_key
from i2v_jax.runtime.errors import UserError


def find_groups(annotated: Annotated, ids: Mapping[str, str]) -> dict[str, str]:
  """Finds the group of each video that has one: id -> group.

  Args:
    annotated: its problems take videos that have two groups, and groups that
      are spelled in two ways.
    ids: file, as entries name it -> id of the video.
  """
  _check_spellings(annotated, 'group')
  return _find_values(annotated, ids, 'group')


def choose_videos(
  annotated: Annotated, ids: Mapping[str, str], groups: Mapping[str, str]
) -> set[str]:
  """Chooses the ids of the videos in a split.

  Args:
    annotated: its problems take videos that have no split, or two, splits that
      are spelled in two ways, and groups in two splits.
    ids: file, as entries name it -> id of the video.
    groups: of the videos that have one.

  Raises:
    UserError: there is no such split, or nothing for one side.
  """
  if annotated.by == 'file':
    return {*ids.values()}
  if annotated.by == 'hash':
    return _choose_by_hash(annotated, ids, groups)
  for entry in annotated.entries:
    if not entry.split:
      annotated.problems.add(entry.line, 'split is an empty field')
  _check_spellings(annotated, 'split')
  _check_groups(annotated)
  sides = _find_values(annotated, ids, 'split')
  wanted = segment_cells.rename_split(annotated.split)
  if sides and wanted not in sides.values():
    there = ', '.join(sorted({*sides.values()}))
    problem = f'no line is of split {wanted!r}, only of {there}'
    raise UserError(f'{problem}: set data.train and data.val to these')
  return {video for video, side in sides.items() if side == wanted}


def check_other(
  annotated: Annotated,
  ids: Mapping[str, str],
  other: ListedFile,
  other_ids: Mapping[str, str],
) -> None:
  """Checks that the file of another split lists other videos and groups.

  Args:
    annotated: its problems take those that it lists too.
    ids: file, as entries name it -> id of the video.
    other: the file.
    other_ids: as `ids`, of its entries.
  """
  theirs = {}
  for entry in reversed(other.entries):
    for unit, _ in _list_units(entry, other_ids):
      theirs[unit] = entry.line
  for entry in annotated.entries:
    for unit, text in _list_units(entry, ids):
      if line := theirs.pop(unit, 0):
        where = f'line {line} of {other.name} too, so in two splits'
        annotated.problems.add(entry.line, f'{text} is in {where}')


def describe_unused(annotated: Annotated) -> list[str]:
  """Notes the lines of splits that nobody expects, which may be misspelt."""
  if annotated.by != 'column':
    return []
  read = segment_cells.rename_split(annotated.split)
  counts = collections.Counter(entry.split for entry in annotated.entries)
  others = counts.keys() - {read, *segment_cells.SPLITS}
  if not others:
    return []
  some = ', '.join(f'{name!r} {counts[name]:,}' for name in sorted(others))
  return [f'lines of other splits, which are not in {read}: {some}']


def _list_units(
  entry: Entry, ids: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], str]]:
  """Yields what is on one side, a video and its group, and how it is called."""
  if entry.file in ids:
    yield ('file', ids[entry.file]), repr(entry.file)
  if entry.group:
    key = make_blank_free_key(entry.group)
    yield ('group', key), f'group {entry.group!r}'


def _check_groups(annotated: Annotated) -> None:
  """Finds groups in two splits, each once for a split."""
  first, seen = {}, set()
  for entry in annotated.entries:
    if not entry.group or not entry.split:
      continue
    side, line = first.setdefault(entry.group, (entry.split, entry.line))
    if side != entry.split and (entry.group, entry.split) not in seen:
      seen.add((entry.group, entry.split))
      text = f'group {entry.group!r} is in split {entry.split!r} here, but in '
      annotated.problems.add(entry.line, f'{text}{side!r} in line {line}')


def _check_spellings(annotated: Annotated, field: str) -> None:
  """Finds values that differ from earlier ones only in case and blanks."""
  first = {}
  for entry in annotated.entries:
    value = getattr(entry, field)
    key = make_blank_free_key(value)
    known, line = first.setdefault(key, (value, entry.line))
    if known != value:
      text = f'{field} {value!r} is written {known!r} in line {line}'
      annotated.problems.add(entry.line, text)


def _find_values(annotated, ids, field: str) -> dict[str, str]:
  """Finds the one value of a field for each video."""
  first = {}
  for entry in annotated.entries:
    value, video = getattr(entry, field), ids.get(entry.file)
    if not value or video is None:
      continue
    known, line = first.setdefault(video, (value, entry.line))
    if known != value:
      text = f'{entry.file!r} has the {field} {value!r} here, but {known!r} in '
      annotated.problems.add(entry.line, f'{text}line {line}')
  return {video: value for video, (value, _) in first.items()}


def _choose_by_hash(annotated, ids, groups) -> set[str]:
  if annotated.split not in ('train', 'val'):
    problem = f'there is no split {annotated.split!r}, only train and val'
    raise UserError(f'{problem}: add a column split')
  units = {video: groups.get(video, video) for video in {*ids.values()}}
  names = sorted({*units.values()})
  if len(names) < 2:
    what = 'group' if groups else 'video'
    problem = f'{len(names)} {what} makes no train and val'
    raise UserError(f'{problem}: list another, or add a column split')
  key = str(annotated.seed)
  val = own.choose_held_out(names, annotated.val_fraction, key)
  wanted = annotated.split == 'val'
  return {video for video, unit in units.items() if (unit in val) == wanted}
