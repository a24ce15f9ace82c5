"""What a terminal shows of a session; plain lines where there is none."""

import collections
import time
from collections.abc import Sequence

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from i2v_jax.deploy.prediction.timeline_bars import format_time
from i2v_jax.deploy.stream.events import Event
from i2v_jax.deploy.stream.stream import Stream
from i2v_jax.runtime.console import Console, make_table

EVERY, REFRESH = 10.0, 0.25  # seconds between lines, and between pictures
SHOWN, EVENTS = 3, 6  # classes, events
WIDE = 130  # characters of a terminal that has room for all
SPEED = ('frames/s', 'latency', 'dropped')


class Screen:
  """Shows a table of all streams, and the last events.

  In a log file each event is a line, and each stream one every 10 seconds.

  Args:
    console: where it is shown.
  """

  def __init__(self, console: Console):
    self._console, self._streams = console, ()
    self._events: collections.deque[str] = collections.deque(maxlen=EVENTS)
    self._last, self._live = 0.0, None

  def begin(self, streams: Sequence[Stream]) -> None:
    self._streams, self._last = streams, time.monotonic()
    if self._console.is_terminal:
      self._live = Live(console=self._console, auto_refresh=False)
      self._live.start()

  def hear_scores(self, stream: Stream, events: Sequence[Event]) -> None:
    for event in events:
      line = show_event(stream, event)
      self._events.append(line)
      if not self._live:
        self._console.print(line)

  def hear_note(self, stream: Stream, note: str) -> None:
    self._console.print(note)

  def tick(self) -> None:
    now = time.monotonic()
    if now - self._last < (REFRESH if self._live else EVERY):
      return
    self._last = now
    if self._live:
      self._live.update(self._draw(), refresh=True)
    else:
      for stream in filter(lambda stream: stream.frames, self._streams):
        self._console.print(show_stream(stream))

  def close(self) -> None:
    if self._live:
      self._live.update(self._draw(), refresh=True)
      self._live.stop()
    else:
      for stream in self._streams:
        self._console.print(show_stream(stream))

  def _draw(self) -> Group:
    make = _make_table if self._console.width >= WIDE else _make_narrow_table
    table = make(self._streams, self._console.width)
    for column in table.columns:
      column.no_wrap = True
    return Group(table, *(Text(line) for line in self._events))


def _make_table(streams: Sequence[Stream], width: int) -> Table:
  """Makes a table of all that is known."""
  room = (width - 85) // (SHOWN + 1)  # of a name; the rest are numbers
  rows = [
    (
      _cut_front(stream.name, room + 10),
      format_time(stream.seconds),
      stream.state,
      *_show_top(stream, SHOWN, room + 5),
      *show_speed(stream),
    )
    for stream in streams
  ]
  return make_table('', ('source', 'time', 'state', *'123', *SPEED), rows)


def _make_narrow_table(streams: Sequence[Stream], width: int) -> Table:
  """Makes a table of the best class only."""
  room = max((width - 42) // 2, 8)
  rows = [
    (
      _cut_front(stream.name, room),
      *_show_top(stream, 1, room),
      *show_speed(stream),
    )
    for stream in streams
  ]
  return make_table('', ('source', '1', *SPEED), rows)


def _show_top(stream: Stream, count: int, room: int) -> list[str]:
  top = [f'{score:.0%} {name}' for name, score in stream.top[:count]]
  top = [text if len(text) <= room else f'{text[: room - 1]}~' for text in top]
  return top + [''] * (count - len(top))


def _cut_front(name: str, room: int) -> str:
  """The end of a name, which says more than its beginning."""
  return name if len(name) <= room else f'~{name[1 - room :]}'


def show_stream(stream: Stream) -> str:
  """A line of the state of a stream."""
  top = ', '.join(show_class(*named) for named in stream.top[:SHOWN]) or '-'
  rate, latency, dropped = show_speed(stream)
  frames = '1 frame' if stream.frames == 1 else f'{stream.frames:,} frames'
  return (
    f'{format_time(stream.seconds)}  {stream.name}  {stream.state}: {top}; '
    f'{frames}, {rate} a second, latency {latency}, {dropped} '
    'dropped'
  )


def show_event(stream: Stream, event: Event) -> str:
  """A line of an event."""
  return f'{format_time(event.seconds)}  {stream.name}  {event.text}'


def show_class(name: str, probability: float) -> str:
  """A class with its probability."""
  return f'{name} {probability:.0%}'


def show_speed(stream: Stream) -> tuple[str, str, str]:
  """Rate, latency and number of dropped frames, as text."""
  latency = f'{1000 * stream.latency:.0f} ms'
  return f'{stream.rate:.1f}', latency, f'{stream.dropped:,}'
