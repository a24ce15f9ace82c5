"""Who is in a split: lists, folders of clips, and the public data sets.

`load` reads every format, and opens no video. Where an annotation names a video
that is not on disk, `on_missing` decides: 'error' (the default) raises
FileNotFoundError, 'skip' leaves it out and lists it in `Split.missing`, so that
a report can say how many were not evaluated.
"""

import dataclasses
import hashlib
import inspect
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from i2v_jax.data import (
  digits,
  kinetics_csv,
  listing,
  official,
  own,
  prepared,
  whole,
)
from i2v_jax.data.frame_folder import FPS, check_fps

Path = listing.Path


# Arrays have no single truth value, so neither has the equality of splits.
@dataclasses.dataclass(frozen=True, eq=False)
class Split:
  """Who is in a split: video paths, labels, and class names in label order.

  A video listed twice is in it twice, with the same id. Raises ValueError if
  there is no video, the lengths differ, or a label has no class.

  Attributes:
    paths: where the videos are.
    labels: int32 [n], read-only, -1 where unlabelled.
    class_names: unique, in label order.
    ids: paths relative to the root, with '/': the names of the videos in
      reports, the same wherever the data lies.
    missing: ids of the videos that were listed but not found.
    records: holds the videos where no files do; `paths` are names then.
    fps: frames a second of the videos that are folders of frames.
  """

  paths: tuple[str, ...]
  labels: np.ndarray
  class_names: tuple[str, ...]
  ids: tuple[str, ...]
  missing: tuple[str, ...] = ()
  records: prepared.Records | None = None
  fps: float = FPS

  def __post_init__(self):
    labels = np.array(self.labels)
    if not self.paths:
      raise ValueError('no videos in the split: check the root and the split')
    if not labels.shape == (len(self.paths),) == (len(self.ids),):
      sizes = f'{len(self.paths)} paths and {len(self.ids)} ids'
      raise ValueError(f'{sizes} do not match labels {list(labels.shape)}')
    if labels.dtype.kind not in 'iu':
      raise ValueError(f'labels are {labels.dtype}, not whole numbers')
    listing.check_names(self.class_names, 'class_names')
    wrong = (labels < -1) | (labels >= len(self.class_names))
    if wrong.any():
      first = int(wrong.argmax())
      problem = f'label {labels[first]} of {self.ids[first]!r} is not in'
      raise ValueError(f'{problem} -1..{len(self.class_names) - 1}')
    labels = labels.astype(np.int32)
    labels.setflags(write=False)
    object.__setattr__(self, 'labels', labels)

  def __len__(self) -> int:
    return len(self.paths)

  def video(self, index: int) -> str | bytes:
    """What holds video `index`: the path of its file, or the bytes of one."""
    path = self.paths[index]  # an IndexError past the end, for both
    return path if self.records is None else self.records[index]

  def fingerprint(self) -> str:
    """16 hex digits of the sha256 of ids and labels, in order.

    Equal fingerprints mean the same videos with the same labels, wherever the
    data lies.
    """
    digest = hashlib.sha256()
    for video, label in zip(self.ids, self.labels.tolist(), strict=True):
      digest.update(f'{video}\0{label}\n'.encode(errors='surrogateescape'))
    return digest.hexdigest()[:16]


# Each reads annotations into a listing; its arguments are the format's options.
FORMATS: dict[str, Callable[..., listing.Listing]] = {
  'list': own.video_list,
  'folder': own.class_folders,
  'kinetics': kinetics_csv.kinetics,
  'something_v2': official.something_v2,
  'ucf101': official.ucf101,
  'hmdb51': official.hmdb51,
  'diving48': official.diving48,
}


def load(
  format: str,
  root: Path,
  split: str,
  on_missing: str = 'error',
  fps: float = FPS,
  **options,
) -> Split:
  """Reads a split: `train`, `val` or `test`, as the format has it.

  Args:
    format: one of `FORMATS`; or 'digits': the demo's clips, made at `root` if
      absent (options as in `digits.generate`); or 'prepared', see `prepared`.
    root: folder of the data set.
    split: which part; of a prepared data set also a slice, 'train[:10%]'.
    on_missing: what becomes of a listed video that is not there: 'error', or
      'skip', which lists it in `Split.missing`.
    fps: frames a second of videos that are folders of frames, of any format.
    **options: of the format.

  Raises:
    FileNotFoundError: the root, an annotation or a video is not there.
    ValueError: an unknown format or option, or annotations that are wrong.
  """
  check_fps(fps)
  if format == 'digits':
    digits.generate(os.path.expanduser(root), **options)
    format, options = 'folder', {}
  if format == 'prepared':
    if options:
      raise ValueError(f'prepared has no option {min(options)!r}: it has none')
    return Split(*prepared.load(root, split))
  if format not in FORMATS:
    problem = f'there is no data format {format!r}'
    known = ', '.join(FORMATS)
    raise ValueError(f'{problem}: use one of {known}, digits, prepared')
  options['split'] = split
  found = _split(FORMATS[format], root, on_missing, options)
  return dataclasses.replace(found, fps=fps)


