"""Splits of lists, folders of clips and public data sets.

`load_split` reads every format and opens no video. If an annotation names a
video that is not on disk, `on_missing` decides: 'error' (the default) raises
FileNotFoundError, 'skip' leaves it out and lists it in `Split.missing`, so that
a report can say how many videos were not evaluated.
"""

import contextlib
import dataclasses
import hashlib
import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import (
  digits,
  kinetics_csv,
  listing,
  lists,
  official,
  own,
  places,
  prepared,
)
from i2v_jax.data.sets.key_frames import KeyFrames
from i2v_jax.data.sets.look_up import LookUp
from i2v_jax.data.videos import frame_files
from i2v_jax.data.videos.frame_folder import FPS, check_fps
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import (
  MissingFileError,
  UserError,
  check_choice,
  suggest,
)

Path = listing.Path


class Miscounted(NamedTuple):
  """A folder of frames whose list gives another number of frames."""

  id: str
  listed: int
  there: int
  line: int  # Of the list.


# Arrays have no single truth value, so neither has the equality of splits.
@dataclasses.dataclass(frozen=True, eq=False)
class Split:
  """The videos of a split: paths, labels, and class names in label order.

  A video listed twice appears twice, with the same id. Raises UserError if
  there is no video or a label has no class.

  Attributes:
    paths: of the videos.
    labels: int32 [n], read-only, -1 if unlabelled.
    class_names: unique, in label order.
    ids: paths relative to the root, with '/': the names of the videos in
      reports, the same wherever the data is stored.
    missing: ids of the videos that were listed but not found.
    records: the videos, if they are not files; `paths` are names then.
    left_out: ids of the files next to them that do not count as videos.
    miscounted: folders of frames whose list gives another number of frames.
    notes: sentences about how they were found.
    fps: frames per second of videos that are folders of frames.
    key_frames: where examples are key frames with boxes; a path then stands
      once for each of its key frames, and labels are -1.
  """

  paths: tuple[str, ...]
  labels: np.ndarray
  class_names: tuple[str, ...]
  ids: tuple[str, ...]
  missing: tuple[str, ...] = ()
  records: prepared.Records | None = None
  left_out: tuple[str, ...] = ()
  miscounted: tuple[Miscounted, ...] = ()
  notes: tuple[str, ...] = ()
  fps: float = FPS
  key_frames: KeyFrames | None = None

  def __post_init__(self):
    labels = np.array(self.labels)
    if not self.paths:
      raise UserError('no videos in the split: check the root and the split')
    if not labels.shape == (len(self.paths),) == (len(self.ids),):
      sizes = f'{len(self.paths)} paths and {len(self.ids)} ids'
      raise ValueError(f'{sizes} do not match labels {list(labels.shape)}')
    if labels.dtype.kind not in 'iu':
      raise ValueError(f'labels are {labels.dtype}, not integers')
    listing.check_names(self.class_names, 'class_names')
    wrong = (labels < -1) | (labels >= len(self.class_names))
    if wrong.any():
      first = int(wrong.argmax())
      problem = f'label {labels[first]} of {self.ids[first]!r} is not in'
      raise UserError(f'{problem} -1..{len(self.class_names) - 1}')
    labels = labels.astype(np.int32)
    labels.setflags(write=False)
    object.__setattr__(self, 'labels', labels)

  def __len__(self) -> int:
    return len(self.paths)

  def video(self, index: int) -> str | bytes:
    """Returns the path of video `index`, or its contents as bytes."""
    path = self.paths[index]  # an IndexError past the end, for both
    return path if self.records is None else self.records[index]

  def fingerprint(self) -> str:
    """Returns 16 hex digits of the sha256 of ids and labels, in order.

    Equal fingerprints mean the same videos with the same labels, wherever the
    data is stored.
    """
    digest = hashlib.sha256()
    for video, label in zip(self.ids, self.labels.tolist(), strict=True):
      digest.update(f'{video}\0{label}\n'.encode(errors='surrogateescape'))
    if self.key_frames is not None:
      self.key_frames.update(digest)
    return digest.hexdigest()[:16]


# Each reads annotations into a listing; its arguments are the format's options.
FORMATS: dict[str, Callable[..., listing.Listing]] = {
  'list': lists.read_video_list,
  'folder': own.read_class_folders,
  'kinetics': kinetics_csv.read_kinetics,
  'something_v2': official.read_something_v2,
  'ucf101': official.read_ucf101,
  'hmdb51': official.read_hmdb51,
  'diving48': official.read_diving48,
}
_TRAIN_TEST = ('ucf101', 'hmdb51', 'diving48')  # they have no split val


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
    format: one of `FORMATS`; or 'digits': the demo's clips, made at `root` if
      absent (options as in `digits.generate`); or 'prepared', see `prepared`.
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
    return Split(*prepared.load(root, split))
  if format == 'digits':
    digits.generate(os.path.expanduser(root), **options)
    format, options = 'folder', {}
  options['split'] = split
  found = _read_split(FORMATS[format], root, on_missing, options)
  return dataclasses.replace(found, fps=fps)


