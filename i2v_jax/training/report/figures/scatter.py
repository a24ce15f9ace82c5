"""Accuracy over cost, a point per method."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.training.report.figures import placing, ticks, words
from i2v_jax.training.report.figures.colours import ACCENT, INK, MUTED, PAPER
from i2v_jax.training.report.figures.sheet import Sheet, own_settings

_SIZE = 10  # of names
_LINE = 12.5  # pixels from name to name
_NAME = 28  # letters
_MARK = 5.5  # pixels from the middle of a diamond to its corners
_NAMED = 60  # places at most that are all named
_MANY = 3  # methods of one place, which a label counts


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


@own_settings
def draw_scatter(
  points: Sequence[Point],
  x_label: str,
  y_label: str = 'top-1',
  chance: float | None = None,
) -> str:
  """Draws accuracy over cost; SVG.

  Methods of one place share a dot and a label. Those on the Pareto front are
  diamonds joined by a line, with names in bold; where there are too many places
  to name, only these are named. Points without a cost above 0 are left out.
  `chance` is an accuracy in 0..1 to draw a line at.
  """
  points = [p for p in points if p.x > 0]
  front = find_front(points)
  height = 350 + 4 * _count_near_top(points)
  sheet = Sheet(560, height, (60, 20 if chance is None else 50, 42, 12))
  _limit(sheet, points, chance)
  _draw_axes(sheet, x_label, y_label)
  known = _draw_chance(sheet, chance)
  xs, ys = [p.x for p in front], [p.y for p in front]
  sheet.draw(xs, ys, ACCENT, 1.2, (5, 3), zorder=2)
  lines = [[sheet.to_pixels(p.x, p.y) for p in front], *known]
  dots = [sheet.to_pixels(point.x, point.y) for point in points]
  groups = placing.group_dots(dots, 9)
  found = [[points[i] for i in sorted(g)] for g in groups]
  for group in found:
    _draw_mark(sheet, group, front)
  _write_names(sheet, found, front, lines)
  return sheet.finish(
    f'{y_label} over {x_label} of {len(points)} methods; on the Pareto front: '
    + ', '.join(words.shorten(p.name, 40) for p in front)
  )


def _limit(sheet: Sheet, points: Sequence[Point], chance) -> None:
  xs, ys = [p.x for p in points] or [1], [p.y for p in points] or [0, 1]
  low, high = min(xs), max(xs)
  sheet.axes.set_xscale('log')
  room = max((high / low) ** 0.08, 1.3)
  least = min(*ys, *ys if chance is None else [chance])
  span = max(max(ys) - least, 0.02)
  # Room for the names of those at the top, who are often many.
  above = 0.06 + 0.35 * (1 - 0.9 ** (_count_near_top(points) - 1))
  y = least - 0.12 * span, max(ys) + above * span
  sheet.limit((low / room, high * room), y)


def _count_near_top(points: Sequence[Point]) -> int:
  ys = [p.y for p in points] or [0]
  return sum(y >= max(ys) - 0.06 * (max(ys) - min(ys)) for y in ys)


def _draw_axes(sheet: Sheet, x_label: str, y_label: str) -> None:
  low, high = sheet.axes.get_ylim()
  places = ticks.place_linear(max(low, 0), min(high, 1))
  digits = 0 if min(high, 1) - max(low, 0) > 0.05 else 1
  texts = [f'{y:.{digits}%}' for y in places]
  sheet.draw_y_axis(places, y_label, texts)
  places = ticks.place_log(*sheet.axes.get_xlim(), 8)
  sheet.draw_x_axis(places, f'{x_label} (logarithmic)')


def _draw_chance(sheet: Sheet, chance: float | None) -> list[list[tuple]]:
  """Draws the line of chance; returns it, in pixels, if there is one."""
  if chance is None:
    return []
  low, high = sheet.axes.get_xlim()
  sheet.draw([low, high], [chance] * 2, MUTED, 1, (2, 3), zorder=2)
  right, y = sheet.to_pixels(high, chance)
  style = {'color': MUTED, 'fontsize': _SIZE}
  sheet.write(right + 6, y + _SIZE * 0.6, 'chance', **style)
  sheet.write(right + 6, y - _SIZE * 0.6, f'{100 * chance:.3g} %', **style)
  return [[(0, y), (right, y)]]


def _draw_mark(sheet: Sheet, group: Sequence[Point], front) -> None:
  """Draws what stands for the methods of a place: a diamond or a ring."""
  for point in group:
    if point.deviation:
      ends = [point.y - point.deviation, point.y + point.deviation]
      sheet.draw([point.x] * 2, ends, MUTED, 1)
  best = [point for point in group if point in front]
  x, y = _find_middle(sheet, best or group)
  if best:
    corners = (x - _MARK, y), (x, y + _MARK), (x + _MARK, y), (x, y - _MARK)
    mark = sheet.draw_shape_in_pixels(corners, ACCENT, zorder=4)
  else:
    mark = sheet.draw_dot(*sheet.from_pixels(x, y), ACCENT, 3.5, PAPER)
  sheet.tip(mark, '; '.join(map(_describe, group)))


def _describe(point: Point) -> str:
  more = f' ± {point.deviation:.1%}' if point.deviation else ''
  return f'{point.name}: {point.y:.1%}{more} at {ticks.format_number(point.x)}'


def _find_middle(sheet: Sheet, group: Sequence[Point]) -> np.ndarray:
  return np.mean([sheet.to_pixels(p.x, p.y) for p in group], 0)


def _write_names(sheet: Sheet, groups, front, lines) -> None:
  """Writes the names beside the marks, those of one place as one label."""
  named, unnamed = _choose_named(groups, front)
  labels = [_make_label(group, front) for group in named]
  sizes = [_measure([text for text, _ in label]) for label in labels]
  places = placing.place_labels(
    [[sheet.to_pixels(p.x, p.y) for p in group] for group in named],
    sizes,
    sheet.inner,
    lines,
    [sheet.to_pixels(p.x, p.y) for group in unnamed for p in group],
  )
  rows = zip(named, labels, sizes, places, strict=True)
  for group, label, size, place in rows:
    if place is not None:  # else hovering tells the names
      _write_label(sheet, _find_middle(sheet, group), label, place, size)


def _choose_named(groups, front) -> tuple[list, list]:
  """Divides groups: those that are named, and those which hovering names.

  Places for more names than `_NAMED` would take long to find, if there are any.
  """
  if len(groups) <= _NAMED:
    return groups, []
  best = [max(group, key=lambda p: (p in front, p.y)) for group in groups]
  rank = lambda n: (best[n] in front, best[n].y)
  order = sorted(range(len(groups)), key=rank, reverse=True)
  most = min(_NAMED, sum(point in front for point in best))
  return [groups[n] for n in order[:most]], [groups[n] for n in order[most:]]


def _make_label(group, front) -> list[tuple[str, bool]]:
  """The lines of a label, and whether each is of the front."""
  group = sorted(group, key=lambda point: -point.y)
  names = [(words.shorten(p.name, _NAME), p in front) for p in group]
  if len(group) < _MANY:
    return names
  low, high = 100 * group[-1].y, 100 * group[0].y
  span = f'{high:.1f}' if low == high else f'{low:.1f} to {high:.1f}'
  return [(f'{len(group)} methods, {span} %:', False), *names]


def _write_label(sheet: Sheet, middle, label, place, size) -> None:
  _draw_leader(sheet, middle, place, size)
  x, side = _align(middle[0], place[0], size[0])
  high = place[1] + size[1]
  for row, (text, strong) in enumerate(label):
    style = {
      'ha': side,
      'color': INK if strong else MUTED,
      'fontsize': _SIZE,
      'fontweight': 'bold' if strong else 'normal',
    }
    y = high - (row + 0.5) * _LINE
    _clear(sheet, x, y, words.measure(text, _SIZE), side)
    sheet.write(x, y, text, **style)


def _clear(sheet: Sheet, x: float, y: float, width: float, side: str) -> None:
  """Makes room for a name, so that no line of the grid runs through it."""
  width *= 0.85  # as most letters are narrower than measured
  left = x - width * {'left': 0, 'center': 0.5, 'right': 1}[side]
  right, half = left + width, _LINE / 2
  corners = [(left, y - half), (left, y + half)]
  corners += [(right, y + half), (right, y - half)]
  sheet.draw_shape_in_pixels(corners, PAPER, zorder=2)


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
