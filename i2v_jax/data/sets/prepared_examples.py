"""The examples of a prepared split whose videos have no one label.

They are the videos themselves, or spans of them.
"""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets.segment_examples import (
  Example,
  make_examples,
  make_targets,
)
from i2v_jax.data.sets.segments import VideoFile
from i2v_jax.runtime.errors import UserError

WHOLE, CUT = 'whole', 'cut'  # what the records of segments are


class Row(NamedTuple):
  """A line of `<split>.examples.csv`."""

  video: str  # Id of a record.
  start: float | None  # Seconds; None if it is the complete record.
  end: float | None
  labels: str  # Class numbers, separated by blanks.
  overlapping: str = ''  # Those that others list for half of a cut record.


def name_file(folder: pathlib.Path, split: str) -> pathlib.Path:
  """Names the file of the examples of a split."""
  return folder / f'{split}.examples.csv'


def make_whole(
  videos: Sequence[VideoFile],
  rows: Iterable[Mapping[str, str]],
  num_classes: int,
) -> dict[str, Any]:
  """Makes what a split says of spans of complete records.

  Args:
    videos: the records; spans of others are left out.
    rows: as `prepared_csv.read` returns them.
    num_classes: number of classes.

  Raises:
    UserError: there is no span in these videos.
  """
  there = {video.id for video in videos}
  found = [
    Example(
      row['video'],
      float(row['start']),
      float(row['end']),
      frozenset(_parse_labels(row['labels'])),
    )
    for row in rows
    if row['video'] in there
  ]
  if not found:
    raise UserError('no video of the split has a segment: choose another part')
  return make_examples(videos, found, num_classes)


def make_cut(
  ids: Sequence[str], rows: Iterable[Mapping[str, str]], num_classes: int
) -> dict[str, np.ndarray]:
  """Makes what a split says of records that are examples."""
  found = {row['video']: row for row in rows}
  return {
    name: make_targets(
      [_parse_labels(found[video][column]) for video in ids], num_classes
    )
    for name, column in (('targets', 'labels'), ('overlapping', 'overlapping'))
  }


def _parse_labels(text: str) -> list[int]:
  return [int(word) for word in text.split()]
