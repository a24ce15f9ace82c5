"""Frames of all sources, in one batch, to those who listen."""

import contextlib
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.data.live.inbox import Frame, Inbox
from i2v_jax.data.live.reader import Reader
from i2v_jax.data.live.sources import Source
from i2v_jax.deploy.prediction.timeline import Rules
from i2v_jax.deploy.stream.events import Event
from i2v_jax.deploy.stream.recogniser import Recogniser
from i2v_jax.deploy.stream.stream import Stream
from i2v_jax.runtime.errors import NonFiniteError
from i2v_jax.runtime.signals import Stopping

LAST = 1.0  # seconds in which sources are closed
LINGER = 0.25  # of the time between two frames, for those of other sources
WAIT = 0.1  # seconds after which signals and silent sources are looked at


class Listener(Protocol):
  """Hears what happens, in the thread of the session."""

  def begin(self, streams: Sequence[Stream]) -> None:
    """The session begins."""

  def hear_scores(self, stream: Stream, events: Sequence[Event]) -> None:
    """A frame was scored, or the last events of a stream ended."""

  def hear_note(self, stream: Stream, note: str) -> None:
    """A source was lost, found, changed or ended."""

  def tick(self) -> None:
    """Some time has passed."""

  def close(self) -> None:
    """The session has ended."""


class Session:
  """Streams that share a model.

  Args:
    recogniser: for as many streams as there are sources.
    sources: the sources.
    options: how they are read.
    rules: how events are found.
    listeners: those that hear what happens.

  Attributes:
    streams: in the order of the sources.
  """

  def __init__(
    self,
    recogniser: Recogniser,
    sources: Sequence[Source],
    options: ReadOptions,
    rules: Rules,
    listeners: Sequence[Listener] = (),
  ):
    self._recogniser, self._listeners = recogniser, listeners
    self._inbox, size = Inbox(len(sources)), options.spec.image_size
    self._together = [
      options.fast and source.kind in ('file', 'folder') for source in sources
    ]
    self._frames = np.zeros((len(sources), size, size, 3), np.uint8)
    self.streams = [
      Stream(number, Reader(number, source, self._inbox, options), rules)
      for number, source in enumerate(sources)
    ]

  def run(self, stopping: Stopping) -> int:
    """Runs until all sources have ended, or a signal; returns how many failed.

    Raises:
      NonFiniteError: the model gives non-finite probabilities.
    """
    with contextlib.ExitStack() as stack:  # what fails leaves nothing open
      for listener in self._listeners:
        stack.callback(listener.close)
      for listener in self._listeners:
        listener.begin(self.streams)
      self._warm_up()
      stack.callback(self._report_last)
      stack.callback(self._close_sources)
      for stream in self.streams:
        stream.reader.start()
      while not (self._inbox.finished or stopping.requested):
        self._step(self._take())
        self._report_notes()
        self._report_ends()
    return sum(bool(stream.reader.failure) for stream in self.streams)

  def _take(self) -> list[Frame | None]:
    """Takes the new frames; of live sources those that come at once.

    They come at any time, each alone; every step costs the whole batch.
    """
    live = [s.reader.live and s.state == 'live' for s in self.streams]
    rates = [s.reader.rate for s in self.streams if live[s.number]]
    linger = LINGER / max(rates) if len(rates) > 1 else 0.0
    return self._inbox.take(WAIT, self._together, linger, live)

  def _close_sources(self) -> None:
    self._inbox.close()
    for stream in self.streams:
      stream.reader.stop()
    end = time.monotonic() + LAST
    for stream in self.streams:
      stream.reader.close(max(end - time.monotonic(), 0))

  def _report_last(self) -> None:
    try:
      self._report_notes()
    finally:
      for stream in self.streams:
        if not stream.finished:
          self._report(stream, stream.finish())

  def _report_ends(self) -> None:
    """Reports the ends of events of which no further frame comes."""
    for stream in self.streams:
      if stream.is_over():
        self._report(stream, stream.finish())

  def _step(self, frames: list[Frame | None]) -> None:
    present = np.array([frame is not None for frame in frames])
    if not present.any():
      return
    fresh = np.zeros_like(present)
    for number in np.flatnonzero(present).tolist():
      self._frames[number] = frames[number].view
      fresh[number] = self.streams[number].is_fresh(frames[number])
    scores = np.asarray(self._recogniser.step(self._frames, fresh, present))
    for number in np.flatnonzero(present).tolist():
      stream = self.streams[number]
      _check_finite(scores[number], stream)
      events = stream.take(frames[number], scores[number], bool(fresh[number]))
      self._report(stream, events)

  def _warm_up(self) -> None:
    """Compiles the step before frames come; no stream has a frame."""
    none = np.zeros(len(self.streams), bool)
    self._recogniser.step(self._frames, none, none)

  def _report(self, stream: Stream, events: Sequence[Event]) -> None:
    for listener in self._listeners:
      listener.hear_scores(stream, events)

  def _report_notes(self) -> None:
    now = time.monotonic()
    for stream in self.streams:
      reader = stream.reader
      if reader.bug:
        raise reader.bug
      notes = [reader.notes.popleft() for _ in range(len(reader.notes))]
      for note in notes + stream.watch(now):
        for listener in self._listeners:
          listener.hear_note(stream, note)
    for listener in self._listeners:
      listener.tick()


def _check_finite(scores: np.ndarray, stream: Stream) -> None:
  if not np.isfinite(scores).all():
    raise NonFiniteError(
      f'The model gives non-finite values for {stream.name!r}; its parameters '
      'have diverged.'
    )
