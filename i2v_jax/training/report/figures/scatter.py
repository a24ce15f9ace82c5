"""Accuracy over cost, a point per method."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.training.report.figures import placing, ticks, words
from i2v_jax.training.report.figures.colours import ACCENT, INK, MUTED, PAPER
from i2v_jax.training.report.figures.sheet import Sheet

_SIZE = 10  # of names
_LINE = 12.5  # pixels from name to name
_NAME = 28  # letters


class Point(NamedTuple):
  """A method: its cost `x`, and its accuracy in 0..1 with its deviation."""

  name: str
  x: float
  y: float
  deviation: float | None = None


def find_front(points: Sequence[Point]) -> list[Point]:
  """The points that no other beats in both cost and accuracy, by cost."""
  found = []
  for point in sorted(points, key=lambda p: (p.x, -p.y)):
    last = found[-1] if found else None
    if not last or point.y > last.y or (point.x, point.y) == (last.x, last.y):
      found.append(point)
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
  sheet = Sheet(560, 320 + 4 * _count_near_top(points), (60, 20, 42, 12))
  _limit(sheet, points, log_x)
  _draw_axes(sheet, points, x_label, y_label, log_x)
  xs, ys = [p.x for p in front], [p.y for p in front]
  sheet.draw(xs, ys, ACCENT, 1.2, (5, 3), zorder=2)
  for point in sorted(points, key=front.__contains__):
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
  above = 0.06 + 0.35 * (1 - 0.9 ** (_count_near_top(points) - 1))
  sheet.limit(limits, (min(ys) - 0.12 * span, max(ys) + above * span))


def _count_near_top(points: Sequence[Point]) -> int:
  ys = [p.y for p in points] or [0]
  return sum(y >= max(ys) - 0.06 * (max(ys) - min(ys)) for y in ys)


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
  """Writes the names beside the dots, those of one place as one label."""
  dots = [sheet.to_pixels(point.x, point.y) for point in points]
  groups = placing.group_dots(dots, 9)
  names = [words.shorten(point.name, _NAME) for point in points]
  places = placing.place_labels(
    [[dots[i] for i in group] for group in groups],
    [_measure([names[i] for i in group]) for group in groups],
    sheet.inner,
    [sheet.to_pixels(point.x, point.y) for point in front],
  )
  for group, place in zip(groups, places, strict=True):
    if place is None:  # hovering tells the names
      continue
    middle = np.mean([dots[i] for i in group], 0)
    size = _measure([names[i] for i in group])
    _draw_leader(sheet, middle, place, size)
    x, side = _align(middle[0], place[0], size[0])
    group = sorted(group, key=lambda i: (-points[i].y, i))
    for row, index in enumerate(group):
      strong = points[index] in front
      style = {
        'ha': side,
        'color': INK if strong else MUTED,
        'fontsize': _SIZE,
        'fontweight': 'bold' if strong else 'normal',
      }
      y = place[1] + size[1] - (row + 0.5) * _LINE
      sheet.write(x, y, names[index], **style)


def _align(dot: float, left: float, width: float) -> tuple[float, str]:
  """Where names are written, and which of their ends: that near the dot."""
  if left >= dot:
    return left, 'left'
  if left + width <= dot:
    return left + width, 'right'
  return left + width / 2, 'center'


def _measure(names: Sequence[str]) -> tuple[float, float]:
  wide = max(words.measure(name, _SIZE) for name in names)
  return wide, len(names) * _LINE


def _draw_leader(sheet: Sheet, dot, corner, size) -> None:
  """A line from a dot to its label, unless it is next to it."""
  corner = np.array(corner)
  end = np.clip(dot, corner, corner + size)
  beside = (end == dot).any()
  if np.hypot(*(end - dot)) > (11 if beside else 0):
    xs, ys = zip(dot, end, strict=True)
    sheet.draw_in_pixels(xs, ys, MUTED, 0.6, zorder=1)
