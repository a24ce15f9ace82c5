"""Accuracy over confidence: whether probabilities can be believed."""

from collections.abc import Sequence
from typing import NamedTuple

from i2v_jax.training.report.figures import words
from i2v_jax.training.report.figures.colours import ACCENT, MUTED
from i2v_jax.training.report.figures.sheet import Sheet, own_settings

_TICKS = 0, 0.25, 0.5, 0.75, 1
_SIDE = 260  # pixels of the square
_BARS = 36  # pixels of the highest bar of counts
_FLOOR = -(40 + _BARS)  # where these stand
_SIZE = 8  # of the counts above them


class Bin(NamedTuple):
  """Answers of about the same confidence: their means, and how many.

  The interval of the accuracy is `low` to `high`.
  """

  confidence: float
  accuracy: float
  count: int
  low: float
  high: float


@own_settings
def draw_reliability(bins: Sequence[Bin], what: str = 'answers') -> str:
  """Draws accuracy over confidence, and counts below; SVG.

  The more a dot stands for, the larger it is. Dots on the dashed line are right
  as often as they say; those below it are too sure.

  Args:
    bins: in any order; none is empty.
    what: is counted.
  """
  bottom = 34 - _FLOOR
  sheet = Sheet(_SIDE + 130, _SIDE + bottom + 12, (60, 70, bottom, 12))
  sheet.limit((0, 1), (0, 1))
  texts = [f'{x:.0%}' for x in _TICKS]
  sheet.draw_y_axis(_TICKS, 'accuracy', texts)
  sheet.draw_x_axis(_TICKS, '', texts)
  sheet.draw([0, 1], [0, 1], MUTED, 1.2, (4, 3))
  sheet.write(_SIDE + 6, _SIDE - 2, 'calibrated', color=MUTED, fontsize=10)
  most = max((b.count for b in bins), default=1)
  for each in sorted(bins):
    tip = (
      f'confidence {each.confidence:.1%}, accuracy {each.accuracy:.1%}, '
      f'{each.count:,} {what}'
    )
    _draw_dot(sheet, each, most, tip)
    _draw_bar(sheet, each, most, tip)
  _write_counts(sheet, bins, most, what)
  sheet.write(_SIDE / 2, _FLOOR - 20, 'confidence of the answer', ha='center')
  return sheet.finish(f'accuracy over confidence, and the number of {what}')


def _draw_dot(sheet: Sheet, one: Bin, most: int, tip: str) -> None:
  """Its dot, of an area that is in proportion, with its interval."""
  sheet.draw([one.confidence] * 2, [one.low, one.high], MUTED, 1, zorder=2)
  radius = max(6 * (one.count / most) ** 0.5, 1.5)
  dot = sheet.draw_dot(one.confidence, one.accuracy, ACCENT, radius)
  sheet.tip(dot, tip)


def _draw_bar(sheet: Sheet, one: Bin, most: int, tip: str) -> None:
  high = max(_BARS * one.count / most, 1) / _SIDE
  left = one.confidence - 0.012
  bar = sheet.draw_box(left, _FLOOR / _SIDE, 0.024, high, ACCENT)
  sheet.tip(bar, tip)


def _write_counts(sheet: Sheet, bins, most: int, what: str) -> None:
  """Writes counts above their bars, the largest first, where there is room."""
  sheet.draw([0, 1], [_FLOOR / _SIDE] * 2, MUTED, 0.8)
  style = {'color': MUTED, 'va': 'center_baseline'}
  sheet.write(-6, _FLOOR + 5, what, ha='right', fontsize=10, **style)
  taken: list[tuple[float, float]] = []
  for one in sorted(bins, key=lambda one: -one.count):
    text = f'{one.count:,}'
    half = words.measure(text, _SIZE) / 2
    x = one.confidence * _SIDE
    if all(abs(x - other) >= half + width for other, width in taken):
      y = _FLOOR + max(_BARS * one.count / most, 1) + 6
      sheet.write(x, y, text, ha='center', fontsize=_SIZE, **style)
      taken.append((x, half))
