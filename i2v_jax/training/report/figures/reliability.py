"""Accuracy over confidence: whether probabilities can be believed."""

from collections.abc import Sequence
from typing import NamedTuple

from i2v_jax.training.report.figures.colours import ACCENT, MUTED
from i2v_jax.training.report.figures.sheet import Sheet

_TICKS = 0, 0.25, 0.5, 0.75, 1
_SIDE = 260  # pixels of the square
_BARS = 40  # pixels of the highest bar of counts


class Bin(NamedTuple):
  """Predictions of about the same confidence: their means, and how many."""

  confidence: float | None
  accuracy: float | None
  count: int


def draw_reliability(bins: Sequence[Bin]) -> str:
  """Draws accuracy over confidence, and counts below; SVG.

  A bin without predictions is left out. Points on the dashed line are right as
  often as they say; points below it are too sure.
  """
  bottom = 42 + _BARS + 10
  sheet = Sheet(_SIDE + 130, _SIDE + bottom + 12, (60, 70, bottom, 12))
  sheet.limit((0, 1), (0, 1))
  texts = [f'{x:.0%}' for x in _TICKS]
  sheet.draw_y_axis(_TICKS, 'accuracy', texts)
  sheet.draw_x_axis(_TICKS, '', texts)
  sheet.draw([0, 1], [0, 1], MUTED, 1.2, (4, 3))
  sheet.write(_SIDE + 6, _SIDE - 2, 'calibrated', color=MUTED, fontsize=10)
  filled = sorted(b for b in bins if b.count and b.confidence is not None)
  xs, ys = [b.confidence for b in filled], [b.accuracy for b in filled]
  sheet.draw(xs, ys, ACCENT, 1.6, zorder=3)
  most = max((b.count for b in filled), default=1)
  for each in filled:
    _draw_bin(sheet, each, most)
  _label_counts(sheet, most)
  sheet.write(_SIDE / 2, 10 - bottom, 'confidence of the answer', ha='center')
  return sheet.finish('accuracy over confidence, and the number of predictions')


def _draw_bin(sheet: Sheet, one: Bin, most: int) -> None:
  """Its dot, and a bar of its count below the axis."""
  tip = (
    f'confidence {one.confidence:.1%}, accuracy {one.accuracy:.1%}, '
    f'{one.count:,} predictions'
  )
  dot = sheet.draw_dot(one.confidence, one.accuracy, ACCENT, 3.5)
  sheet.tip(dot, tip)
  floor, high = _floor(), max(_BARS * one.count / most, 1) / _SIDE
  bar = sheet.draw_box(one.confidence - 0.012, floor, 0.024, high, ACCENT)
  sheet.tip(bar, tip)


def _floor() -> float:
  """Where bars of counts stand, below the axis."""
  return -(24 + _BARS) / _SIDE


def _label_counts(sheet: Sheet, most: int) -> None:
  floor = _floor()
  sheet.draw([0, 1], [floor, floor], MUTED, 0.8)
  y = floor * _SIDE
  style = {'color': MUTED, 'fontsize': 10}
  sheet.write(-6, y + _BARS, f'{most:,}', ha='right', **style)
  sheet.write(-6, y + 2, '0', ha='right', **style)
  sheet.write(_SIDE + 6, y + _BARS / 2, 'predictions', **style)
