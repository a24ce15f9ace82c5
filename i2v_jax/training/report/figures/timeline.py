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
from i2v_jax.training.report.figures.sheet import WIDTH, Sheet, own_settings

_ROW = 26  # pixels
_NAME = 20  # letters
_LEAST = 2  # pixels of a span that is told apart from others
_NAMED = 3  # labels of a place that hovering tells
_COLOURS = ACCENT, ACCENT_2, ACCENT_3, MUTED


class Row(NamedTuple):
  """Spans of a kind, such as labels: `(start, end, label)` in seconds."""

  name: str
  spans: Sequence[tuple[float, float, str]]


class Part(NamedTuple):
  """A span that is drawn: the labels and the number of those it stands for."""

  start: float
  end: float
  labels: tuple[str, ...]
  count: int = 1


@own_settings
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
    for part in merge(row.spans, _LEAST * seconds / sheet.inner[0]):
      _draw_part(sheet, part, seconds, top, colours)
  names = ', '.join(words.shorten(row.name, 40) for row in rows)
  return sheet.finish(f'spans over {seconds:.4g} seconds: {names}')


def merge(
  spans: Sequence[tuple[float, float, str]], least: float
) -> list[Part]:
  """Merges spans so short that they would not be told apart.

  First they join the neighbours of their label; what is still short joins what
  begins at the same place.

  Args:
    spans: start, end and label.
    least: length of what is not short, and of gaps that are seen; seconds.
  """
  joined: list[Part] = []
  last: dict[str, int] = {}
  for start, end, label in sorted(spans):
    before = joined[last[label]] if label in last else None
    short = before and least > min(before.end - before.start, end - start)
    if short and start - before.end < least:
      end, count = max(before.end, end), before.count + 1
      joined[last[label]] = before._replace(end=end, count=count)
    else:
      last[label] = len(joined)
      joined.append(Part(start, end, (label,)))
  return _join_places(joined, least)


def _join_places(parts: Sequence[Part], least: float) -> list[Part]:
  found: list[Part] = []
  places: dict[int, int] = {}
  for part in parts:
    place = int(part.start // least)
    if part.end - part.start >= least:
      found.append(part)
    elif place in places:
      before = found[places[place]]
      found[places[place]] = Part(
        before.start,
        max(before.end, part.end),
        tuple(dict.fromkeys(before.labels + part.labels)),
        before.count + part.count,
      )
    else:
      places[place] = len(found)
      found.append(part)
  return found


def _draw_part(sheet: Sheet, part: Part, seconds, top, colours) -> None:
  start, end = max(part.start, 0), min(part.end, seconds)
  label, colour = _name(part), colours[part.labels[0]]
  box = sheet.draw_box(
    start,
    top + 4,
    end - start,
    _ROW - 8,
    colour,
    0.28,
    zorder=2,
  )
  sheet.tip(box, f'{label}: {start:.2f} to {end:.2f} s')
  style = {'zorder': 3, 'solid_capstyle': 'butt'}
  # An edge on the left, so that neighbours of one label are told apart.
  sheet.draw([start] * 2, [top + 4, top + _ROW - 4], colour, 2, **style)
  left, middle = sheet.to_pixels(start, top + _ROW / 2)
  room = sheet.to_pixels(end, 0)[0] - left - 8
  letters = room / words.measure('n', 10)
  if letters >= min(words.count_letters(words.clean(label)), 5):
    text = words.shorten(label, letters)
    sheet.write(left + 5, middle, text, fontsize=10, color=INK, zorder=4)


def _name(part: Part) -> str:
  names = ', '.join(part.labels[:_NAMED])
  if len(part.labels) > _NAMED:
    names += f' and {len(part.labels) - _NAMED} more'
  return f'{part.count:,} of {names}' if part.count > 1 else names
