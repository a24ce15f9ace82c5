"""What a report shows of each class: how often it is, and how well it is found.

`classes.csv` has a line per class, `confusion.csv` a line and a column.
"""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import csv_files
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training.evaluation import label_metrics


class ClassRow(NamedTuple):
  """A class where each example has one label.

  `accuracy` is the share of its examples that are found; NaN without any.
  """

  name: str
  examples: int
  accuracy: float
  precision: float
  f1: float


class LabelRow(NamedTuple):
  """A class where examples have any number of labels.

  `average_precision` is NaN without examples; precision, recall and F1 are
  those at the threshold, 0 where there is nothing to divide by.
  """

  name: str
  examples: int
  average_precision: float
  precision: float
  recall: float
  f1: float
  threshold: float


def make_class_rows(
  names: Sequence[str], confusion: np.ndarray
) -> list[ClassRow]:
  """Makes a row per class, in label order.

  Args:
    names: of the classes.
    confusion: of `metrics.count_confusions`.
  """
  right, held = np.diag(confusion), confusion.sum(axis=1)
  chosen = confusion.sum(axis=0)
  recall = label_metrics.divide(right, held)
  columns = (
    held,
    np.where(held > 0, recall, np.nan),
    label_metrics.divide(right, chosen),
    label_metrics.compute_f1(right, chosen, held),
  )
  columns = (column.tolist() for column in columns)
  return [ClassRow(*row) for row in zip(names, *columns, strict=True)]


def make_label_rows(
  names: Sequence[str],
  scores: np.ndarray,
  targets: np.ndarray,
  chosen: np.ndarray,
  thresholds: np.ndarray,
) -> list[LabelRow]:
  """Makes a row per class, in label order.

  Args:
    names: of the classes.
    scores: [n, classes].
    targets: bool [n, classes].
    chosen: bool [n, classes], at or above the thresholds.
    thresholds: [classes].
  """
  right, found, held = label_metrics.count_decisions(chosen, targets)
  columns = (
    held,
    label_metrics.compute_average_precisions(scores, targets),
    label_metrics.divide(right, found),
    label_metrics.divide(right, held),
    label_metrics.compute_f1(right, found, held),
    np.asarray(thresholds, np.float64),
  )
  columns = (column.tolist() for column in columns)
  return [LabelRow(*row) for row in zip(names, *columns, strict=True)]


def write_tables(
  folder: pathlib.Path,
  rows: Sequence[ClassRow | LabelRow],
  confusion: np.ndarray | None,
) -> None:
  """Writes `classes.csv` and, with one label each, `confusion.csv`.

  A line of the latter is a class, a column the class it is taken for.
  """
  kind = LabelRow if confusion is None else ClassRow
  csv_files.write(folder / 'classes.csv', kind._fields, rows)
  if confusion is None:
    (folder / 'confusion.csv').unlink(missing_ok=True)
    return
  names = [row.name for row in rows]
  lines = zip(names, confusion.tolist(), strict=True)
  lines = ((name, *counts) for name, counts in lines)
  csv_files.write(folder / 'confusion.csv', ('class', *names), lines)


def print_labels(rows: Sequence[LabelRow]) -> None:
  """Prints classes with examples, that of highest average precision first."""
  known = sorted(
    (row for row in rows if row.examples),
    key=lambda row: -row.average_precision,
  )
  cells = [
    (
      row.name,
      f'{row.examples:,}',
      *(f'{share:.1%}' for share in row[2:6]),
      f'{row.threshold:.3f}',
    )
    for row in known
  ]
  head = ('class', 'examples', 'AP', 'precision', 'recall', 'F1', 'threshold')
  console.print(make_table('Classes', head, cells))
  if none := [row.name for row in rows if not row.examples]:
    text = f'{len(none):,} classes, such as {none[0]!r}'
    console.print(f'without an example, so not in the mAP: {text}')
