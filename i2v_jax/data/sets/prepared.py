"""Reads prepared data sets: TFDS with ArrayRecord shards and a manifest.

Any TFDS reader can read them, without TensorFlow. The manifest adds ids, labels
and counts, which a split needs before the first video is read.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import listing, prepared_csv, prepared_examples
from i2v_jax.data.sets.segments import Segments, VideoFile
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import MissingFileError, UserError

VERSION = '1.0.0'
MANIFEST = 'manifest.json'


class Row(NamedTuple):
  """A stored video, a line of `<split>.csv`."""

  id: str
  label: int
  frames: int  # All were decoded.
  fps: float
  height: int  # Pixels, upright.
  width: int
  bytes: int
  source_bytes: int  # Of the original file.
  psnr: float | None  # dB; None if it is not transcoded.
  sha256: str  # Of the stored bytes.


class Bad(NamedTuple):
  """A video that was left out, a line of `<split>.bad.csv`."""

  id: str
  reason: str


def find_folder(root: listing.Path) -> pathlib.Path:
  """Finds the folder of the one data set in `root`, which may be `root`.

  Raises:
    FileNotFoundError: there is none.
    UserError: there are several.
  """
  found = find_folders(root)
  if not found:
    problem = f'{root} holds no prepared data set'
    raise MissingFileError(f'{problem}: make one by i2v data prepare')
  if len(found) > 1:
    names = ' and '.join(map(str, found))
    raise UserError(f'{names} could both be meant: give one as root')
  return found[0]


def find_folders(root: listing.Path) -> list[pathlib.Path]:
  """Finds the folders of all data sets in `root`, which may be `root`."""
  root = pathlib.Path(root).expanduser()
  if (root / MANIFEST).is_file():
    return [root]
  found = sorted(root.glob(f'*/{VERSION}/{MANIFEST}'))
  return [path.parent for path in found]


def list_splits(root: listing.Path) -> list[str]:
  """Lists the splits of the one data set in `root`."""
  return list(read_manifest(find_folder(root))['splits'])


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
  """Reads what `i2v data prepare` wrote about all splits."""
  return files.read_json(folder / MANIFEST, ('splits', 'class_names'))


def read_rows(folder: pathlib.Path, split: str, known: dict) -> list[dict]:
  """Reads the rows of a complete split, checked against their sha256."""
  path = folder / f'{split}.csv'
  return prepared_csv.read(path, Row, known['sha256'])


class Contents(NamedTuple):
  """Attributes of a `sources.Split`."""

  paths: tuple[str, ...]  # Names for messages; there are no such files.
  labels: np.ndarray
  class_names: tuple[str, ...]
  ids: tuple[str, ...]
  missing: tuple[str, ...]
  records: 'Records'
  video_ids: tuple[str, ...] = ()
  segments: Segments | None = None
  targets: np.ndarray | None = None
  overlapping: np.ndarray | None = None


def load(root: listing.Path, split: str) -> Contents:
  """Reads the rows of a split or of a slice of one, but no video.

  Args:
    root: the `--out` of `i2v data prepare`, or a data set in it.
    split: a name, or a TFDS slice such as 'train[:10%]' or 'train[2:7]'.

  Raises:
    FileNotFoundError: there is no prepared data set.
    UserError: there is no such split, or files contradict each other.
  """
  folder = find_folder(root)
  manifest = read_manifest(folder)
  found, missing, examples, kinds = [], [], [], set()
  for name, first, stop in _find_ranges(folder, manifest['splits'], split):
    known = manifest['splits'][name]
    rows = read_rows(folder, name, known)[first:stop]
    found += [(f'{folder}/{name}/{row["id"]}', row) for row in rows]
    if split == name:  # a slice does not know its missing videos
      missing += known['missing']
    kinds.add(known.get('records', ''))
    if 'examples_sha256' in known:
      path = prepared_examples.name_file(folder, name)
      kind = prepared_examples.Row
      examples += prepared_csv.read(path, kind, known['examples_sha256'])
  contents = Contents(
    tuple(path for path, _ in found),
    np.array([int(row['label']) for _, row in found], np.int32),
    tuple(manifest['class_names']),
    tuple(row['id'] for _, row in found),
    tuple(missing),
    Records(str(folder), split),
  )
  return _use_examples(contents, kinds.pop(), found, examples)


def _use_examples(contents: Contents, kind: str, found, rows) -> Contents:
  """Makes examples of the videos, or of their segments."""
  classes = len(contents.class_names)
  if kind == prepared_examples.CUT:
    made = prepared_examples.make_cut(contents.ids, rows, classes)
    return contents._replace(**made)
  if kind == prepared_examples.WHOLE:
    videos = [
      VideoFile(row['id'], path, int(row['frames']) / float(row['fps']))
      for path, row in found
    ]
    made = prepared_examples.make_whole(videos, rows, classes)
    return contents._replace(**made)
  return contents


def _find_ranges(folder, known: dict, split: str) -> list[tuple[str, int, int]]:
  """Finds (split, first, stop) of each slice in `split`."""
  import tensorflow_datasets as tfds

  name = split.partition('[')[0]
  if '+' not in split and name not in known:
    problem = f'{folder} has no split {name!r}'
    raise UserError(f'{problem}: it has {", ".join(known)}')
  splits = _load_builder(folder).info.splits
  for name, facts in known.items():
    if splits[name].num_examples != facts['videos']:
      problem = f'{folder}: {splits[name].num_examples} records of {name}'
      raise UserError(f'{problem}, {facts["videos"]} in {MANIFEST}')
  parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(splits)
  return [
    (part.splitname, part.from_ or 0, _find_stop(part, known)) for part in parts
  ]


def _load_builder(folder: listing.Path):
  """Loads the TFDS builder; raises UserError if its files are damaged."""
  import tensorflow_datasets as tfds
  from google.protobuf import json_format

  unreadable = tfds.core.dataset_info.DatasetInfoFileError
  try:
    return tfds.builder_from_directory(os.fspath(folder))
  except (ValueError, json_format.ParseError, unreadable) as error:
    reason = (str(error).splitlines() or [''])[0].rstrip('.')
    raise UserError(
      f'{folder} is damaged ({reason}); prepare the data set again.'
    ) from error


def _find_stop(part, known: dict) -> int:
  return known[part.splitname]['videos'] if part.to is None else part.to


@dataclasses.dataclass(frozen=True)
class Records:
  """The videos of a split as bytes; opened on first use, cheap to pickle.

  Attributes:
    folder: the folder of the data set.
    split: its name, or a slice of it.
    chosen: numbers of the videos in it; None for all.
  """

  folder: str
  split: str
  chosen: tuple[int, ...] | None = None

  def __getitem__(self, index: int) -> bytes:
    """Returns the contents of video `index` of the split, from 0."""
    index = int(index) if self.chosen is None else self.chosen[index]
    return self._source[index]['video']

  def choose(self, indices: Iterable[int]) -> 'Records':
    """Chooses some videos, in any order."""
    chosen = (int(n) for n in indices)
    if self.chosen is not None:
      chosen = (self.chosen[n] for n in chosen)
    return dataclasses.replace(self, chosen=tuple(chosen))

  @functools.cached_property
  def _source(self):
    return _load_builder(self.folder).as_data_source(self.split)

  def __getstate__(self) -> dict:
    fields = ('folder', 'split', 'chosen')
    return {name: getattr(self, name) for name in fields}

  def __setstate__(self, state: dict) -> None:
    self.__dict__.update(state)
