"""The format 'segments': a file that lists spans of videos and their labels."""

import os
import pathlib
from collections.abc import Sequence

from i2v_jax.data.sets import (
  class_spellings,
  listing,
  lists,
  own,
  segment_cells,
  segment_tables,
)
from i2v_jax.data.sets.segment_cells import Sheet
from i2v_jax.data.sets.segment_entries import Annotated, Entry, ListedFile


def read_segments(
  root: str,
  split: str,
  file: str = 'segments.csv',
  videos: str = '',
  val_fraction: float = 0.2,
  seed: int = 0,
  class_names: listing.Path | Sequence[str] | None = None,
) -> listing.Listing:
  """Reads a table, JSON lines or ActivityNet's JSON of segments.

  The columns of a table, or keys of a line, are `file`, `label`, and if wanted
  `start`, `end`, `split` and `group`. Times are seconds, MM:SS or H:MM:SS, or
  frame numbers in columns such as `start:25`; without them a segment is the
  complete file. A segment of several labels has several rows, or `a|b`. A row
  without a label lists a file where nothing is labelled.

  Videos are split, never segments: by `{split}` in `file`, else by the column
  `split`, else by a hash of seed and video, or of seed and `group`.

  Args:
    root: the folder of the file and the videos.
    split: replaces `{split}` in `file` and `videos`.
    file: what lists the segments.
    videos: folder of the videos.
    val_fraction: expected share of videos in 'val', by hash.
    seed: another seed gives another split by hash.
    class_names: names in label order, or a file with one name per line or a
      JSON list; None takes the sorted labels of all splits.
  """
  own.check_fraction(val_fraction)
  (path, _), *found = lists.find_lists(root, file, split).items()
  lists.check_exists(path, 'file')
  sheet = segment_tables.read(path)
  here = _convert(sheet, split, videos)
  others = {
    name: _convert(segment_tables.read(other), name, videos)
    for other, name in found
  }
  classes = _choose_classes(root, [here, *others.values()], class_names)
  labels = class_spellings.convert_entries(
    here.entries, classes, sheet.problems
  )
  away = [other for name, other in others.items() if _is_train(split, name)]
  rule = split, _choose_rule(file, sheet), val_fraction, seed
  return listing.Listing(
    classes.names,
    [*here.rows.values()],
    str(path),
    notes=_describe_unused(sheet),
    videos=tuple(here.rows),
    annotated=Annotated(here.entries, labels, sheet.problems, *rule, away),
  )


def _convert(sheet: Sheet, split: str, videos: str) -> ListedFile:
  """Converts the cells of the file of a split."""
  entries = segment_cells.convert(sheet)
  folder = videos.replace('{split}', split)
  rows = _list_videos(entries, folder, sheet.prefix)
  return ListedFile(pathlib.Path(sheet.table.path).name, entries, rows)


def _is_train(split: str, other: str) -> bool:
  """Whether one of two splits is that of training; val may be test too."""
  return ('train' in split) != ('train' in other)


def _choose_rule(file: str, sheet: Sheet) -> str:
  """Chooses what decides the split of a video; see `Annotated.by`."""
  if '{split}' in file:
    return 'file'
  return 'column' if 'split' in sheet.table.columns else 'hash'


def _choose_classes(
  root, files: Sequence[ListedFile], class_names
) -> class_spellings.Classes:
  """Chooses the given classes, or those of the files of all splits."""
  if class_names is None:
    labels = [x for file in files for e in file.entries for x in e.labels]
    where = ' and '.join(sorted(file.name for file in files))
    return class_spellings.find_classes(labels, where)
  is_file = isinstance(class_names, str | os.PathLike)
  where = os.fspath(class_names) if is_file else "the option 'class_names'"
  names = lists.read_names(root, class_names)
  return class_spellings.list_classes(names, where)


def _list_videos(
  entries: Sequence[Entry], folder: str, prefix: str
) -> dict[str, listing.Row]:
  """Lists the videos, each once, by their names in entries."""
  rows = {}
  for entry in entries:
    if entry.file and entry.file not in rows:
      above, name = os.path.split(os.path.join(folder, entry.file))
      names = (name, prefix + name) if prefix else (name,)
      rows[entry.file] = listing.Row((above,), names, -1, entry.line)
  return rows


def _describe_unused(sheet: Sheet) -> tuple[str, ...]:
  names = sheet.table.unused
  if not names:
    return ()
  count = f'{len(names)} column{"s" * (len(names) > 1)}'
  where = pathlib.Path(sheet.table.path).name
  return (f'{count} of {where} not used: {", ".join(names)}',)
