"""Segments of a stream, as soon as they begin and end.

They are those that `prediction.timeline.find_segments` finds in the same
probabilities, once all are known.
"""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.background import is_background
from i2v_jax.deploy.prediction.timeline import ROUNDING, Rules
from i2v_jax.deploy.prediction.timeline_bars import format_time

BEGIN, END = 'begin', 'end'


class Event(NamedTuple):
  """A class begins to hold, or ends.

  Attributes:
    kind: `begin` or `end`.
    name: of the class.
    start: seconds of the stream at which it began.
    end: seconds at which it ended, None if it begins.
    score: probability of its first frame; at its end, the mean.
  """

  kind: str
  name: str
  start: float
  end: float | None
  score: float

  @property
  def seconds(self) -> float:
    """When it happened, seconds of the stream."""
    return self.start if self.end is None else self.end

  @property
  def text(self) -> str:
    """What happened, for people."""
    if self.end is None:
      return f'{self.name} begins, {self.score:.0%}'
    lasted = format_time(self.end - self.start)
    return f'{self.name} ends after {lasted}, mean {self.score:.0%}'


@dataclasses.dataclass
class _Segment:
  """A segment that may continue.

  Attributes:
    start: seconds.
    first: probability at `start`.
    stop: end of its last run so far, seconds.
    running: whether the class holds now.
    blocked: whether another class has had the gap since `stop`.
    reported: whether its beginning has been reported.
    total: probability times seconds, up to `stop`.
    gap: the same since then.
  """

  start: float
  first: float
  stop: float
  running: bool = True
  blocked: bool = False
  reported: bool = False
  total: float = 0.0
  gap: float = 0.0


class EventFinder:
  """Finds the events of one stream.

  A beginning is reported once the segment has its least length, an end once no
  gap can be joined any more.

  Args:
    rules: how segments are found.
    period: seconds that the last frame before an end or a new start lasts.
  """

  def __init__(self, rules: Rules, period: float):
    self._rules, self._period = rules, period
    shown = [not is_background(name) for name in rules.class_names]
    self._shown = np.array(shown)
    self._segments: dict[int, _Segment] = {}
    self._time, self._scores = 0.0, None

  def take(
    self, seconds: float, scores: np.ndarray, fresh: bool = False
  ) -> list[Event]:
    """Takes the next frame; returns what it begins and ends.

    Args:
      seconds: of the frame, later than that of the one before.
      scores: probabilities [classes] from then on.
      fresh: whether it does not continue the frames before.
    """
    found = self.finish() if fresh else []
    self._lengthen(seconds)
    self._time, self._scores = seconds, scores
    found += self._move(scores)
    return found

  def finish(self) -> list[Event]:
    """Ends all segments, after the last frame."""
    self._lengthen(self._time + self._period)
    found = [
      event
      for label, segment in sorted(self._segments.items())
      for event in self._end(label, segment)
    ]
    self._segments, self._scores = {}, None
    return found

  def _lengthen(self, seconds: float) -> None:
    """Lets the last frame last until `seconds`."""
    if self._scores is None:
      return
    for label, segment in self._segments.items():
      area = float(self._scores[label]) * (seconds - self._time)
      if segment.running:
        segment.total, segment.stop = segment.total + area, seconds
      else:
        segment.gap += area

  def _move(self, scores: np.ndarray) -> list[Event]:
    rules, held = self._rules, np.asarray(scores, np.float64)
    if rules.exclusive:
      held = np.where(np.arange(len(held)) == held.argmax(), held, -1.0)
    reaches = self._shown & (held >= rules.thresholds)
    stays = held >= rules.thresholds * rules.stay
    labels = sorted({*self._segments, *np.flatnonzero(reaches).tolist()})
    found = []
    for label in labels:
      found += self._move_class(label, bool(reaches[label]), stays[label])
    if rules.exclusive:
      self._block()
    for label in labels:
      found += self._report(label)
    return sorted(found, key=_find_order)

  def _move_class(self, label: int, reaches: bool, stays: bool) -> list[Event]:
    segment, found = self._segments.get(label), []
    if segment and segment.running and not stays:
      segment.running, segment.blocked, segment.gap = False, False, 0.0
    if not reaches or (segment and segment.running):
      return found
    if segment and self._joins(segment):
      segment.running, segment.stop = True, self._time
      segment.total += segment.gap
      return found
    if segment:
      found += self._end(label, segment)
    first = float(self._scores[label])
    self._segments[label] = _Segment(self._time, first, self._time)
    return found

  def _joins(self, segment: _Segment) -> bool:
    gap = self._time - segment.stop
    return gap <= self._rules.max_gap + ROUNDING and not segment.blocked

  def _block(self) -> None:
    """Blocks the gaps of those that wait while another class holds."""
    if any(segment.running for segment in self._segments.values()):
      for segment in self._segments.values():
        segment.blocked |= not segment.running

  def _report(self, label: int) -> list[Event]:
    """Reports what is certain of a class by now."""
    segment, found = self._segments[label], []
    if not segment.reported and self._is_long(segment):
      found.append(self._begin(label, segment))
    over = self._time - segment.stop > self._rules.max_gap - ROUNDING
    if not segment.running and (over or segment.blocked):
      del self._segments[label]
      found += self._end(label, segment)
    return found

  def _is_long(self, segment: _Segment) -> bool:
    return segment.stop - segment.start >= self._rules.min_length - ROUNDING

  def _begin(self, label: int, segment: _Segment) -> Event:
    segment.reported = True
    name = self._rules.class_names[label]
    return Event(BEGIN, name, segment.start, None, segment.first)

  def _end(self, label: int, segment: _Segment) -> Iterator[Event]:
    if not self._is_long(segment):
      return
    if not segment.reported:
      yield self._begin(label, segment)
    name = self._rules.class_names[label]
    score = segment.total / (segment.stop - segment.start)
    yield Event(END, name, segment.start, segment.stop, score)


def _find_order(event: Event) -> tuple[float, bool]:
  """By time; what ends comes before what begins then."""
  return event.seconds, event.end is None
