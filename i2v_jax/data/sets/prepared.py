"""Prepared data sets: TFDS, ArrayRecord shards and a manifest, read back.

Any reader of TFDS reads them too, without TensorFlow; what the manifest adds
is what a split needs before the first video is read: ids, labels and counts.
"""

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import csv_files, listing
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import MissingFileError, UserError

VERSION = '1.0.0'
MANIFEST = 'manifest.json'


class Row(NamedTuple):
  """A stored video, a line of `<split>.csv`; strings as they are written."""

  id: str
  label: int
  frames: int  # All of them have been decoded.
  fps: float
  height: int  # Pixels, as it is shown.
  width: int
  bytes: int
  source_bytes: int  # Of the file it was made of.
  psnr: (
    float | None
  )  # dB, of what transcoding cost; None where it is as it was.
  sha256: str  # Of the stored bytes.


class Bad(NamedTuple):
  """A video that was left out, a line of `<split>.bad.csv`."""

  id: str
  reason: str


def write_rows(path: listing.Path, kind: type, rows: Iterable) -> str:
  """Writes rows as csv; returns the sha256 of the file."""
  data = csv_files.write(path, kind._fields, rows)
  return hashlib.sha256(data).hexdigest()


def find_folder(root: listing.Path) -> pathlib.Path:
  """The folder of the one data set in `root`, or `root` if it is one itself.

  Raises:
    FileNotFoundError: there is none.
    UserError: there are more.
  """
  found = find_folders(root)
  if not found:
    problem = f'{root} holds no prepared data set'
    raise MissingFileError(f'{problem}: make one by i2v data prepare')
  if len(found) > 1:
    names = ' and '.join(map(str, found))
    raise UserError(f'{names} could both be meant: give one of them as root')
  return found[0]


def find_folders(root: listing.Path) -> list[pathlib.Path]:
  """The folders of the data sets in `root`, or `root` if it is one itself."""
  root = pathlib.Path(root).expanduser()
  if (root / MANIFEST).is_file():
    return [root]
  found = sorted(root.glob(f'*/{VERSION}/{MANIFEST}'))
  return [path.parent for path in found]


def list_splits(root: listing.Path) -> list[str]:
  """The splits of the one data set in `root`."""
  return list(read_manifest(find_folder(root))['splits'])


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
  """What `i2v data prepare` has written about all splits."""
  return files.read_json(folder / MANIFEST, ('splits', 'class_names'))


def read_rows(folder: pathlib.Path, split: str, known: dict) -> list[dict]:
  """The manifest of a whole split, checked against its hash in `known`."""
  path = folder / f'{split}.csv'
  if not path.is_file():
    raise MissingFileError(f'{path} is not there: prepare the data set anew')
  data = path.read_bytes()
  if hashlib.sha256(data).hexdigest() != known['sha256']:
    problem = f'{path} is not what {folder / MANIFEST} says'
    raise UserError(f'{problem}: prepare the data set anew')
  return csv_files.parse(data, path, Row._fields)


class Contents(NamedTuple):
  """What a `sources.Split` is made of; its arguments, in order."""

  paths: tuple[str, ...]  # Names for messages; nothing lies there.
  labels: np.ndarray
  class_names: tuple[str, ...]
  ids: tuple[str, ...]
  missing: tuple[str, ...]
  records: 'Records'


def load(root: listing.Path, split: str) -> Contents:
  """Reads who is in a split, or a part of one, and no video.

  Args:
    root: what was `--out` of `i2v data prepare`, or a data set in it.
    split: a name, or a slice as TFDS has them: 'train[:10%]', 'train[2:7]'.

  Raises:
    FileNotFoundError: there is no prepared data set.
    UserError: no such split, or files that do not belong together.
  """
  folder = find_folder(root)
  manifest = read_manifest(folder)
  paths, labels, ids, missing = [], [], [], []
  for name, first, stop in _find_ranges(folder, manifest['splits'], split):
    known = manifest['splits'][name]
    rows = read_rows(folder, name, known)[first:stop]
    ids += [row['id'] for row in rows]
    labels += [int(row['label']) for row in rows]
    paths += [f'{folder}/{name}/{row["id"]}' for row in rows]
    if split == name:  # of a part nobody knows what is missing from it
      missing += known['missing']
  return Contents(
    tuple(paths),
    np.array(labels, np.int32),
    tuple(manifest['class_names']),
    tuple(ids),
    tuple(missing),
    Records(str(folder), split),
  )


def _find_ranges(folder, known: dict, split: str) -> list[tuple[str, int, int]]:
  """(split, first, stop) of each part of what `split` says."""
  import tensorflow_datasets as tfds

  name = split.partition('[')[0]
  if '+' not in split and name not in known:
    problem = f'{folder} has no split {name!r}'
    raise UserError(f'{problem}: it has {", ".join(known)}')
  splits = tfds.builder_from_directory(folder).info.splits
  for name, facts in known.items():
    if splits[name].num_examples != facts['videos']:
      problem = f'{folder}: {splits[name].num_examples} records of {name}'
      raise UserError(f'{problem}, {facts["videos"]} in {MANIFEST}')
  parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(splits)
  return [
    (part.splitname, part.from_ or 0, _find_stop(part, known)) for part in parts
  ]


def _find_stop(part, known: dict) -> int:
  return known[part.splitname]['videos'] if part.to is None else part.to


@dataclasses.dataclass(frozen=True)
class Records:
  """The videos of a split, as bytes; opened where it is used, cheap to send.

  Attributes:
    folder: of the data set.
    split: its name, or a slice of it.
  """

  folder: str
  split: str

  def __getitem__(self, index: int) -> bytes:
    """The file that video `index` is, counted from 0 in the split."""
    return self._source[int(index)]['video']

  @functools.cached_property
  def _source(self):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(os.fspath(self.folder))
    return builder.as_data_source(self.split)

  def __getstate__(self) -> dict:
    return {'folder': self.folder, 'split': self.split}

  def __setstate__(self, state: dict) -> None:
    self.__dict__.update(state)
