"""Reads the annotation files of Kinetics; see `official`."""

import csv
import pathlib
import posixpath
from collections.abc import Iterator, Sequence

from i2v_jax.data.sets import listing

_CLASSES = (400, 600, 700)
_SPLITS = {
  'train': ('train',),
  'val': ('val', 'validate', 'validation'),
  'test': ('test',),
}


def read_kinetics(
  root: str,
  split: str,
  annotations: str | None = None,
  num_classes: int | None = None,
  videos: str | None = None,
) -> listing.Listing:
  """Reads the csv files of Kinetics-400, 600 or 700 (Kay et al., 2017).

  Labels are the ranks of the sorted classes of the train csv, which is read for
  every split. `num_classes` None accepts 400, 600 and 700.
  """
  listing.check_split('kinetics', split, _SPLITS)
  expected = (num_classes,) if num_classes else _CLASSES
  clips = {}
  for part in dict.fromkeys(('train', split)):
    path = _find_csv(root, part, annotations, expected)
    clips[part] = list(read_clips(path, part))
  folders = sorted({folder for _, folder, _ in clips['train']})
  listing.check_count(f'the train csv of {root}', folders, expected)
  labels = {folder: label for label, folder in enumerate(folders)}
  bases = listing.choose_bases((*_SPLITS[split], ''), videos, split)
  places = {folder: list_places(bases, folder) for folder in folders}
  # Clips of the test csv have no class, hence no folder of a class.
  labels[''], places[''] = -1, bases
  rows = []
  for where, folder, names in clips[split]:
    if folder not in labels:
      problem = f'class {folder!r} is not in the train csv: use one release'
      raise listing.make_line_error(*where, problem)
    rows.append(listing.Row(places[folder], names, labels[folder]))
  return listing.Listing(tuple(f.replace('_', ' ') for f in folders), rows)


def get_aliases(split: str) -> tuple[str, ...]:
  """Returns the names of a split in files, folders and columns."""
  return _SPLITS.get(split, (split,))


def _find_csv(root, split, annotations, counts) -> pathlib.Path:
  prefixes = ['', 'kinetics_']
  for count in counts:
    prefixes += [f'kinetics{count}_', f'kinetics_{count}_', f'k{count}_']
  names = [
    f'{prefix}{alias}.csv' for prefix in prefixes for alias in _SPLITS[split]
  ]
  return listing.find_file(root, names, annotations)


def list_places(bases: Sequence[str], folder: str) -> tuple[str, ...]:
  """Lists the folders that may hold the clips of a class, best first."""
  # Mirrors name class folders with '_' (the rule of the crawler) or blanks.
  spellings = dict.fromkeys((folder, folder.replace('_', ' ')))
  inside = [posixpath.join(b, s) for b in bases for s in spellings]
  return (*inside, *bases)


def read_clips(path: pathlib.Path, split: str | None) -> Iterator[tuple]:
  """Yields ((path, line), class folder or '', file names) of each clip.

  Raises UserError for an invalid line, or, if `split` is given, for a line of
  another split.
  """
  with listing.open_text(path) as file:
    header = file.readline()
    between = next((char for char in '\t;' if char in header), ',')
    file.seek(0)
    reader = csv.DictReader(file, strict=True, delimiter=between)
    try:
      for row in reader:
        where = path, reader.line_num
        yield where, *_parse_clip(where, row, split)
    except csv.Error as error:
      line = reader.reader.line_num
      raise listing.make_line_error(path, line, f'not csv: {error}') from error


def _parse_clip(where, row, split) -> tuple[str, tuple[str, ...]]:
  try:
    video = row['youtube_id'].strip()
    start, end = int(float(row['time_start'])), int(float(row['time_end']))
  except (KeyError, TypeError, AttributeError, ValueError) as error:
    problem = f'no youtube_id, time_start and time_end in {row}'
    raise listing.make_line_error(*where, problem) from error
  if None in row:
    raise listing.make_line_error(*where, 'too many fields: quote the commas')
  if split and row.get('split') and row['split'] not in get_aliases(split):
    problem = (
      f'split {row["split"]!r} in the {split} csv: write one csv per split'
    )
    raise listing.make_line_error(*where, problem)
  label = (row.get('label') or '').strip()
  if not video or (not label and split not in ('test', None)):
    raise listing.make_line_error(
      *where, 'no label or no youtube_id: fill it in'
    )
  folder = label.replace('"', '').replace(' ', '_')
  return folder, (f'{video}_{start:06d}_{end:06d}', video)


def read_as_list(
  path: pathlib.Path,
  others: Sequence[pathlib.Path],
  split: str,
  class_names: Sequence[str] | None,
  videos: str,
  num_classes: int | None = None,
) -> listing.Listing:
  """Reads a csv file with any number of classes.

  Args:
    path: the file.
    others: the files of other splits, whose classes count too.
    split: as in `read_kinetics`.
    class_names: in label order; None takes the sorted classes of all files.
    videos: folder of the videos below the root; '' tries the usual places.
    num_classes: the required number of classes if `class_names` is None; None
      accepts any.
  """
  names, lists = class_names, {path: list(read_clips(path, split))}
  note = ''
  if names is None:
    for other in others:
      lists[other] = list(read_clips(other, None))
    folders = {folder for clips in lists.values() for _, folder, _ in clips}
    names = tuple(f.replace('_', ' ') for f in sorted(folders - {''}))
    files = ' and '.join(sorted(path.name for path in lists))
    if num_classes is not None:
      listing.check_count(files, names, (num_classes,))
    note = f'{len(names)} classes, the sorted labels of {files}'
  labels = {n.replace(' ', '_'): label for label, n in enumerate(names)}
  labels[''] = -1
  bases = listing.choose_bases((*get_aliases(split), ''), videos, split)
  rows = []
  for (_, line), folder, clip in lists[path]:
    if folder not in labels:
      problem = f'class {folder!r} is not among the class names: correct them'
      raise listing.make_line_error(path, line, problem)
    places = list_places(bases, folder)
    rows.append(listing.Row(places, clip, labels[folder], line))
  return listing.Listing(names, rows, str(path), notes=(note,) * bool(note))