def write_class_names(path: Path, names: Sequence[str]) -> None:
  """Writes class names, in label order, as a json list."""
  text = json.dumps(listing.check_names(names, path), indent=0)
  whole.write(path, f'{text}\n')


def read_class_names(path: Path) -> tuple[str, ...]:
  """Reads the class names of `write_class_names`, in label order."""
  return listing.check_names(listing.read_json(path), path)


def _split(reader, root, on_missing, options: dict[str, Any]) -> Split:
  """Reads a listing and looks its videos up."""
  root = os.path.expanduser(root)
  if not os.path.isdir(root):
    raise FileNotFoundError(f'{root} is not a folder: check the data root')
  if on_missing not in ('error', 'skip'):
    raise ValueError(f"on_missing {on_missing!r} is not 'error' or 'skip'")
  known = [*inspect.signature(reader).parameters][1:]  # without the root
  for name in options:
    if name not in known:
      problem = f'{reader.__name__} has no option {name!r}'
      raise ValueError(f'{problem}: it has {", ".join(known)}')
  listed = reader(root, **options)
  folders = _Folders(root, listed.ignore_case)
  found = [(folders.find(row), row) for row in listed.rows]
  missing = [row for place, row in found if place is None]
  if missing and on_missing == 'error':
    raise FileNotFoundError(_describe(root, missing, len(found)))
  if len(missing) == len(found):
    problem = f'no videos under {root} of the {len(found)} listed'
    raise ValueError(f'{problem}: check the data root and the split')
  there = [(*place, row.label) for place, row in found if place]
  paths, ids, labels = zip(*there, strict=True)
  lost = tuple(_name(row) for row in missing)
  return Split(paths, np.array(labels), listed.class_names, ids, lost)


def _name(row: listing.Row) -> str:
  """The id that a missing video would have in the first place to look."""
  name = os.path.normpath(os.path.join(row.folders[0], row.names[0]))
  return name.replace(os.sep, '/')


def _describe(root, missing: list[listing.Row], count: int) -> str:
  names = ', '.join(repr(_name(row)) for row in missing[:3])
  more = ', ...' if len(missing) > 3 else ''
  problem = f'{len(missing)} of {count} listed videos are not in {root}'
  way_out = "check the root and 'videos', or leave them out, and have them"
  return f"{problem} ({names}{more}): {way_out} counted, by on_missing='skip'"


class _Folders:
  """Finds videos by name: each folder is listed once and no file is touched."""

  def __init__(self, root: str, ignore_case: bool):
    self._root = root
    self._ignore_case = ignore_case
    self._key = str.lower if ignore_case else str
    self._listings = {}

  def find(self, row: listing.Row) -> tuple[str, str] | None:
    """Returns (path, id) of the first name in the first folder that has it."""
    for folder in row.folders:
      if folder not in self._listings:
        self._listings[folder] = self._list(folder)
      path, prefix, files, stems = self._listings[folder]
      for name in map(self._key, row.names):
        names = files.get(name) or stems.get(name) or ()
        if len(names) > 1:
          both = ' and '.join(sorted(names))
          raise ValueError(f'{path} has {both} for one video: keep one')
        if names:
          return os.path.join(path, names[0]), prefix + names[0]
    return None

  def _list(self, folder: str):
    path = os.path.normpath(os.path.join(self._root, folder))
    if self._ignore_case and not os.path.isdir(path):
      path = self._respelled(path)
    files, stems = {}, {}
    for name in _list_folder(path):
      # A name without extension may be the folder of a video's frames.
      if os.path.splitext(name)[1]:
        files.setdefault(self._key(name), []).append(name)
      if listing.is_video(name):
        stem = self._key(os.path.splitext(name)[0])
        stems.setdefault(stem, []).append(name)
    prefix = os.path.relpath(path, self._root).replace(os.sep, '/')
    return path, '' if prefix == '.' else f'{prefix}/', files, stems

  def _respelled(self, path: str) -> str:
    parent, name = os.path.split(path)
    for other in sorted(_list_folder(parent)):
      if other.lower() == name.lower():
        return os.path.join(parent, other)
    return path


def _list_folder(path: str) -> list[str]:
  try:
    return os.listdir(path)
  except (FileNotFoundError, NotADirectoryError):
    return []
