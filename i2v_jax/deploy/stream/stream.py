"""The state of a stream: its scores, its rate, how late it is."""

import collections
import dataclasses
import statistics
import time

import numpy as np

from i2v_jax.data.live.inbox import Frame
from i2v_jax.data.live.reader import Reader
from i2v_jax.deploy.prediction.results import Named, choose_best
from i2v_jax.deploy.prediction.timeline import Rules
from i2v_jax.deploy.stream.events import Event, EventFinder

RECENT = 30  # frames over which rate and latency are measured
TOP = 5  # classes that are shown
STALL = 5.0  # seconds without a frame after which that is said


@dataclasses.dataclass
class Stream:
  """A stream of frames and what is seen in it.

  Attributes:
    number: in the batch.
    reader: of its source.
    rules: how its events are found.
    frame: the last one that was scored.
    top: the most probable classes with their probabilities.
    frames: number of those that were scored.
    resets: how often it started over.
    events: number of events so far.
    stalled: seconds of `time.monotonic` of its last frame once it has been
      reported that no other comes, 0 else.
    finished: whether its events have ended since its last frame.
  """

  number: int
  reader: Reader
  rules: Rules
  frame: Frame | None = None
  top: tuple[Named, ...] = ()
  frames: int = 0
  resets: int = 0
  events: int = 0
  stalled: float = 0.0
  finished: bool = True

  def __post_init__(self):
    self._finder, self._slow = None, False
    self._choose = choose_best(self.rules.class_names, TOP)
    self._done = collections.deque(maxlen=RECENT)
    self._late = collections.deque(maxlen=RECENT)

  @property
  def name(self) -> str:
    """Of the source."""
    return self.reader.name

  @property
  def seconds(self) -> float:
    """Of the last frame that was scored."""
    return self.frame.seconds if self.frame else 0.0

  @property
  def rate(self) -> float:
    """Frames scored a second, of late."""
    span = self._done[-1] - self._done[0] if len(self._done) > 1 else 0.0
    return (len(self._done) - 1) / span if span else 0.0

  @property
  def latency(self) -> float:
    """Seconds from the arrival of a frame to its scores; the recent median."""
    return statistics.median(self._late) if self._late else 0.0

  @property
  def dropped(self) -> int:
    """Frames that were replaced by newer ones before they were scored."""
    return self.reader.inbox.dropped[self.number]

  @property
  def state(self) -> str:
    """What its source does, in one word."""
    reader = self.reader
    if reader.ended:
      return 'failed' if reader.failure else 'ended'
    if not reader.heard:
      return 'opening'
    if not reader.connected:
      return 'lost'
    if self.stalled:
      return 'stalled'
    return 'live' if reader.live else 'playing'

  def is_fresh(self, frame: Frame) -> bool:
    """Whether a frame does not continue the one before."""
    return self.frame is None or frame.epoch != self.frame.epoch

  def take(self, frame: Frame, scores: np.ndarray, fresh: bool) -> list[Event]:
    """Takes a frame with its probabilities [classes]; returns its events."""
    if self._finder is None:
      self._finder = EventFinder(self.rules, 1 / self.reader.rate)
    self.resets += fresh and self.frame is not None
    self.frame, self.frames = frame, self.frames + 1
    self.finished = False
    self.top = self._choose(scores)
    now = time.monotonic()
    self._done.append(now)
    self._late.append(now - frame.arrived)
    return self._count(self._finder.take(frame.seconds, scores, fresh))

  def is_over(self) -> bool:
    """Whether no frame of it comes: it has ended, is lost or silent."""
    # Asked in this order: what a reader has put before it ended is there.
    reader = self.reader
    over = reader.ended or not reader.connected or bool(self.stalled)
    return over and not self.finished and not reader.inbox.holds(self.number)

  def finish(self) -> list[Event]:
    """Ends all events, after the last frame."""
    self.finished = True
    return self._count(self._finder.finish()) if self._finder else []

  def _count(self, events: list[Event]) -> list[Event]:
    self.events += len(events)
    return events

  def watch(self, now: float) -> list[str]:
    """Reports what is noticed for the first time, a sentence each.

    Args:
      now: seconds of `time.monotonic`.
    """
    return [*filter(None, (self._watch_silence(now), self._watch_drops()))]

  def _watch_drops(self) -> str:
    """Reports once that most frames are dropped."""
    if self._slow or self.dropped <= max(self.frames, RECENT):
      return ''
    self._slow = True
    return (
      f'{self.name}: the model takes {self.rate:.3g} frames a second of '
      f'{self.reader.rate:.3g}, and sees the newest only; give a lower --rate, '
      'or train with it'
    )

  def _watch_silence(self, now: float) -> str:
    """Reports that frames have stopped coming, or come again."""
    reader = self.reader
    silent = now - reader.heard
    if self.stalled and (reader.ended or not reader.connected):
      self.stalled = 0.0  # which the reader reports
    elif self.stalled and silent < STALL:
      since, self.stalled = now - self.stalled, 0.0
      return f'{self.name}: frames again after {since:.0f} s'
    elif not self.stalled and reader.connected and silent >= self._patience:
      self.stalled = reader.heard
      return f'{self.name}: no frame for {silent:.0f} s; waiting'
    return ''

  @property
  def _patience(self) -> float:
    return max(STALL, 3 / self.reader.rate)
