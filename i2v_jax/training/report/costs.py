"""What training costs: parameters, time, memory."""

import itertools
import math
from typing import Any

import numpy as np

from i2v_jax.training.report.figures.lines import draw_lines
from i2v_jax.training.report.progress import collect, find_batch, make_line
from i2v_jax.training.report.render import is_number
from i2v_jax.training.report.run_files import RunFiles


def describe(run: RunFiles) -> dict[str, Any]:
  """Makes the values of the section."""
  series, costs = collect(run.records), run.costs
  step = _find_median(series, 'step_seconds')
  data = _find_median(series, 'data_seconds')
  size = find_batch(run)
  return {
    'costs': costs,
    'step_seconds': step,
    'data_seconds': data,
    'data_share': data / step if step and data is not None else None,
    'timed': len(series.get('step_seconds', ())),
    'clips_per_second': size / step if step and size else None,
    'batch_size': size,
    'beats': run.beats,
    'peaks': [beat for beat in run.beats if beat.get('peak_bytes')],
    'trained_seconds': _sum_seconds(run),
    'figure': _draw(series),
  }


def _find_median(series, name: str) -> float | None:
  """The median without the first record, in which the loader starts."""
  values = [value for _, value in series.get(name, ())]
  return float(np.median(values[1:] or values)) if values else None


def _sum_seconds(run: RunFiles) -> float | None:
  """Seconds from each start of training to its last record, added up."""
  times = [r['time'] for r in run.records if is_number(r.get('time'))]
  starts = [s['time'] for s in run.starts if is_number(s.get('time'))]
  if not (times and starts):
    return None
  total = 0.0
  for start, end in itertools.pairwise([*starts, math.inf]):
    total += max((t for t in times if start <= t < end), default=start) - start
  return total


def _draw(series) -> str:
  names = {'step_seconds': 'a step', 'data_seconds': 'waiting for data'}
  lines = [
    make_line(text, series[name])
    for name, text in names.items()
    if len(series.get(name, ())) > 1
  ]
  return draw_lines(lines, 'step', 'seconds', log_y=False) if lines else ''
