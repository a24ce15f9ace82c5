"""What viewers see of a session: scores, events, pictures, metrics.

The session only hands over what it has. Viewers read in threads of their own,
and one that is slow finds the newest when it comes back.
"""

import collections
import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from i2v_jax.deploy.stream.event_file import describe_event
from i2v_jax.deploy.stream.events import Event
from i2v_jax.deploy.stream.metrics import describe_metrics
from i2v_jax.deploy.stream.stream import Stream

SPAN, BETWEEN = 60.0, 0.1  # seconds of scores that are kept, and between two
EVENTS = 200  # events and notes in memory
QUALITY = 80  # of JPEG


class Message(NamedTuple):
  """A server-sent event.

  Attributes:
    number: grows.
    text: as it is sent.
  """

  number: int
  text: bytes


class _Picture:
  """The picture of a stream, encoded once however many look at it."""

  def __init__(self):
    self._lock, self._encoded, self._of = threading.Lock(), b'', None

  def encode(self, image: np.ndarray) -> bytes:
    with self._lock:
      if self._of is not image:
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        flags = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        self._encoded = cv2.imencode('.jpg', bgr, flags)[1].tobytes()
        self._of = image
      return self._encoded


class Hub:
  """A listener that keeps the last minute for viewers.

  Attributes:
    number: of the last message.
    viewers: number of those who look.
    closed: whether the session has ended.
  """

  def __init__(self):
    self._changed, self.number = threading.Condition(), 0
    self._streams: Sequence[Stream] = ()
    self._states: list[Message | None] = []
    self._known: list[str] = []
    self._scores: list[collections.deque[Message]] = []
    self._last: list[tuple[int, float] | None] = []
    self._sent: collections.deque[Message] = collections.deque(maxlen=EVENTS)
    self._pictures: list[_Picture] = []
    self.viewers, self.closed = 0, False

  def begin(self, streams: Sequence[Stream]) -> None:
    length = round(SPAN / BETWEEN)
    self._scores = [collections.deque(maxlen=length) for _ in streams]
    self._last = [None] * len(streams)
    self._states = [None] * len(streams)
    self._known = [''] * len(streams)
    self._pictures = [_Picture() for _ in streams]
    self._streams = streams
    names = [stream.name for stream in streams]
    with self._changed:
      shown = {'sources': names, 'span': SPAN}
      self._states.append(self._make('session', shown))
      self._changed.notify_all()

  def hear_scores(self, stream: Stream, events: Sequence[Event]) -> None:
    with self._changed:
      for event in events:
        shown = describe_event(stream, event) | {
          'number': stream.number,
          'seconds': event.seconds,
          'text': event.text,
        }
        self._sent.append(self._make('change', shown))
      if self._is_due(stream):
        self._scores[stream.number].append(
          self._make('scores', describe_scores(stream))
        )

  def hear_note(self, stream: Stream, note: str) -> None:
    with self._changed:
      shown = {'number': stream.number, 'seconds': stream.seconds, 'text': note}
      self._sent.append(self._make('note', shown))

  def tick(self) -> None:
    with self._changed:
      self._send_states()
      self._changed.notify_all()  # once for all that a step has given

  def close(self) -> None:
    with self._changed:
      self.closed = True
      self._send_states()
      self._sent.append(self._make('end', {}))
      self._changed.notify_all()

  def _send_states(self) -> None:
    """Sends states that have changed; only the newest are kept."""
    for number, stream in enumerate(self._streams):
      if stream.state != self._known[number]:
        self._known[number] = stream.state
        shown = {'number': number, 'state': stream.state}
        self._states[number] = self._make('state', shown)

  def _make(self, kind: str, value: dict[str, Any]) -> Message:
    self.number += 1
    return Message(self.number, encode_message(kind, value))

  def _is_due(self, stream: Stream) -> bool:
    """Whether the scores of a stream are kept: those of 10 frames a second."""
    if stream.frame is None:
      return False
    now = stream.frame.epoch, stream.frame.seconds
    last = self._last[stream.number]
    if last and now[0] == last[0] and now[1] - last[1] < BETWEEN - 1e-6:
      return False
    self._last[stream.number] = now
    return True

  @contextlib.contextmanager
  def count_viewer(self) -> Iterator[None]:
    """Counts one who looks, as long as it does."""
    with self._changed:
      self.viewers += 1
      self._changed.notify_all()
    try:
      yield
    finally:
      with self._changed:
        self.viewers -= 1
        self._changed.notify_all()

  def wait_empty(self, seconds: float) -> None:
    """Waits until viewers have taken the last messages, or so many seconds."""
    with self._changed:
      self._changed.wait_for(
        lambda: not (self.closed and self.viewers), seconds
      )

  def wake(self) -> None:
    """Lets viewers who wait see whether they are to leave."""
    with self._changed:
      self._changed.notify_all()

  def wait_after(
    self, number: int, seconds: float, leave: Callable[[], bool] = lambda: False
  ) -> list[Message]:
    """Waits for messages after that number; those kept, in order.

    Args:
      number: of the last message that was sent; 0 for all.
      seconds: to wait at most.
      leave: whether to wait no longer.
    """
    with self._changed:
      self._changed.wait_for(
        lambda: self.number > number or self.closed or leave(), seconds
      )
      kept = [*_find_newer(self._sent, number)]
      for scores in self._scores:
        kept += _find_newer(scores, number)
      kept += (m for m in self._states if m and m.number > number)
    return sorted(kept)

  def find_picture(self, number: int) -> bytes | None:
    """The newest picture of a stream as JPEG; None without any."""
    if not 0 <= number < len(self._streams):
      return None
    frame = self._streams[number].frame
    if frame is None or frame.picture is None:
      return None
    return self._pictures[number].encode(frame.picture)

  def describe_metrics(self) -> str:
    """The text of `/metrics`."""
    return describe_metrics(self._streams, self.viewers)


def _find_newer(
  messages: collections.deque[Message], number: int
) -> Iterator[Message]:
  """The messages after a number, the newest first."""
  return itertools.takewhile(lambda m: m.number > number, reversed(messages))


def describe_scores(stream: Stream) -> dict[str, Any]:
  """Makes the JSON of the scores of the last frame."""
  return {
    'number': stream.number,
    'seconds': round(stream.seconds, 3),
    'top': [[name, round(score, 4)] for name, score in stream.top],
    'rate': round(stream.rate, 2),
    'latency': round(stream.latency, 4),
    'dropped': stream.dropped,
  }


def encode_message(kind: str, value: dict[str, Any]) -> bytes:
  """Encodes a server-sent event."""
  return f'event: {kind}\ndata: {json.dumps(value)}\n\n'.encode()
