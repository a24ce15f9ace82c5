"""The report of a sweep or of a comparison of methods."""

import pathlib
import statistics
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.training.report.figures.scatter import (
  Point,
  draw_scatter,
  find_front,
)
from i2v_jax.training.report.leaves import Leaves, read_leaves
from i2v_jax.training.report.render import is_number, render
from i2v_jax.training.sweeps.folders import name_folder

# Accuracies that a row may be ranked by, and their names.
SCORES = {'mAP': 'mAP', 'top1': 'top-1'}
# Key of a cost -> what the axis of its figure says, and its unit.
COSTS = {
  'tunable_params': ('tunable parameters', 1),
  'gflops': ('GFLOP per view', 1),
  'train_seconds': ('training, ms per clip', 1e3),
  'train_peak_bytes': ('memory of a training step, MB', 1e-6),
}


def make_sweep_report(workdir: files.Path) -> str:
  """Makes the page of a sweep or a comparison: HTML that needs no other file.

  Args:
    workdir: folder of `results.json`; of the runs in it, reports are linked to,
      and costs that `results.json` lacks are taken.

  Raises:
    FileNotFoundError: there is no `results.json`.
    UserError: it is damaged.
  """
  folder = pathlib.Path(workdir)
  rows = files.read_json(folder / 'results.json', kind=list)
  for number, row in enumerate(rows):
    files.check_keys(row, (), f'row {number} of results.json')
  score = 'mAP' if any('mAP' in row for row in rows) else 'top1'
  leaves = Leaves(folder)
  conditions = leaves.read(folder / 'conditions.json', files.read_json, {})
  methods = [_describe(row, folder, score) for row in rows]
  points = [m for m in methods if is_number(m['score'])]
  return render(
    'sweep.html',
    title=folder.resolve().name,
    notes=leaves.notes,
    conditions=conditions,
    score=SCORES[score],
    methods=methods,
    scored=len(points),
    best=max(points, key=_rank, default=None),
    deviations=any(m['deviation'] for m in points),
    timed_alone=any('train_seconds_per_clip' in row for row in rows),
    failed=[m for m in methods if m['error']],
    figures=_draw_figures(points, SCORES[score]),
    columns={key: any(m[key] is not None for m in methods) for key in _SHOWN},
  )


def _rank(method: Mapping[str, Any]) -> tuple[float, float]:
  """The most accurate first, of equal ones that with the fewest parameters."""
  return method['score'], -(method['tunable_params'] or 0)


_SHOWN = (
  'parameters',
  'tunable_params',
  'gflops',
  'train_seconds',
  'train_peak_bytes',
  'seconds_per_clip',
  'reported',
)


def _describe(row: Mapping[str, Any], folder, score: str) -> dict[str, Any]:
  """What the page shows of a row of `results.json`."""
  name = str(row.get('name', row.get('method', '?')))
  macs, reported = row.get('view_macs'), row.get('reported')
  found = {
    'name': name,
    'score': row.get(score),
    'deviation': row.get(f'{score}_deviation'),
    'gflops': macs * 2e-9 if is_number(macs) else None,
    'reported': reported / 100 if reported else None,
    'error': row.get('error'),
    'runs': [],
    'train_seconds': row.get('train_seconds_per_clip'),
  }
  for key in ('parameters', 'tunable_params', 'train_peak_bytes'):
    found[key] = row.get(key)
  found['seconds_per_clip'] = row.get('seconds_per_clip')
  seeds = [str(seed['name']) for seed in row.get('seeds', ())]
  for run in seeds or [name]:
    _add_run(found, folder, run)
  return found


def _add_run(found: dict[str, Any], folder, name: str) -> None:
  """Adds the report of a run, and the costs that are still unknown."""
  run = folder / name_folder(name)
  if not (name_folder(name) and run.is_dir()):
    return
  if (run / 'report.html').is_file():
    link = urllib.parse.quote(f'{run.name}/report.html')
    found['runs'].append({'name': name, 'link': link})
  leaves = read_leaves(run)
  if found['train_peak_bytes'] is None:
    found['train_peak_bytes'] = leaves.costs.get('train_peak_bytes')
  if found['train_seconds'] is None:
    found['train_seconds'] = _find_seconds(leaves)


def _find_seconds(leaves: Leaves) -> float | None:
  """Seconds of a training step per clip, with what it waits for data."""
  size = leaves.costs.get('batch_size')
  seconds = [r['step_seconds'] for r in leaves.records if 'step_seconds' in r]
  seconds = [value for value in seconds if is_number(value)]
  if not (seconds and size):
    return None
  # The first record is that of compiling.
  return statistics.median(seconds[1:] or seconds) / size


def _draw_figures(methods: Sequence[Mapping], score: str) -> list[dict]:
  """A figure for each cost that at least two methods tell."""
  found = []
  for key, (label, unit) in COSTS.items():
    points = [
      Point(m['name'], m[key] * unit, m['score'], m['deviation'])
      for m in methods
      if is_number(m[key]) and m[key] > 0
    ]
    if len(points) > 1:
      front = [point.name for point in find_front(points)]
      svg = draw_scatter(points, label, y_label=score)
      found.append({'label': label, 'svg': svg, 'front': front})
  return found
