"""Timelines in the terminal: a bar for each class, and a table of segments."""

from collections.abc import Iterable

import numpy as np

from i2v_jax.deploy.prediction.timeline import Segment, Timeline
from i2v_jax.runtime.console import console, make_encodable, make_table

NAME, LEAST = 24, 16  # characters of a name at most, and of a bar at least
MARKS = ('█▪·', '#+.')  # most of a column, a part of it, nothing


def show_timeline(timeline: Timeline) -> None:
  """Prints a bar for each class that occurs, then all segments."""
  for line in draw_bars(timeline, console.width):
    console.print(line)
  rows = [
    (
      segment.name,
      format_time(segment.start),
      format_time(segment.end),
      f'{segment.score:.1%}',
    )
    for segment in timeline.segments
  ]
  if rows:
    console.print(make_table('', ('class', 'start', 'end', 'mean'), rows))


def draw_bars(timeline: Timeline, width: int) -> list[str]:
  """Draws a timeline in lines of at most `width` characters.

  A column is full where a class holds most of its time, and has a smaller mark
  where it holds a part of it, so that short segments are seen too.
  """
  classes: dict[str, list[Segment]] = {}
  for segment in timeline.segments:
    classes.setdefault(segment.name, []).append(segment)
  lines = [f'{timeline.file}  {_count(timeline, classes)}']
  if not classes:
    return lines
  side = min(max(map(len, classes)), NAME)
  columns = max(width - side - 2, LEAST)
  for name, segments in classes.items():
    shown = name if len(name) <= side else f'{name[: side - 1]}~'
    bar = _draw_bar(segments, timeline.duration, columns)
    lines.append(f'{shown:<{side}}  {bar}')
  lines.append(f'{"":<{side}}  {_draw_axis(timeline.duration, columns)}')
  return lines


def _count(timeline: Timeline, classes) -> str:
  if not classes:
    return f'{format_time(timeline.duration)}, no segment'
  count = len(timeline.segments)
  segments = '1 segment' if count == 1 else f'{count:,} segments'
  return f'{format_time(timeline.duration)}, {segments}'


def _draw_bar(
  segments: Iterable[Segment], duration: float, columns: int
) -> str:
  edges = np.linspace(0, duration, columns + 1)
  covered = np.zeros(columns)
  for segment in segments:
    left = np.maximum(edges[:-1], segment.start)
    covered += np.maximum(np.minimum(edges[1:], segment.end) - left, 0)
  share = covered * columns / duration
  full, part, none = make_encodable(MARKS[0], instead=MARKS[1])
  marks = np.where(share > 1e-9, part, none)
  return ''.join(np.where(share >= 0.5, full, marks))


def _draw_axis(duration: float, columns: int) -> str:
  """Draws times at the start, middle and end, as far as there is room."""
  axis = [' '] * columns
  for share in (0.0, 1.0, 0.5):
    text = format_time(share * duration)
    place = round(share * (columns - len(text)))
    around = axis[max(place - 1, 0) : place + len(text) + 1]
    if all(character == ' ' for character in around):
      axis[place : place + len(text)] = text
  return ''.join(axis).rstrip()


def format_time(seconds: float) -> str:
  """Formats a time to be read: 1:02.3, or 1:00:02.3 from an hour on."""
  tenths = round(seconds * 10)
  minutes, rest = divmod(tenths, 600)
  hours, minutes = divmod(minutes, 60)
  clock = f'{minutes:02d}' if hours else f'{minutes}'
  return f'{f"{hours}:" if hours else ""}{clock}:{rest / 10:04.1f}'
