"""`--out events.jsonl`: what happened when, a line as soon as it is known."""

import datetime
import time
from collections.abc import Sequence
from typing import Any

from i2v_jax.deploy.prediction import tables
from i2v_jax.deploy.stream.events import Event
from i2v_jax.deploy.stream.stream import Stream
from i2v_jax.runtime import files

SUFFIX = '.jsonl'


class EventFile:
  """Appends events and notes to a file of JSON lines.

  Args:
    path: of the file, which keeps what it holds.

  Raises:
    OSError: it cannot be written.
    UserError: its name has another ending, or its folder does not exist.
  """

  def __init__(self, path: str):
    check_output(path)
    self._path = path
    with files.explain_errors(path):
      self._file = open(path, 'ab', buffering=0)  # noqa: SIM115 (until close)

  def begin(self, streams: Sequence[Stream]) -> None:
    names = [stream.name for stream in streams]
    self._write({'event': 'session', 'clock': show_clock(), 'sources': names})

  def hear_scores(self, stream: Stream, events: Sequence[Event]) -> None:
    for event in events:
      self._write(describe_event(stream, event))

  def hear_note(self, stream: Stream, note: str) -> None:
    line = {'event': 'note', 'source': stream.name}
    line |= {'seconds': round(stream.seconds, 3), 'text': note}
    self._write(line | {'clock': show_clock()})

  def tick(self) -> None:
    pass

  def close(self) -> None:
    self._file.close()

  def _write(self, line: dict[str, Any]) -> None:
    with files.explain_errors(self._path):
      self._file.write(tables.encode_json(line))


def check_output(path: str) -> None:
  """Raises UserError unless events can be written there."""
  tables.check_output(path, (SUFFIX,))


def describe_event(stream: Stream, event: Event) -> dict[str, Any]:
  """Makes the JSON of an event; of a live source with the time of day."""
  found = {'event': event.kind, 'source': stream.name, 'class': event.name}
  found['start'] = round(event.start, 3)
  if event.end is not None:
    found['end'] = round(event.end, 3)
  found['score'] = round(event.score, 6)
  if stream.reader.live:
    ago = stream.frame.seconds - event.seconds
    found['clock'] = show_clock(stream.frame.clock - ago)
  return found


def show_clock(seconds: float | None = None) -> str:
  """Shows a time of day in UTC, with milliseconds; None is now."""
  at = time.time() if seconds is None else seconds
  found = datetime.datetime.fromtimestamp(at, datetime.UTC)
  return found.isoformat(timespec='milliseconds').replace('+00:00', 'Z')
