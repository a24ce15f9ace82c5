"""Sweeps: variants of a config trained in turn, and one table of them.

Each is trained and evaluated once, in a folder of its name.
"""

import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

from i2v_jax.runtime import compilation, errors, files, signals
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import FileError
from i2v_jax.training import after_training, experiment, loop, selection
from i2v_jax.training.config_files import Variant
from i2v_jax.training.sweeps import cells, paired, preview
from i2v_jax.training.sweeps.correlation import describe_correlation
from i2v_jax.training.sweeps.seeds import expand_seeds, gather_seeds
from i2v_jax.training.workdir import claim

# File in the folder of a finished variant.
RECORD = 'sweep.json'
# Keys of older records that are counted before training.
KNOWN_AHEAD = ('name', 'reported', 'tunable_params')


def train_and_show(
  variants: Sequence[Variant], workdir, seeds: int = 1, baseline: str = ''
) -> list[dict]:
  """Trains what has not finished, writes `results.json`, prints the table.

  Runs that are cells of a table get that as well, see `cells`.

  All variants are checked before the first is trained. A variant that fails,
  even by a bug, does not end the sweep: its error is in its row, and the others
  are trained.

  Args:
    variants: of a sweep.
    workdir: gets a folder per variant and seed.
    seeds: number of seeds per variant, from that of its config on.
    baseline: name of the variant that the others are compared with, or ''.

  Returns:
    A row per variant: `name`, `parameters`, `tunable_params`, `view_macs`,
    `reported` (percent), `error` (None, or why it failed), and the accuracies
    in 0..1 if it did not; with several seeds as `gather_seeds` returns them.

  Raises:
    FileError: data or weights of any variant are missing, or a file cannot be
      written.
  """
  columns = COLUMNS
  if baseline:
    paired.check_baseline([variant.name for variant in variants], baseline)
    columns = COLUMNS | {f'to {baseline}': format_difference}
  with compilation.cache_in(workdir):  # of which all seeds use one program
    rows = train_all(variants, workdir, seeds)
  if baseline:
    rows = paired.add_differences(rows, workdir, baseline)
  captions = CAPTION if baseline else '', describe_correlation(rows)
  finish(rows, workdir, columns, ' '.join(filter(None, captions)))
  cells.show(variants, rows, workdir)
  return rows


def train_all(
  variants: Sequence[Variant], workdir, seeds: int = 1
) -> list[dict]:
  """Trains as `train_and_show`, without writing or printing the rows."""
  rows = []
  ahead = preview.preview_rows(variants)
  for variant, row in zip(variants, ahead, strict=True):
    if not row['error']:
      found = [
        _run_one(each, row | {'name': each.name}, pathlib.Path(workdir))
        for each in expand_seeds(variant, seeds)
      ]
      row = gather_seeds(found)
    rows.append(row)
  return rows


def _run_one(variant: Variant, row: dict, workdir: pathlib.Path) -> dict:
  """Reads the row of a finished run, or trains it."""
  console.rule(variant.name)
  folder = workdir / variant.folder
  return row | (_read_finished(variant, folder) or _train(variant, folder))


def _read_finished(variant: Variant, folder: pathlib.Path) -> dict | None:
  """Reads the row of a variant that the same config has finished."""
  if not (folder / RECORD).is_file():
    return None
  record = files.read_json(folder / RECORD, ('config', 'row'))
  if claim.complete_config(record['config']) != _make_identity(variant):
    return None
  console.print(f'finished before, in {folder}')
  return {k: x for k, x in record['row'].items() if k not in KNOWN_AHEAD}


def _make_identity(variant: Variant) -> dict:
  config = experiment.make_paths_absolute(variant.config)
  return {k: v for k, v in config.items() if k not in ('cell', 'reported')}


def _train(variant: Variant, folder: pathlib.Path) -> dict:
  """Trains or resumes a variant: its accuracies, or its error."""
  try:
    result = loop.train_and_evaluate(variant.config, folder)
  except FileError:  # missing data or a full disk, which the others share
    raise
  except Exception as error:  # a bug, too: the others may train
    problem = errors.report_failure(error)
    console.print(f'failed: {problem}')
    return {'error': problem}
  accuracy = selection.choose_accuracy(variant.config, folder, result.accuracy)
  record = {'config': _make_identity(variant), 'row': accuracy}
  files.write_json(folder / RECORD, record)
  after_training.write_page(folder)
  return record['row']


def make_cell(key: str, form: str, factor: float = 1) -> Callable[[dict], str]:
  """Makes a column: a number of a row as text, or `-` without one."""

  def text(row):
    value = row.get(key)
    return '-' if value is None else f'{value * factor:{form}}'

  return text


def format_score(row: dict) -> str:
  """Formats top-1, or mAP of boxes or of several labels."""
  if row.get('error'):
    return 'failed'
  key = 'mAP' if 'mAP' in row else 'top1'
  deviation = row.get(f'{key}_deviation')
  more = '' if deviation is None else f' ± {deviation * 100:.1f}'
  return make_cell(key, '.1%')(row) + more


def format_difference(row: dict) -> str:
  """Formats the difference to the baseline, and its interval."""
  if 'difference' not in row:
    return '-'
  keys = ('difference', 'difference_low', 'difference_high')
  mean, low, high = (row[key] * 100 for key in keys)
  return f'{mean:+.1f} ({low:+.1f} to {high:+.1f})'


def format_paper(row: dict) -> str:
  return f'{row["reported"]:.1f}%' if row['reported'] else '-'


COLUMNS = {
  'name': lambda row: row['name'],
  'parameters': make_cell('parameters', ','),
  'tunable': make_cell('tunable_params', ','),
  'GFLOP/view': make_cell('view_macs', ',.4g', 1e-9),
  'top-1': format_score,
  'paper': format_paper,
}


CAPTION = (
  'Differences of top-1 in points, with 95 % intervals: a bootstrap over pairs '
  'of seeds and examples.'
)


def finish(rows: Sequence[dict], workdir, columns, caption: str = '') -> None:
  """Writes `results.json`, prints the table and what has failed.

  Next to it, `conditions.json` says how the rows were made: `caption`,
  `command` and `time`, seconds since 1970.
  """
  workdir = pathlib.Path(workdir)
  workdir.mkdir(parents=True, exist_ok=True)  # if nothing could be trained
  files.write_json(workdir / 'results.json', rows)
  files.write_json(
    workdir / 'conditions.json',
    {
      'caption': caption,
      'command': signals.format_command(),
      'time': round(time.time(), 3),
    },
  )
  print_table(rows, columns, caption)
  for row in rows:
    if row.get('error'):
      console.print(f'{row["name"]} failed: {row["error"]}')


def print_table(
  rows: Sequence[dict],
  columns: Mapping[str, Callable[[dict], str]],
  caption: str = '',
) -> None:
  """Prints a table; `columns` maps a heading to the text of a row's cell."""
  cells = [[text(row) for text in columns.values()] for row in rows]
  score = 'mAP' if any('mAP' in row for row in rows) else 'top-1'
  names = [score if name == 'top-1' else name for name in columns]
  console.print(make_table('Results', names, cells, caption))
