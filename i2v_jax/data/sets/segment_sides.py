"""Which videos with segments are in a split: never a part of one."""

from collections.abc import Mapping

from i2v_jax.data.sets import own, segment_cells
from i2v_jax.data.sets.segment_entries import Annotated
from i2v_jax.runtime.errors import UserError


def find_groups(annotated: Annotated, ids: Mapping[str, str]) -> dict[str, str]:
  """Finds the group of each video that has one: id -> group.

  Args:
    annotated: its problems take videos that have two groups.
    ids: file, as entries name it -> id of the video.
  """
  return _find_values(annotated, ids, 'group')


def choose_videos(
  annotated: Annotated, ids: Mapping[str, str], groups: Mapping[str, str]
) -> set[str]:
  """Chooses the ids of the videos in a split.

  Args:
    annotated: its problems take videos that have no split, or two.
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
  sides = _find_values(annotated, ids, 'split')
  wanted = segment_cells.rename_split(annotated.split)
  if sides and wanted not in sides.values():
    there = ', '.join(sorted({*sides.values()}))
    problem = f'no line is of split {wanted!r}, only of {there}'
    raise UserError(f'{problem}: set data.train and data.val to these')
  return {video for video, side in sides.items() if side == wanted}


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
