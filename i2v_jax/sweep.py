"""Sweeps: variants of a config trained in turn, and one table of them.

Each is trained and evaluated in a folder of its name, and none twice.
"""

import os
import pathlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from rich import box
from rich.table import Table

from i2v_jax import compilation, experiment, train, video, writers
from i2v_jax.data import sources, whole
from i2v_jax.variants import Variant

# What a folder keeps of a variant that has finished.
RECORD = 'sweep.json'
# Of one variant; the others may well run. The last one is too little memory.
FAILURES = (ValueError, FloatingPointError, jax.errors.JaxRuntimeError)


def sweep(variants: Sequence[Variant], workdir) -> list[dict]:
  """Trains what has not finished, writes `results.json`, prints the table.

  Returns:
    A row per variant: `name`, `tunable_params`, `reported` (percent), `error`
    (None, or why it failed), and the accuracies in 0..1 if it did not.

  Raises:
    FileNotFoundError: data or weights are not there, for any of them.
  """
  with compilation.cache_in(workdir):
    rows = train_all(variants, workdir)
  finish(rows, workdir, COLUMNS)
  return rows


def train_all(variants: Sequence[Variant], workdir) -> list[dict]:
  """The rows of `sweep`, without writing or printing them."""
  rows = []
  for variant in variants:
    writers.console.rule(variant.name)
    folder = pathlib.Path(workdir) / variant.folder
    rows.append(_finished(variant, folder) or _train(variant, folder))
  return rows


def _finished(variant: Variant, folder: pathlib.Path) -> dict | None:
  """The row of a variant that the same config has finished."""
  if not (folder / RECORD).is_file():
    return None
  record = whole.read_json(folder / RECORD, ('config', 'row'))
  if record['config'] != _identity(variant):
    return None
  writers.console.print(f'finished before, in {folder}')
  return record['row'] | {'reported': variant.config['reported']}


def _identity(variant: Variant) -> dict:
  config = experiment.absolute(variant.config)
  return {k: v for k, v in config.items() if k != 'reported'}


def _train(variant: Variant, folder: pathlib.Path) -> dict:
  """Trains a variant, or resumes it; a refusal becomes its row."""
  config = variant.config
  row = {
    'name': variant.name,
    'tunable_params': None,
    'reported': config['reported'],
    'error': None,
  }
  try:
    result = train.train_and_evaluate(config, folder)
  except FAILURES as error:
    if os.environ.get('I2V_TRACEBACK'):
      traceback.print_exc()
    writers.console.print(f'failed: {error}')
    return row | {'error': str(error)}
  row |= {'tunable_params': _tunable(config, folder)} | result.accuracy
  record = {'config': _identity(variant), 'row': row}
  whole.write_json(folder / RECORD, record)
  return row


def _tunable(config: Mapping[str, Any], folder: pathlib.Path) -> int:
  class_names = sources.read_class_names(folder / 'classes.json')
  model = experiment.model(config, len(class_names))
  return experiment.count_trained(config, video.shapes(model))


def cell(key: str, form: str, factor: float = 1) -> Callable[[dict], str]:
  """Makes a column: a number of a row as text, or `-` if it has none."""

  def text(row):
    value = row.get(key)
    return '-' if value is None else f'{value * factor:{form}}'

  return text


def top1(row: dict) -> str:
  return 'failed' if row.get('error') else cell('top1', '.1%')(row)


def paper(row: dict) -> str:
  return f'{row["reported"]:.1f}%' if row['reported'] else '-'


COLUMNS = {
  'name': lambda row: row['name'],
  'tunable': cell('tunable_params', ','),
  'top-1': top1,
  'paper': paper,
}


def finish(rows: Sequence[dict], workdir, columns, caption: str = '') -> None:
  """Writes `results.json` and prints the table and what has failed."""
  workdir = pathlib.Path(workdir)
  workdir.mkdir(parents=True, exist_ok=True)  # if nothing could be trained
  whole.write_json(workdir / 'results.json', rows)
  show(rows, columns, caption)
  for row in rows:
    if row.get('error'):
      writers.console.print(f'{row["name"]} failed: {row["error"]}')


def show(
  rows: Sequence[dict],
  columns: Mapping[str, Callable[[dict], str]],
  caption: str = '',
) -> None:
  """Prints a table; `columns` maps a heading to the text of a row's cell."""
  table = Table(title='Results', title_justify='left', box=box.SIMPLE_HEAD)
  table.caption, table.caption_justify = caption, 'left'
  for i, heading in enumerate(columns):
    table.add_column(heading, justify='right' if i else 'left')
  for row in rows:
    table.add_row(*(text(row) for text in columns.values()))
  writers.console.print(table)
