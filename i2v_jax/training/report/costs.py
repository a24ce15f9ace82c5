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
  costs, size = run.costs, find_batch(run)
  step, data = (find_median(run, f'{k}_seconds') for k in ('step', 'data'))
  return {
    'costs': costs,
    'step_seconds': step,
    'data_seconds': data,
    'data_share': data / step if step and data is not None else None,
    'timed': len(list_timed(run)),
    'clips_per_second': size / step if step and size else None,
    'batch_size': size,
    'peaks': [beat for beat in run.beats if beat.get('peak_bytes')],
    'waits': _list_waits(run),
    'trained_seconds': _sum_seconds(run),
    'figure': _draw(collect(run.records)),
  }


def find_median(run: RunFiles, name: str) -> float | None:
  """Finds the median of a time of `list_timed`, without the first record.

  In that the step is compiled and the loader starts. It counts if it is alone.
  """
  known = [record.get(name) for record in list_timed(run)]
  values = [value for value in known if is_number(value)]
  return float(np.median(values[1:] or values)) if values else None


def list_timed(run: RunFiles) -> list[dict]:
  """Lists the records of the last start that has any with times.

  Starts may differ in batch and devices, and one that finds the run complete
  trains no step.
  """
  timed = [r for r in run.records if is_number(r.get('step_seconds'))]
  for start in reversed(run.starts):
    if found := [r for r in timed if r['step'] > (start.get('step') or 0)]:
      return found
  return timed


def _list_waits(run: RunFiles) -> list[tuple[int, float]]:
  """Lists the share of its last steps that each of several processes waited."""
  known = [(beat.get('process'), beat.get('data_share')) for beat in run.beats]
  return [each for each in known if None not in each] * (len(run.beats) > 1)


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
  return draw_lines(lines, 'step', 'seconds') if lines else ''
