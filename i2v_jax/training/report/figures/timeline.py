"""Spans of a video, a row per kind."""

from collections.abc import Sequence
from typing import NamedTuple

from i2v_jax.training.report.figures import ticks, words
from i2v_jax.training.report.figures.colours import (
  ACCENT,
  ACCENT_2,
  ACCENT_3,
  GRID,
  INK,
  MUTED,
)
from i2v_jax.training.report.figures.sheet import WIDTH, Sheet

_ROW = 26  # pixels
_NAME = 20  # letters
_COLOURS = ACCENT, ACCENT_2, ACCENT_3, MUTED


class Row(NamedTuple):
  """Spans of a kind, such as labels: `(start, end, label)` in seconds."""

  name: str
  spans: Sequence[tuple[float, float, str]]


def draw_timeline(seconds: float, rows: Sequence[Row]) -> str:
  """Draws spans of a video of that length; SVG.

  A label has one colour in all rows, and is written where it fits.
  """
  shown = [words.shorten(row.name, _NAME) for row in rows]
  left = 16 + max(map(words.measure, shown), default=0)
  height = max(len(rows), 1) * _ROW
  sheet = Sheet(WIDTH, height + 50, (left, 16, 42, 8))
  seconds = seconds if seconds > 0 else 1
  sheet.limit((0, seconds), (height, 0))
  sheet.draw_x_axis(ticks.place_linear(0, seconds), 'seconds')
  labels = dict.fromkeys(label for row in rows for *_, label in row.spans)
  colours = {
    label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)
  }
  for index, (row, name) in enumerate(zip(rows, shown, strict=True)):
    top = index * _ROW
    sheet.write(-8, sheet.inner[1] - top - _ROW / 2, name, ha='right')
    sheet.draw([0, seconds], [top + _ROW] * 2, GRID, 0.8)
    for start, end, label in row.spans:
      _draw_span(sheet, max(start, 0), min(end, seconds), label, top, colours)
  names = ', '.join(words.shorten(row.name, 40) for row in rows)
  return sheet.finish(f'spans over {seconds:.4g} seconds: {names}')


def _draw_span(sheet: Sheet, start, end, label: str, top, colours) -> None:
  box = sheet.draw_box(
    start,
    top + 4,
    end - start,
    _ROW - 8,
    colours[label],
    0.28,
    zorder=2,
  )
  sheet.tip(box, f'{label}: {start:.2f} to {end:.2f} s')
  style = {'zorder': 3, 'solid_capstyle': 'butt'}
  # An edge on the left, so that neighbours of one label are told apart.
  sheet.draw([start] * 2, [top + 4, top + _ROW - 4], colours[label], 2, **style)
  left, middle = sheet.to_pixels(start, top + _ROW / 2)
  room = sheet.to_pixels(end, 0)[0] - left - 8
  letters = room / words.measure('n', 10)
  if letters >= min(words.count_letters(words.clean(label)), 5):
    text = words.shorten(label, letters)
    sheet.write(left + 5, middle, text, fontsize=10, color=INK, zorder=4)
