"""What training costs: parameters, time, memory."""

from typing import Any

import numpy as np

from i2v_jax.training.report.figures.lines import draw_lines
from i2v_jax.training.report.leaves import Leaves
from i2v_jax.training.report.progress import collect, make_line


def describe(leaves: Leaves) -> dict[str, Any]:
  """Makes the values of the section."""
  series, costs = collect(leaves.records), leaves.costs
  step = _find_median(series, 'step_seconds')
  data = _find_median(series, 'data_seconds')
  size = costs.get('batch_size') or leaves.config.get('batch_size')
  known = step and isinstance(size, int)
  return {
    'costs': costs,
    'step_seconds': step,
    'data_seconds': data,
    'data_share': data / step if step and data is not None else None,
    'clips_per_second': size / step if known else None,
    'batch_size': size,
    'beats': leaves.beats,
    'peaks': [beat for beat in leaves.beats if beat.get('peak_bytes')],
    'trained_seconds': _sum_seconds(leaves.records),
    'figure': _draw(series),
  }


def _find_median(series, name: str) -> float | None:
  """The median without the first record, in which the loader starts."""
  values = [value for _, value in series.get(name, ())]
  return float(np.median(values[1:] or values)) if values else None


def _sum_seconds(records: list[dict]) -> float | None:
  """Seconds from the first to the last record; resuming leaves a gap in it."""
  times = [r['time'] for r in records if isinstance(r.get('time'), float)]
  return times[-1] - times[0] if len(times) > 1 else None


def _draw(series) -> str:
  names = {'step_seconds': 'a step', 'data_seconds': 'waiting for data'}
  lines = [
    make_line(text, series[name], dashed=name == 'data_seconds')
    for name, text in names.items()
    if len(series.get(name, ())) > 1
  ]
  return draw_lines(lines, 'step', 'seconds', log_y=False) if lines else ''
