"""The table of a sweep whose runs are cells, some of them means over folds.

A config says where its run belongs: `cell = dict(row=…, column=…)`.
"""

import collections
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.runtime import files
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training.config_files import Variant

FILE = 'table.json'


def gather_cells(
  variants: Sequence[Variant], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
  """Gathers the rows of runs into those of a table.

  Args:
    variants: of a sweep; those without a `cell` are left out.
    rows: of `sweep.train_all`, one for each variant.

  Returns:
    A row for each `cell.row`: `name`; `cells`, column -> `score` (mean of top-1
    or mAP in 0..1, None if a run failed), `reported` (percent) and `runs`; and
    `average`, with the same keys, over its columns.
  """
  found = collections.defaultdict(lambda: collections.defaultdict(list))
  for variant, row in zip(variants, rows, strict=True):
    if cell := variant.config.get('cell'):
      found[cell['row']][cell['column']].append(row)
  return [_make_row(name, columns) for name, columns in found.items()]


def _make_row(name: str, columns: Mapping[str, list]) -> dict[str, Any]:
  cells = {column: _average_runs(rows) for column, rows in columns.items()}
  scores = [cell['score'] for cell in cells.values()]
  reported = [cell['reported'] for cell in cells.values()]
  average = {
    'score': None if None in scores else float(np.mean(scores)),
    'reported': float(np.mean(reported)) if all(reported) else 0.0,
    'runs': sum(cell['runs'] for cell in cells.values()),
  }
  return {'name': name, 'cells': cells, 'average': average}


def _average_runs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  scores = [row.get('mAP', row.get('top1')) for row in rows]
  return {
    'score': None if None in scores else float(np.mean(scores)),
    'reported': rows[0]['reported'],
    'runs': len(rows),
  }


def show(
  variants: Sequence[Variant], rows: Sequence[Mapping[str, Any]], workdir
) -> None:
  """Writes `table.json` and prints the table, if runs are cells of one.

  Published numbers are in brackets.
  """
  found = gather_cells(variants, rows)
  if not found:
    return
  files.write_json(pathlib.Path(workdir, FILE), found)
  columns = list(dict.fromkeys(name for row in found for name in row['cells']))
  cells = [
    [
      row['name'],
      *(_format_cell(row['cells'].get(name)) for name in columns),
      f'{_format_cell(row["average"])} of {len(row["cells"])}',
    ]
    for row in found
  ]
  caption = 'in percent, means over folds; published numbers in brackets'
  names = ['name', *columns, 'average']
  console.print(make_table('Table', names, cells, caption))


def _format_cell(cell: Mapping[str, Any] | None) -> str:
  if cell is None:
    return '-'
  ours = 'failed' if cell['score'] is None else f'{cell["score"] * 100:.1f}'
  paper = f' ({cell["reported"]:.1f})' if cell['reported'] else ''
  return ours + paper
