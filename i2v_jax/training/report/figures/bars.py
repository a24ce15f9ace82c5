"""Shares with intervals, one below the other."""

from collections.abc import Sequence
from typing import NamedTuple

from i2v_jax.training.report.figures import words
from i2v_jax.training.report.figures.colours import ACCENT, INK, MUTED
from i2v_jax.training.report.figures.sheet import WIDTH, Sheet, own_settings

_ROW = 22  # pixels
_NAME = 24  # letters
_TICKS = 0, 0.25, 0.5, 0.75, 1


class Share(NamedTuple):
  """A share in 0..1 with its interval, and of how many."""

  label: str
  value: float
  low: float
  high: float
  count: int


@own_settings
def draw_shares(rows: Sequence[Share], x_label: str) -> str:
  """Draws a bar per share with its interval, and its number of videos; SVG."""
  shown = [words.shorten(row.label, _NAME) for row in rows]
  left = 16 + max(map(words.measure, shown), default=0)
  height = max(len(rows), 1) * _ROW
  sheet = Sheet(WIDTH, height + 50, (left, 104, 42, 8))
  sheet.limit((0, 1), (height, 0))
  _draw_axis(sheet, x_label, height)
  for index, (row, name) in enumerate(zip(rows, shown, strict=True)):
    _draw_row(sheet, row, name, (index + 0.5) * _ROW)
  return sheet.finish(f'{x_label} by group, with intervals')


def _draw_axis(sheet: Sheet, x_label: str, height: float) -> None:
  sheet.axes.set_ylim(height, 0)
  places = [x for x in _TICKS if sheet.inner[0] > 160 or x in (0, 0.5, 1)]
  # Numbers stand below the lower end, which is the first limit.
  sheet.draw_x_axis(places, x_label, [f'{x:.0%}' for x in places])


def _draw_row(sheet: Sheet, row: Share, name: str, y: float) -> None:
  middle = sheet.inner[1] - y
  sheet.write(-8, middle, name, ha='right')
  bar = sheet.draw_box(
    0, y - _ROW * 0.32, row.value, _ROW * 0.64, ACCENT, 0.55, zorder=2
  )
  _draw_interval(sheet, row.low, row.high, y)
  text = f'{row.value:.1%} of {row.count:,}'
  interval = f'interval {row.low:.1%} to {row.high:.1%}'
  sheet.tip(bar, f'{row.label}: {text}, {interval}')
  sheet.write(sheet.inner[0] + 8, middle, text, color=MUTED, fontsize=10)


def _draw_interval(sheet: Sheet, low: float, high: float, y: float) -> None:
  sheet.draw([low, high], [y, y], INK, 1.2, zorder=3)
  for end in (low, high):
    sheet.draw([end, end], [y - 4, y + 4], INK, 1.2, zorder=3)
