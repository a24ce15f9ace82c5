"""Splits of lists, folders of clips and public data sets.

`load_split` reads every format; only `boxes` and `segments` open the videos. If
an annotation names a video that is not on disk, `on_missing` decides: 'error'
(the default) raises FileNotFoundError, 'skip' leaves it out and lists it in
`Split.missing`, so that a report can say how many videos were not evaluated.
"""

import dataclasses
import inspect
import os
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from i2v_jax.data.sets import (
  absent,
  ava,
  boxes,
  digit_boxes,
  digit_footage,
  digits,
  graded_digits,
  kinetics_csv,
  listing,
  lists,
  official,
  own,
  own_segments,
  places,
  prepared,
  vidtab,
)
from i2v_jax.data.sets.look_up import LookUp
from i2v_jax.data.sets.segment_split import split_segments
from i2v_jax.data.sets.split import (
  Split,
  describe_unboxed,
  split_key_frames,
)
from i2v_jax.data.videos.frame_folder import FPS, check_fps
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import (
  MissingFileError,
  UserError,
  check_choice,
  suggest,
)

Path = listing.Path


# Each reads annotations into a listing; its arguments are the format's options.
FORMATS: dict[str, Callable[..., listing.Listing]] = {
  'list': lists.read_video_list,
  'folder': own.read_class_folders,
  'kinetics': kinetics_csv.read_kinetics,
  'something_v2': official.read_something_v2,
  'ucf101': official.read_ucf101,
  'hmdb51': official.read_hmdb51,
  'diving48': official.read_diving48,
  'vidtab': vidtab.read_vidtab,
  'ava': ava.read_ava,
  'boxes': boxes.read_boxes,
  'segments': own_segments.read_segments,
}
# Demos: what makes the clips, the format they are in, its options that count.
DEMOS = {
  'digits': (digits.generate, 'folder', ()),
  'graded_digits': (graded_digits.generate, 'folder', ()),
  'digit_boxes': (digit_boxes.generate, 'boxes', ('proposals', 'min_score')),
  'digit_footage': (digit_footage.generate, 'segments', ()),
}
# They have no split val.
_TRAIN_TEST = ('ucf101', 'hmdb51', 'diving48', 'vidtab')


def choose_splits(format: str) -> tuple[str, str]:
  """Chooses the splits of a format if none are named."""
  return 'train', 'test' if format in _TRAIN_TEST else 'val'


def load_split(
  format: str,
  root: Path,
  split: str,
  on_missing: str = 'error',
  fps: float = FPS,
  **options,
) -> Split:
  """Loads a split of a data set: `train`, `val` or `test`.

  Args:
    format: one of `FORMATS`; or of `DEMOS`, whose clips are made at `root` if
      absent, with options of their `generate`; or 'prepared', see `prepared`.
    root: folder of the data set.
    split: name of the split; of a prepared data set also a slice,
      'train[:10%]'.
    on_missing: 'error' raises if a listed video does not exist or a folder of
      frames is counted wrongly; 'skip' lists them in `Split.missing` and
      `Split.miscounted`.
    fps: frames per second of videos that are folders of frames.
    **options: options of the format.

  Raises:
    FileNotFoundError: the root, an annotation or a video does not exist.
    UserError: the format or an option is unknown, or an annotation is invalid.
  """
  places.check_data(root, options)
  check_fps(fps)
  check_options(format, options)
  if format == 'prepared':
    return Split(**prepared.load(root, split)._asdict())
  if format in DEMOS:
    generate, format, kept = DEMOS[format]
    made = {k: v for k, v in options.items() if k not in kept}
    generate(os.path.expanduser(root), **made)
    options = {k: v for k, v in options.items() if k in kept}
  options['split'] = split
  found = _read_split(FORMATS[format], root, on_missing, fps, options)
  return dataclasses.replace(found, fps=fps)


def write_class_names(path: Path, names: Sequence[str]) -> None:
  """Writes class names, in label order, as a JSON list."""
  files.write_json(path, listing.check_names(names, path))


def read_class_names(path: Path) -> tuple[str, ...]:
  """Reads a JSON list of class names, in label order."""
  return listing.check_names(listing.read_json(path), path)


def check_options(format: str, options: Iterable[str]) -> None:
  """Raises UserError for an unknown format or option; all have `fps`."""
  check_choice('the data format', format, (*FORMATS, *DEMOS, 'prepared'))
  known = []
  if format in DEMOS:
    generate, _, kept = DEMOS[format]
    known = [*[*inspect.signature(generate).parameters][1:], *kept]
  elif format in FORMATS:
    known = [*inspect.signature(FORMATS[format]).parameters][2:]
  for name in options:
    if name not in (*known, 'fps'):
      raise UserError(
        f'data format {format!r} has no option {name!r}; it has '
        f'{", ".join(known) or "none"}{suggest(name, known) or "."}'
      )


def _read_split(reader, root, on_missing, fps, options: dict) -> Split:
  """Reads a listing and finds its videos."""
  root = os.path.expanduser(root)
  if not os.path.isdir(root):
    way_out = 'check the data root'
    if os.path.isfile(root):
      way_out = f'give its folder, and list_file={os.path.basename(root)!r}'
    raise MissingFileError(f'{root} is not a folder: {way_out}')
  check_choice('on_missing', on_missing, ('error', 'skip'))
  listed = reader(root, **options)
  look_up = LookUp(root)
  places_of = look_up.find(listed.rows)
  found = [*zip(listed.rows, places_of, strict=True)]
  absentees = [row for row, place in found if place is None]
  there = [(row, place) for row, place in found if place is not None]
  at_once = listed.annotated is None  # or among all problems
  if absentees and (not there or (at_once and on_missing == 'error')):
    raise MissingFileError(
      absent.describe_missing(root, listed, absentees, look_up)
    )
  if listed.annotated is not None:
    return split_segments(listed, places_of, look_up, on_missing, fps)
  if listed.key_frames is not None:
    if listed.unboxed and on_missing == 'error':
      raise UserError(_describe_unboxed(listed))
    return split_key_frames(listed, places_of)
  _check_labels(listed.file, there)
  miscounted = absent.find_miscounted(there)
  if miscounted and on_missing == 'error':
    raise UserError(absent.describe_counts(listed, miscounted))
  return Split(
    tuple(place.path for _, place in there),
    np.array([row.label for row, _ in there]),
    listed.class_names,
    tuple(place.id for _, place in there),
    tuple(absent.make_id(row) for row in absentees),
    left_out=listed.left_out,
    miscounted=miscounted,
    notes=listed.notes,
  )


def _describe_unboxed(listed: listing.Listing) -> str:
  problem = describe_unboxed(listed, listed.unboxed)
  way_out = "get the complete file, or set on_missing='skip'"
  return f'{problem}: {way_out} to count their truth as missed'


def _check_labels(file: str, there) -> None:
  """Raises UserError for a video that is listed with two labels."""
  first = {}
  for row, place in there:
    other = first.setdefault(place.path, row) if row.label >= 0 else row
    if row.line and row.label != other.label:
      problem = f'{place.id!r} has another label here than in line {other.line}'
      way_out = 'a video has one label, so drop one of the lines'
      raise listing.make_line_error(file, row.line, f'{problem}: {way_out}')
