"""Curves over steps."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.training.report.figures import ticks, words
from i2v_jax.training.report.figures.colours import LINES, MUTED
from i2v_jax.training.report.figures.sheet import WIDTH, Sheet, own_settings

_BUCKETS = 160  # of a long line, each with its lowest and highest value
_FEW = 20  # values, each of which gets a dot
_DASHES = (), (6, 2), (2, 2), (8, 2, 2, 2)
_LABEL = 22  # letters


class Line(NamedTuple):
  """A curve; NaN in `y` are gaps. Its dots may be rings."""

  name: str
  x: Sequence[float]
  y: Sequence[float]
  rings: bool = False


class Mark(NamedTuple):
  """A place along the x axis where something happened."""

  x: float
  text: str


@own_settings
def draw_lines(
  lines: Sequence[Line],
  x_label: str,
  y_label: str,
  marks: Sequence[Mark] = (),
  room: float = 0,
) -> str:
  """Draws curves, told apart by dashes and a name at their end; SVG.

  A line of many values keeps its extremes. `room` is that of the names of
  another figure, beside which this one is to be as wide.
  """
  data = [_read(line) for line in lines]
  names = [words.shorten(line.name, _LABEL) for line in lines]
  right = 22 + max(room, measure_names(lines))
  sheet = Sheet(WIDTH, margins=(66, right, 42, 22 if marks else 12))
  _limit(sheet, data, marks)
  whole = all((y == y.round())[~np.isnan(y)].all() for _, y in data)
  _draw_axes(sheet, x_label, y_label, whole)
  _draw_marks(sheet, marks)
  ends = []
  for index, (line, (x, y)) in enumerate(zip(lines, data, strict=True)):
    colour, dashes = _choose(index)
    _draw_dots(sheet, x, y, colour, line.rings)
    curve = sheet.draw(x, y, colour, 1.6, dashes, zorder=3)
    sheet.tip(curve, line.name)
    ends.append(_find_end(sheet, x, y))
  if len(lines) > 1:
    _write_names(sheet, names, ends)
  shown = ', '.join(words.shorten(line.name, 40) for line in lines)
  return sheet.finish(f'{y_label} over {x_label}: {shown or "no values"}')


def measure_names(lines: Sequence[Line]) -> float:
  """Measures the room for names, in pixels; a single line has none."""
  names = [words.shorten(line.name, _LABEL) for line in lines]
  return max(map(words.measure, names)) if len(names) > 1 else 0


def _read(line: Line) -> tuple[np.ndarray, np.ndarray]:
  """Its x and y, thinned out; gaps are NaN."""
  x, y = np.array(line.x, float), np.array(line.y, float)
  y[~np.isfinite(y)] = np.nan
  return _thin_out(x, y)


def _thin_out(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Keeps the ends, and of each bucket the extremes and a gap."""
  if len(y) <= 3 * _BUCKETS:
    return x, y
  kept = {0, len(y) - 1}
  for part in np.array_split(np.arange(len(y)), _BUCKETS):
    gaps = np.isnan(y[part])
    if gaps.any():
      kept.add(part[gaps.argmax()])
    if not gaps.all():
      kept |= {part[np.nanargmin(y[part])], part[np.nanargmax(y[part])]}
  order = sorted(kept)
  return x[order], y[order]


def _limit(sheet: Sheet, data, marks) -> None:
  xs = np.concatenate([[], *(x for x, _ in data), [m.x for m in marks]])
  ys = np.concatenate([[], *(y for _, y in data)])
  ys = ys[np.isfinite(ys)]
  low, high = (ys.min(), ys.max()) if len(ys) else (0, 1)
  room = 0.06 * (high - low) or abs(high) * 0.1 or 1
  # A curve that comes near to zero is seen to.
  nearly = 0 <= low < 0.35 * high
  limits = 0 if nearly else low - room, high + room
  left, right = (xs.min(), xs.max()) if len(xs) else (0, 1)
  if left == right:
    left, right = left - 1, right + 1
  if 0 < left < 0.1 * right:  # the first step is not where training begins
    left = 0
  sheet.limit((left, right), limits)


def _draw_axes(sheet: Sheet, x_label: str, y_label: str, whole: bool) -> None:
  """Draws the axes; `whole`: there is nothing between whole numbers."""
  places = ticks.place_linear(*sheet.axes.get_ylim())
  if whole:
    places = [place for place in places if place == round(place)]
  sheet.draw_y_axis(places, y_label)
  low, high = sheet.axes.get_xlim()
  sheet.draw_x_axis(ticks.place_linear(low, high), x_label)


def _choose(index: int) -> tuple[str, tuple[int, ...]]:
  """Colour and dashes of a line; the first one is solid in every figure."""
  return LINES[index % len(LINES)], _DASHES[index % len(_DASHES)]


def _draw_dots(sheet: Sheet, x, y, colour, rings: bool) -> None:
  """Draws dots at few values, and at those with none beside them."""
  known = np.isfinite(y)
  alone = known & ~np.r_[False, known[:-1]] & ~np.r_[known[1:], False]
  dots = known if known.sum() <= _FEW else alone
  for at, value in zip(x[dots], y[dots], strict=True):
    if rings:
      sheet.draw_dot(at, value, colour, 4, 'none')
    else:
      sheet.draw_dot(at, value, colour, 2)


def _draw_marks(sheet: Sheet, marks: Sequence[Mark]) -> None:
  low, high = sheet.axes.get_ylim()
  end = -np.inf
  for mark in sorted(marks):
    style = {'dashes': (1, 2), 'zorder': 2}
    line = sheet.draw([mark.x, mark.x], [low, high], MUTED, 1.2, **style)
    sheet.tip(line, mark.text)
    x, top = sheet.to_pixels(mark.x, high)
    half = words.measure(mark.text, 9) / 2
    middle = min(x, sheet.inner[0] - half)
    if middle - half > end:
      style = {'ha': 'center', 'color': MUTED, 'fontsize': 9}
      sheet.write(middle, top + 9, mark.text, **style)
      end = middle + half + 6


def _find_end(sheet: Sheet, x, y) -> tuple[float, float] | None:
  """Where its last value is, in pixels."""
  known = np.flatnonzero(np.isfinite(y))
  return sheet.to_pixels(x[known[-1]], y[known[-1]]) if len(known) else None


def _write_names(sheet: Sheet, names, ends) -> None:
  shown = [i for i, end in enumerate(ends) if end]
  heights = words.spread([ends[i][1] for i in shown], 14, 4, sheet.inner[1] - 4)
  for index, height in zip(shown, heights, strict=True):
    x, y = ends[index]
    right = sheet.inner[0] + 12
    colour = LINES[index % len(LINES)]
    sheet.draw_in_pixels([x + 2, right - 2], [y, height], MUTED, 0.6)
    sheet.write(right, height, names[index], color=colour)