def write_class_names(path: Path, names: Sequence[str]) -> None:
  """Writes class names, in label order, as a JSON list."""
  files.write_json(path, listing.check_names(names, path))


def read_class_names(path: Path) -> tuple[str, ...]:
  """Reads a JSON list of class names, in label order."""
  return listing.check_names(listing.read_json(path), path)


def check_options(format: str, options: Iterable[str]) -> None:
  """Raises UserError for an unknown format or option; all have `fps`."""
  check_choice('the data format', format, (*FORMATS, 'digits', 'prepared'))
  known = []
  if format == 'digits':
    known = [*inspect.signature(digits.generate).parameters][1:]
  elif format in FORMATS:
    known = [*inspect.signature(FORMATS[format]).parameters][2:]
  for name in options:
    if name not in (*known, 'fps'):
      raise UserError(
        f'data format {format!r} has no option {name!r}; it has '
        f'{", ".join(known) or "none"}{suggest(name, known) or "."}'
      )


def _read_split(reader, root, on_missing, options: dict[str, Any]) -> Split:
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
  found = [*zip(listed.rows, look_up.find(listed.rows), strict=True)]
  missing = [row for row, place in found if place is None]
  there = [(row, place) for row, place in found if place is not None]
  if missing and (on_missing == 'error' or not there):
    raise MissingFileError(_describe_missing(root, listed, missing, look_up))
  _check_labels(listed.file, there)
  miscounted = _find_miscounted(there)
  if miscounted and on_missing == 'error':
    raise UserError(_describe_counts(listed, miscounted))
  return Split(
    tuple(place.path for _, place in there),
    np.array([row.label for row, _ in there]),
    listed.class_names,
    tuple(place.id for _, place in there),
    tuple(_make_id(row) for row in missing),
    left_out=listed.left_out,
    miscounted=miscounted,
    notes=listed.notes,
  )


def _check_labels(file: str, there) -> None:
  """Raises UserError for a video that is listed with two labels."""
  first = {}
  for row, place in there:
    other = first.setdefault(place.path, row) if row.label >= 0 else row
    if row.line and row.label != other.label:
      problem = f'{place.id!r} has another label here than in line {other.line}'
      way_out = 'a video has one label, so drop one of the lines'
      raise listing.make_line_error(file, row.line, f'{problem}: {way_out}')


def _find_miscounted(there) -> tuple[Miscounted, ...]:
  """Finds the folders of frames whose list gives another number of frames."""
  found = []
  for row, place in there:
    if row.frames is None or not os.path.isdir(place.path):
      continue
    with contextlib.suppress(UserError):  # opening it reports this
      count = len(frame_files.list_frames(place.path).names)
      if count != row.frames:
        found.append(Miscounted(place.id, row.frames, count, row.line))
  return tuple(found)


def _describe_counts(listed, miscounted: Sequence[Miscounted]) -> str:
  first, number = miscounted[0], len(miscounted)
  problem = f'{number} of {len(listed.rows)} folders of frames hold more or'
  problem += f' fewer than {listed.file} says: {first.id!r} in line'
  problem += f' {first.line} has {first.there}, not {first.listed}'
  way_out = "extract them again, correct the list, or set on_missing='skip'"
  return f'{problem}: {way_out} to use what is there'


def _make_id(row: listing.Row) -> str:
  """Makes the id of a missing video, as if in the first place to look."""
  name = os.path.normpath(os.path.join(row.folders[0], row.names[0]))
  return name.replace(os.sep, '/')


def _describe_missing(
  root: str,
  listed: listing.Listing,
  missing: Sequence[listing.Row],
  look_up: LookUp,
) -> str:
  names = ', '.join(repr(_make_id(row)) for row in missing[:3])
  more = ', ...' if len(missing) > 3 else ''
  first = missing[0]
  where = f', line {first.line} of {listed.file},' if first.line else ''
  tried = os.path.join(root, first.folders[0], first.names[0])
  near = look_up.describe_near(first)
  near = f'; {near}' if near else ''
  problem = f'{len(missing)} of {len(listed.rows)} listed videos are not in'
  problem += f' {root} ({names}{more}): the first{where} is not at {tried}'
  way_out = "check the root and 'videos'"
  if len(missing) < len(listed.rows):
    way_out += ", or set on_missing='skip' to leave them out and count them"
  return f'{problem}{near}; {way_out}'
