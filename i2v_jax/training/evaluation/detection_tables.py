"""What a report shows of detections: classes, sizes, and AVA's result file."""

import array
import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.key_frames import Rows, make_rows
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.evaluation.detection_map import average
from i2v_jax.training.evaluation.detection_ranking import Ranking
from i2v_jax.training.evaluation.overlaps import compute_areas

# Least share of the frame of each size. COCO's bounds, 32 and 96 pixels, would
# call nearly every person of a film large.
SIZES = {'small': 0.0, 'medium': 0.05, 'large': 0.2}
COLUMNS = 'video,timestamp,x1,y1,x2,y2,action_id,score'
_TEXT = dict(encoding='utf-8', errors='surrogateescape', newline='')
_CHUNK = 100_000  # rows, so that a table of millions is never text at once


class ClassRow(NamedTuple):
  """A class, its annotated boxes that count, and its average precision."""

  name: str
  boxes: int
  average_precision: float


class SizeRow(NamedTuple):
  """A size of boxes: how many are annotated, of how many classes, and mAP.

  mAP is NaN if there are none.
  """

  size: str
  boxes: int
  classes: int
  mean: float


def make_class_table(
  names: Sequence[str], average_precisions: np.ndarray, instances: np.ndarray
) -> list[ClassRow]:
  """Makes a row for each class with truth, that of highest precision first.

  Args:
    names: of the classes, in label order.
    average_precisions: float [classes], NaN without truth.
    instances: int [classes], of a `Ranking`.
  """
  columns = names, instances.tolist(), average_precisions.tolist()
  rows = [ClassRow(*row) for row in zip(*columns, strict=True) if row[1]]
  return sorted(rows, key=lambda row: -row.average_precision)


def make_size_table(
  truth: Rows, found: Rows, ranking: Ranking
) -> list[SizeRow]:
  """Makes a row for each of `SIZES`, small ones first.

  A detection counts for one size only: that of the annotated box it lies on,
  else its own. So no detection of a large box is wrong among small ones. This
  rule is ours; no published number compares with it.

  Args:
    truth: annotated boxes.
    found: detections.
    ranking: of both, by `detection_ranking.rank`.
  """
  boxes, on = found.boxes[ranking.rows], ranking.truth_rows
  boxes[on >= 0] = truth.boxes[on[on >= 0]]
  sizes, truth_sizes = (
    np.searchsorted([*SIZES.values()][1:], compute_areas(part), 'right')
    for part in (boxes, truth.boxes[ranking.counted])
  )
  rows, labels = [], truth.labels[ranking.counted]
  for size, name in enumerate(SIZES):
    mine, there = sizes == size, labels[truth_sizes == size]
    instances = np.bincount(there, minlength=len(ranking.instances))
    found_here = average(ranking.labels[mine], ranking.hits[mine], instances)
    known = found_here[instances > 0]
    mean = float(known.mean()) if len(known) else float('nan')
    rows.append(SizeRow(name, len(there), len(known), mean))
  return rows


def write_ava_csv(path: files.Path, rows: Rows, ids: Sequence[int]) -> None:
  """Writes detections as AVA's evaluators read them, atomically.

  A line holds `COLUMNS`; there is no header. Numbers have five decimals, so
  scores that differ by less become equal.

  Args:
    path: of the file.
    rows: detections.
    ids: action id of each class, in label order.

  Raises:
    OSError: the file cannot be written.
  """
  with (
    files.explain_errors(path),
    files.replacing(path) as new,
    new.open('w', **_TEXT) as file,
  ):
    writer = csv.writer(file, lineterminator='\n')
    for start in range(0, len(rows.labels), _CHUNK):
      writer.writerows(_make_lines(rows, slice(start, start + _CHUNK), ids))


def _make_lines(rows: Rows, part: slice, ids: Sequence[int]) -> Iterator[tuple]:
  lines = zip(
    rows.keys[part],
    rows.boxes[part].tolist(),
    rows.labels[part].tolist(),
    rows.scores[part].tolist(),
    strict=True,
  )
  for key, box, label, score in lines:
    corners = (f'{edge:.5f}' for edge in box)
    yield (*key, *corners, ids[label], f'{score:.5f}')


def read_ava_csv(path: files.Path, ids: Sequence[int]) -> Rows:
  """Reads a file in the form of `write_ava_csv`.

  Whole seconds get the four digits of AVA's annotations, so 902 and 0902 are
  the same key frame.

  Args:
    path: of the file.
    ids: action id of each class, in label order.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: a line has another form, or an id is unknown; names the line.
  """
  labels = {str(number): label for label, number in enumerate(ids)}
  shared, keys, values, found = {}, [], array.array('d'), array.array('q')
  with open(path, **_TEXT) as file:
    for number, row in enumerate(csv.reader(file), start=1):
      try:
        video, stamp, x1, y1, x2, y2, action, score = row
        values.extend(map(float, (x1, y1, x2, y2, score)))
      except ValueError as error:
        raise UserError(
          f'line {number} of {path} is not {COLUMNS}: mend or write the file '
          'again.'
        ) from error
      if action not in labels:
        raise UserError(
          f'line {number} of {path} has the action id {action!r}, which is '
          'none of the classes: read it with the ids it was written with.'
        )
      stamp = stamp.zfill(4) if stamp.isdecimal() else stamp
      keys.append(shared.setdefault((video, stamp), (video, stamp)))
      found.append(labels[action])
  table = np.array(values).reshape(-1, 5)
  return make_rows(keys, table[:, :4], found, table[:, 4])
