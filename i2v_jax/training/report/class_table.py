"""The table of classes: how often each is, and how well it is found."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.training.report.evaluations import Evaluation

COUNTS = ('examples', 'boxes', 'trained on')
NAMES = {
  'average_precision': 'AP',
  'f1': 'F1',
  'boxes': 'annotated boxes',
}


class Column(NamedTuple):
  """A column: its heading, and 'text', 'count', 'share' or 'number'."""

  name: str
  kind: str


def describe(
  evaluation: Evaluation,
  counts: np.ndarray | None,
  data: Mapping[str, dict],
) -> dict[str, Any]:
  """Makes the columns and rows of the table; none without `classes.csv`.

  Names are followed by how well classes are found, then by how many there are.

  Args:
    evaluation: has the table.
    counts: of `confusions.count`.
    data: of `data.json`.
  """
  columns, lines = evaluation.classes
  trained = dict((data.get('train') or {}).get('classes', ()))
  kinds = [_find_kind(name) for name in columns]
  rows = [
    [_parse(cell, kind) for cell, kind in zip(line, kinds, strict=True)]
    for line in lines
  ]
  shown = [
    Column(NAMES.get(n, n), k) for n, k in zip(columns, kinds, strict=True)
  ]
  if trained and rows:
    shown.append(Column('trained on', 'count'))
    for row in rows:
      row.append(trained.get(row[0]))
  if counts is not None and len(counts) == len(rows):
    shown.append(Column('most often taken for', 'text'))
    names = [row[0] for row in rows]
    for row, other in zip(rows, find_others(counts, names), strict=True):
      row.append(other)
  order = sorted(range(len(shown)), key=lambda k: _rank(shown[k], k))
  return {
    'columns': [shown[k] for k in order],
    'rows': [[row[k] for k in order] for row in rows],
  }


def _rank(column: Column, place: int) -> int:
  """Where a column stands: on a phone the first ones are seen."""
  if place == 0:
    return 0
  return {'share': 1, 'number': 1, 'text': 2, 'count': 3}[column.kind]


def find_others(counts_CxC: np.ndarray, names: list[str]) -> list[str]:
  """Finds the class that each is most often taken for wrongly, or ''."""
  wrong = counts_CxC.copy()
  np.fill_diagonal(wrong, 0)
  most = wrong.argmax(axis=1)
  return [
    names[k] if wrong[row, k] else '' for row, k in enumerate(most.tolist())
  ]


def _find_kind(name: str) -> str:
  if name == 'name':
    return 'text'
  if name == 'threshold':
    return 'number'
  return 'count' if name in COUNTS else 'share'


def _parse(cell: str, kind: str) -> str | int | float | None:
  if kind == 'text':
    return cell
  try:
    value = float(cell)
  except ValueError:
    return None
  if not np.isfinite(value):
    return None
  return int(value) if kind == 'count' else value
