"""Methods that `results.json` compares: accuracy, costs, links to reports."""

import pathlib
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.report import chance, checks
from i2v_jax.training.report.costs import find_median
from i2v_jax.training.report.progress import find_batch
from i2v_jax.training.report.render import is_number
from i2v_jax.training.report.run_files import RunFiles, read_run_files
from i2v_jax.training.sweeps.folders import name_folder

# Accuracies that a row may be ranked by, and their names.
SCORES = {'mAP': 'mAP', 'top1': 'top-1'}
_DIFFERENCE = ('difference', 'difference_low', 'difference_high')
_NUMBERS = (
  *_DIFFERENCE,
  'parameters',
  'tunable_params',
  'view_macs',
  'reported',
  'train_seconds_per_clip',
  'train_peak_bytes',
  'seconds_per_clip',
)


def read_rows(folder: files.Path) -> list[dict]:
  """Reads the rows of the `results.json` of a folder.

  Raises:
    FileNotFoundError: there is none.
    UserError: it is damaged.
  """
  rows = files.read_json(pathlib.Path(folder) / 'results.json', kind=list)
  for number, row in enumerate(rows):
    try:
      _check_row(row)
    except ValueError as error:
      raise UserError(
        f'Row {number} of results.json in {folder} is damaged ({error}); bring '
        'the file back from a copy, or write it again.'
      ) from error
  return rows


def _check_row(row: Any) -> None:
  deviations = (f'{score}_deviation' for score in SCORES)
  numbers = (*SCORES, *deviations, *_NUMBERS)
  checks.check_kinds(row, number=numbers, list=('seeds',))
  for seed in row.get('seeds') or ():
    checks.check_kinds(seed, ('name',), text=('name',))


def find_score(rows: Sequence[Mapping]) -> str:
  """Finds the key of the accuracy that rows are ranked by."""
  return 'mAP' if any('mAP' in row for row in rows) else 'top1'


def describe(row: Mapping[str, Any], folder, score: str) -> dict[str, Any]:
  """Describes a row, with what the runs in the folder know of it.

  Args:
    row: of `results.json`.
    folder: of that file.
    score: key of the accuracy.
  """
  name = str(row.get('name', row.get('method', '?')))
  macs, reported = row.get('view_macs'), row.get('reported')
  found = {
    'name': name,
    'score': row.get(score),
    'deviation': row.get(f'{score}_deviation'),
    'difference': [row.get(key) for key in _DIFFERENCE],
    'gflops': macs * 1e-9 if is_number(macs) else None,
    'reported': reported / 100 if reported else None,
    'error': row.get('error'),
    'runs': [],
    'chance': None,
    'train_seconds': row.get('train_seconds_per_clip'),
  }
  for key in ('parameters', 'tunable_params', 'train_peak_bytes'):
    found[key] = row.get(key)
  found['seconds_per_clip'] = row.get('seconds_per_clip')
  seeds = [seed['name'] for seed in row.get('seeds') or ()]
  for run in seeds or [name]:
    _add_run(found, folder, run)
  return found


def _add_run(found: dict[str, Any], folder, name: str) -> None:
  """Adds the report of a run, and what is still unknown."""
  path = folder / name_folder(name)
  if not (name_folder(name) and path.is_dir()):
    return
  if (path / 'report.html').is_file():
    link = urllib.parse.quote(f'{path.name}/report.html')
    found['runs'].append({'name': name, 'link': link})
  run = read_run_files(path)
  found['chance'] = found['chance'] or chance.find_of_run(run)
  if found['train_peak_bytes'] is None:
    found['train_peak_bytes'] = run.costs.get('train_peak_bytes')
  if found['train_seconds'] is None:
    found['train_seconds'] = _find_seconds(run)


def _find_seconds(run: RunFiles) -> float | None:
  """Seconds of a training step per clip, with what it waits for data."""
  size, seconds = find_batch(run), find_median(run, 'step_seconds')
  return seconds / size if seconds and size else None


def describe_own(run: RunFiles) -> list[dict[str, Any]]:
  """Describes what a run with `compare` was compared with; [] without it."""
  folder = run.workdir
  rows = run.read(folder / 'results.json', lambda _: read_rows(folder), [])
  score = find_score(rows)
  adapter = (run.config.get('model') or {}).get('adapter') or {}
  own = adapter.get('name', 'no adapter')
  found = [describe(row, folder, score) for row in rows]
  return [row | {'own': row['name'] == own} for row in found]
