"""The report of a sweep or of a comparison of methods."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.training.report import methods
from i2v_jax.training.report.figures.scatter import (
  Point,
  draw_scatter,
  find_front,
)
from i2v_jax.training.report.render import is_number, render
from i2v_jax.training.report.run_files import RunFiles

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
  rows = methods.read_rows(folder)
  score = methods.find_score(rows)
  sweep = RunFiles(folder)
  conditions = sweep.read(folder / 'conditions.json', files.read_json, {})
  found = [methods.describe(row, folder, score) for row in rows]
  points = [m for m in found if is_number(m['score'])]
  chance = _find_chance(points) if score == 'top1' else None
  name = methods.SCORES[score]
  return render(
    'sweep.html',
    title=folder.resolve().name,
    notes=sweep.notes,
    conditions=conditions,
    score=name,
    methods=found,
    chance=chance,
    scored=len(points),
    best=max(points, key=_rank, default=None),
    deviations=any(m['deviation'] for m in points),
    timed_alone=any('train_seconds_per_clip' in row for row in rows),
    failed=[m for m in found if m['error']],
    figures=_draw_figures(points, name, chance),
    columns={key: any(m[key] is not None for m in found) for key in _SHOWN},
    compared=any(is_number(m['difference'][0]) for m in found),
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


def _find_chance(points: Sequence[Mapping]) -> float | None:
  """Finds chance, if the runs that say what they were measured on agree."""
  known = {m['chance'].share for m in points if m['chance']}
  return known.pop() if len(known) == 1 else None


def _draw_figures(rows: Sequence[Mapping], score: str, chance) -> list[dict]:
  """A figure for each cost that at least two methods tell."""
  found = []
  for key, (label, unit) in COSTS.items():
    points = [
      Point(m['name'], m[key] * unit, m['score'], m['deviation'])
      for m in rows
      if is_number(m[key]) and m[key] > 0
    ]
    if len(points) > 1:
      front = [point.name for point in find_front(points)]
      svg = draw_scatter(points, label, y_label=score, chance=chance)
      found.append({'label': label, 'svg': svg, 'front': front})
  return found
