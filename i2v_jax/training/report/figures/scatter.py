"""Accuracy over cost, a point per method."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.training.report.figures import placing, ticks, words
from i2v_jax.training.report.figures.colours import ACCENT, INK, MUTED, PAPER
from i2v_jax.training.report.figures.sheet import Sheet

_SIZE = 10  # of names
_NAME = 28  # letters


class Point(NamedTuple):
  """A method: its cost `x`, and its accuracy in 0..1 with its deviation."""

  name: str
  x: float
  y: float
  deviation: float | None = None


def find_front(points: Sequence[Point]) -> list[Point]:
  """The points that no other beats in both cost and accuracy, by cost."""
  found, best = [], -np.inf
  for point in sorted(points, key=lambda p: (p.x, -p.y)):
    if point.y > best:
      found.append(point)
      best = point.y
  return found


def draw_scatter(
  points: Sequence[Point],
  x_label: str,
  log_x: bool = True,
  y_label: str = 'top-1',
) -> str:
  """Draws accuracy over cost; SVG.

  Points that no other beats in both are filled and joined by a line. Points
  without a cost above 0 are left out if `log_x`.
  """
  points = [p for p in points if p.x > 0 or not log_x]
  front = find_front(points)
  crowd = len(points)
  sheet = Sheet(560, 330 + 5 * max(crowd - 8, 0), (60, 20, 42, 12))
  _limit(sheet, points, log_x)
  _draw_axes(sheet, points, x_label, y_label, log_x)
  xs, ys = [p.x for p in front], [p.y for p in front]
  sheet.draw(xs, ys, ACCENT, 1.2, (5, 3), zorder=2)
  for point in points:
    _draw_point(sheet, point, point in front)
  _write_names(sheet, points, front)
  return sheet.finish(
    f'{y_label} over {x_label} of {len(points)} methods; on the Pareto front: '
    + ', '.join(words.shorten(p.name, 40) for p in front)
  )


def _limit(sheet: Sheet, points: Sequence[Point], log_x: bool) -> None:
  xs, ys = [p.x for p in points] or [1], [p.y for p in points] or [0, 1]
  low, high = min(xs), max(xs)
  if log_x:
    sheet.axes.set_xscale('log')
    room = max((high / low) ** 0.08, 1.3)
    limits = low / room, high * room
  else:
    room = 0.08 * (high - low) or abs(high) * 0.2 or 1
    limits = low - room, high + room
  span = max(max(ys) - min(ys), 0.02)
  # Room for the names of those at the top, who are often many.
  near = sum(y > max(ys) - 0.06 * span for y in ys)
  above = min(0.06 + 0.02 * near, 0.5)
  sheet.limit(limits, (min(ys) - 0.12 * span, max(ys) + above * span))


def _draw_axes(sheet, points, x_label: str, y_label: str, log_x: bool) -> None:
  low, high = sheet.axes.get_ylim()
  places = ticks.place_linear(max(low, 0), min(high, 1))
  digits = 0 if min(high, 1) - max(low, 0) > 0.05 else 1
  texts = [f'{y:.{digits}%}' for y in places]
  sheet.draw_y_axis(places, y_label, texts)
  place = ticks.place_log if log_x else ticks.place_linear
  sheet.draw_x_axis(place(*sheet.axes.get_xlim()), x_label)


def _draw_point(sheet: Sheet, point: Point, filled: bool) -> None:
  if point.deviation:
    ends = [point.y - point.deviation, point.y + point.deviation]
    sheet.draw([point.x] * 2, ends, MUTED, 1)
  hollow = None if filled else PAPER
  dot = sheet.draw_dot(point.x, point.y, ACCENT, 4 if filled else 3.5, hollow)
  more = f' ± {point.deviation:.1%}' if point.deviation else ''
  x = ticks.format_number(point.x)
  sheet.tip(dot, f'{point.name}: {point.y:.1%}{more} at {x}')


def _write_names(sheet: Sheet, points, front) -> None:
  names = [words.shorten(point.name, _NAME) for point in points]
  dots = [sheet.to_pixels(point.x, point.y) for point in points]
  sizes = [(words.measure(name, _SIZE), _SIZE * 1.25) for name in names]
  places = placing.place_labels(dots, sizes, sheet.inner)
  for point, name, dot, place in zip(points, names, dots, places, strict=True):
    if place is None:  # hovering tells the name
      continue
    (x, y), (width, height) = place, sizes[names.index(name)]
    end = np.clip(dot, (x, y), (x + width, y + height))
    if np.hypot(*(end - dot)) > 9:
      sheet.draw_in_pixels(
        [dot[0], end[0]], [dot[1], end[1]], MUTED, 0.6, zorder=2
      )
    colour = INK if point in front else MUTED
    weight = 'bold' if point in front else 'normal'
    style = {'color': colour, 'fontsize': _SIZE, 'fontweight': weight}
    sheet.write(x, y + height / 2, name, **style)
