"""How training went: its curves, its resumes, and how it ended."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from i2v_jax.training.report.figures.lines import Line, Mark, draw_lines
from i2v_jax.training.report.leaves import DAMAGE, Leaves
from i2v_jax.training.report.render import is_number
from i2v_jax.training.workdir import status


class Summary(NamedTuple):
  """A metric: its first and last value, its least and greatest, with steps."""

  name: str
  first: tuple[float, int]
  last: tuple[float, int]
  least: tuple[float, int]
  most: tuple[float, int]


def describe(leaves: Leaves) -> dict[str, Any]:
  """Makes the values of the section."""
  series = collect(leaves.records)
  marks = _mark_resumes(leaves)
  last = leaves.records[-1] if leaves.records else {}
  beat = leaves.beats[0] if leaves.beats else {}
  return {
    'state': find_state(leaves),
    'step': max(last.get('step', 0), beat.get('step', 0)),
    'steps': beat.get('steps'),
    'loss': series.get('loss', [])[-1:],
    'resumed': [mark.x for mark in marks],
    'figures': _draw(series, marks),
    'summaries': [summarize(name, found) for name, found in series.items()],
    'val': _find_latest(series),
  }


def find_state(leaves: Leaves) -> str:
  """Says whether the first process trains, or how it ended; '' if unknown."""
  if not leaves.beats:
    return ''
  try:
    return status.find_state(leaves.workdir, leaves.beats[0])
  except (*DAMAGE, AttributeError):  # another version wrote it
    return str(leaves.beats[0]['phase'])


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


def make_line(name: str, found: Sequence[tuple], dashed=False) -> Line:
  """Makes a line of (step, value)s."""
  x, y = zip(*found, strict=True)
  return Line(name, x, y, dashed)


def _mark_resumes(leaves: Leaves) -> list[Mark]:
  steps = dict.fromkeys(start.get('step') for start in leaves.starts)
  return [Mark(step, 'resumed') for step in steps if step]


def _find_latest(series) -> tuple[str, int, float] | None:
  """The accuracy that was measured last: its name, step and value.

  Of two of one step it is that of all views.
  """
  names = ('val/top1', 'val/mAP', 'val/top1_1view', 'val/mAP_1view')
  found = [(name, *series[name][-1]) for name in names if name in series]
  return max(found, key=lambda each: each[1], default=None)


def _draw(series, marks) -> list[dict[str, str]]:
  """Draws each figure whose metrics there are."""
  percent = lambda name: [(x, 100 * y) for x, y in series.get(name, ())]
  of_videos = {
    f'{label}{views}': percent(f'val/{key}{suffix}')
    for key, label in (('top1', 'val top-1'), ('mAP', 'val mAP'))
    for suffix, views in (('_1view', ', 1 view'), ('', ', all views'))
  }
  wanted = [
    ('Loss', {'training': series.get('loss')}, 'loss'),
    (
      'Accuracy',
      {'training batch': percent('accuracy')} | of_videos,
      'percent',
    ),
    ('Learning rate', {'learning rate': series.get('lr')}, 'learning rate'),
    ('Norm of the gradient', {'norm': series.get('grad_norm')}, 'norm'),
  ]
  if any(value for _, value in series.get('skipped', ())):
    skipped = {'skipped steps': series['skipped']}
    wanted.append(('Skipped steps', skipped, 'steps so far'))
  figures = []
  for title, lines, label in wanted:
    found = [
      make_line(name, points, dashed=name == 'training batch')
      for name, points in lines.items()
      if points
    ]
    if found:
      svg = draw_lines(found, 'step', label, marks)
      figures.append({'title': title, 'svg': svg})
  return figures
