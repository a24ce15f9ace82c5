"""How training went: its curves, its resumes, and how it ended."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from i2v_jax.training.report.figures.lines import (
  Line,
  Mark,
  draw_lines,
  measure_names,
)
from i2v_jax.training.report.render import is_number
from i2v_jax.training.report.run_files import DAMAGE, RunFiles
from i2v_jax.training.workdir import status


class Summary(NamedTuple):
  """A metric: its first and last value, its least and greatest, with steps."""

  name: str
  first: tuple[float, int]
  last: tuple[float, int]
  least: tuple[float, int]
  most: tuple[float, int]


def describe(run: RunFiles) -> dict[str, Any]:
  """Makes the values of the section."""
  series = collect(run.records)
  marks = _mark_resumes(run)
  last = run.records[-1] if run.records else {}
  beat = run.beats[0] if run.beats else {}
  return {
    'state': find_state(run),
    'step': max(last.get('step', 0), beat.get('step', 0)),
    'steps': beat.get('steps'),
    'loss': series.get('loss', [])[-1:],
    'resumed': [mark.x for mark in marks],
    'figures': _draw(series, marks, find_batch(run)),
    'summaries': [summarize(name, found) for name, found in series.items()],
    'val': _find_latest(series),
  }


def find_state(run: RunFiles) -> str:
  """Says whether the first process trains, or how it ended; '' if unknown."""
  if not run.beats:
    return ''
  try:
    return status.find_state(run.workdir, run.beats[0])
  except (*DAMAGE, AttributeError):  # another version wrote it
    return str(run.beats[0]['phase'])


def collect(records: Sequence[dict]) -> dict[str, list[tuple[int, float]]]:
  """Collects the finite values of every metric: (step, value), in order."""
  found: dict[str, list] = {}
  for record in records:
    for name, value in record.items():
      if name not in ('step', 'time') and is_number(value):
        found.setdefault(name, []).append((record['step'], value))
  return found


def summarize(name: str, found: list[tuple[int, float]]) -> Summary:
  """Summarizes a metric."""
  turned = [(value, step) for step, value in found]
  by_value = lambda pair: pair[0]
  least, most = min(turned, key=by_value), max(turned, key=by_value)
  return Summary(name, turned[0], turned[-1], least, most)


def find_batch(run: RunFiles) -> int | None:
  """Finds how many clips a step has; None if unknown."""
  size = run.costs.get('batch_size') or run.config.get('batch_size')
  return size if isinstance(size, int) else None


def make_line(name: str, found: Sequence[tuple], rings=False) -> Line:
  """Makes a line of (step, value)s."""
  x, y = zip(*found, strict=True)
  return Line(name, x, y, rings)


def _mark_resumes(run: RunFiles) -> list[Mark]:
  steps = dict.fromkeys(start.get('step') for start in run.starts)
  return [Mark(step, 'resumed') for step in steps if step]


def _find_latest(series) -> tuple[str, int, float] | None:
  """The accuracy that was measured last: its name, step and value.

  Of two of one step it is that of all views.
  """
  names = ('val/top1', 'val/mAP', 'val/top1_1view', 'val/mAP_1view')
  found = [(name, *series[name][-1]) for name in names if name in series]
  return max(found, key=lambda each: each[1], default=None)


def _draw(series, marks, batch: int | None) -> list[dict[str, str]]:
  """Draws each figure whose metrics there are, all of them as wide."""
  found = []
  for title, caption, label, known in _plan(series, batch):
    lines = [
      make_line(name, points, rings=name.startswith('validation'))
      for name, points in known.items()
      if points
    ]
    if lines:
      found.append((title, caption, label, lines))
  room = max((measure_names(lines) for *_, lines in found), default=0)
  return [
    {
      'title': title,
      'caption': caption,
      'svg': draw_lines(lines, 'step', label, marks, room=room),
    }
    for title, caption, label, lines in found
  ]


def _plan(series, batch: int | None) -> list[tuple[str, str, str, dict]]:
  """Plans the figures: title, caption, label of the y axis, and lines."""
  one_batch = f'one batch of {batch:,} clips' if batch else 'one batch'
  loss, norm, rate = (series.get(n) for n in ('loss', 'grad_norm', 'lr'))
  training, val = _scale(series.get('accuracy')), _name_val(series)
  text = f'training: {one_batch}' + '; rings: validation' * bool(val)
  planned = [
    ('Loss', one_batch, 'loss', {'training': loss}),
    ('Accuracy', text, 'percent', {'training': training} | val),
    ('Learning rate', 'at the records', 'learning rate', {'rate': rate}),
    ('Norm of the gradient', one_batch, 'norm', {'norm': norm}),
  ]
  if any(value for _, value in series.get('skipped', ())):
    skipped = {'skipped': series['skipped']}
    planned.append(('Skipped steps', '', 'steps so far', skipped))
  return planned


def _scale(points) -> list[tuple[int, float]]:
  return [(x, 100 * y) for x, y in points or ()]


def _name_val(series) -> dict[str, list]:
  """Names the accuracies on the validation split, in percent."""
  both = any(f'val/{key}_1view' in series for key in ('top1', 'mAP'))
  both &= any(f'val/{key}' in series for key in ('top1', 'mAP'))
  return {
    f'validation{kind}{views}': _scale(series.get(f'val/{key}{suffix}'))
    for key, kind in (('top1', ''), ('mAP', ' mAP'))
    for suffix, views in (('_1view', ', 1 view' * both), ('', ''))
    if f'val/{key}{suffix}' in series
  }
