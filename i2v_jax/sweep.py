"""Sweeps: the variants that a config file yields, trained in turn; one table.

A config file with `sweep(arg)` yields `(name, config)` pairs. Each is trained
and evaluated in a folder of its name, and none twice.
"""

import ast
import contextlib
import dataclasses
import difflib
import importlib.util
import json
import os
import pathlib
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
from ml_collections import ConfigDict
from rich import box
from rich.table import Table

from i2v_jax import experiment, optimizer, train, video, writers
from i2v_jax import params as params_lib
from i2v_jax.data import sources

# What a folder keeps of a variant that has finished.
RECORD = 'sweep.json'


@dataclasses.dataclass(frozen=True)
class Variant:
  """One config of a sweep: its name, and plain values."""

  name: str
  config: Mapping[str, Any]

  @property
  def folder(self) -> str:
    """The name, as a folder may be called anywhere."""
    return re.sub(r'[^\w.,+=-]+', '_', self.name).strip('._')


def load(
  config: str, settings: Sequence[str] = (), only: Sequence[str] = ()
) -> list[Variant]:
  """The variants of a config file, changed and chosen.

  Args:
    config: `FILE[:ARG]`; `sweep(ARG)` of the file yields `(name, config)`.
    settings: `KEY=VALUE` for every variant; KEY is dotted and exists, VALUE is
      a Python literal or else text.
    only: names of the variants to keep; empty keeps all.

  Raises:
    ValueError: there is no such sweep, name or key, or a name comes twice.
  """
  path, _, arg = config.partition(':')
  with _importable(pathlib.Path(path)):
    pairs = _pairs(path, arg)
  _check_names([name for name, _ in pairs], path)
  for name in only:
    if name not in dict(pairs):
      known = ', '.join(name for name, _ in pairs)
      raise ValueError(f'{path} has no variant {name!r}; it has {known}.')
  pairs = [(name, c) for name, c in pairs if not only or name in only]
  for name, values in pairs:
    for setting in settings:
      _set(values, name, setting)
  return [Variant(name, experiment.plain(values)) for name, values in pairs]


@contextlib.contextmanager
def _importable(path: pathlib.Path) -> Iterator[None]:
  """Lets a config file import its neighbours, as `python -m` would."""
  before = list(sys.path)
  sys.path += [os.getcwd(), str(path.resolve().parent.parent)]
  try:
    yield
  finally:
    sys.path[:] = before


def _pairs(path: str, arg: str) -> list[tuple[str, ConfigDict]]:
  if not (path.endswith('.py') and os.path.isfile(path)):
    raise ValueError(f'{path} is no Python file; give --config FILE.py[:ARG].')
  spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
  module = importlib.util.module_from_spec(spec)
  # A generator may go on changing the config that it has yielded.
  copy = lambda c: ConfigDict(c).copy_and_resolve_references()
  try:
    spec.loader.exec_module(module)
    sweep = getattr(module, 'sweep', None)
    pairs = [(name, copy(c)) for name, c in sweep(arg)] if sweep else None
  except Exception as error:
    raise ValueError(f'{path}: {error}') from error
  if not pairs:
    raise ValueError(
      f'{path} has no sweep(arg) that yields (name, config) pairs; add one, or '
      'train its config with python -m i2v_jax.main.'
    )
  return pairs


def _check_names(names: Sequence[str], path: str) -> None:
  seen = {}
  for name in names:
    folder = Variant(name, {}).folder.lower()
    if not folder:
      raise ValueError(f'{path} names a variant {name!r}; use letters.')
    if folder in seen:
      raise ValueError(
        f'{path} yields {seen[folder]!r} and {name!r}, which would share a '
        'folder; give them different names.'
      )
    seen[folder] = name


def _set(config: ConfigDict, name: str, setting: str) -> None:
  """Makes one change, `KEY=VALUE`, to the config of a variant."""
  key, equals, text = setting.partition('=')
  if not equals:
    raise ValueError(f'--set takes KEY=VALUE, not {setting!r}.')
  known = list(_keys(config))
  if key not in known:
    near = difflib.get_close_matches(key, known, 1, 0.0)[0]
    raise ValueError(
      f'Variant {name!r} has no config key {key!r}; did you mean {near!r}?'
    )
  *parents, last = key.split('.')
  node = config
  for parent in parents:
    node = node[parent]
  value, old = _value(text), node[last]
  if isinstance(old, str) and not isinstance(value, str):
    value = text  # a folder may be called 2024
  try:
    node[last] = value
  except TypeError as error:
    raise ValueError(
      f'--set {key} takes a value such as {old!r}, not {value!r}.'
    ) from error


def _keys(config: ConfigDict, prefix: str = '') -> Iterator[str]:
  for key, value in config.items():
    yield prefix + key
    if isinstance(value, ConfigDict):
      yield from _keys(value, f'{prefix}{key}.')


def _value(text: str):
  try:
    return ast.literal_eval(text)
  except (ValueError, SyntaxError):
    return text


def sweep(variants: Sequence[Variant], workdir) -> list[dict]:
  """Trains what has not finished, writes `results.json`, prints the table.

  Returns:
    A row per variant: `name`, `tunable_params`, `reported` (percent), `error`
    (None, or why it failed), and the accuracies in 0..1 if it did not.

  Raises:
    FileNotFoundError: data or weights are not there, for any of them.
  """
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
  record = json.loads((folder / RECORD).read_text())
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
  except (ValueError, FloatingPointError) as error:
    if os.environ.get('I2V_TRACEBACK'):
      traceback.print_exc()
    writers.console.print(f'failed: {error}')
    return row | {'error': str(error)}
  row |= {'tunable_params': _tunable(config, folder)} | result.accuracy
  record = {'config': _identity(variant), 'row': row}
  beside = folder / f'{RECORD}.new'  # renamed: whole or not at all
  beside.write_text(json.dumps(record, indent=2) + '\n')
  beside.replace(folder / RECORD)
  return row


def _tunable(config: Mapping[str, Any], folder: pathlib.Path) -> int:
  class_names = sources.read_class_names(folder / 'classes.json')
  model = experiment.model(config, len(class_names))
  clip = video.example(model)
  params = jax.eval_shape(model.init, jax.random.key(0), *clip)['params']
  mine, _ = params_lib.split(params, config['trainable'])
  channels = dict(config['optimizer']['first_channels'])
  return optimizer.count_trained(mine, channels)


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
  text = json.dumps(rows, indent=2)
  (pathlib.Path(workdir) / 'results.json').write_text(text + '\n')
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
