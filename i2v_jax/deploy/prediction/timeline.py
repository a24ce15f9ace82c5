"""Timelines: scores of windows become segments of classes."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets.background import is_background
from i2v_jax.runtime import ranges

STAY = 0.7  # of its threshold, down to which a segment that has begun lasts
ROUNDING = 1e-6  # seconds

Run = tuple[int, int]  # First cell, and the one after the last.


class Segment(NamedTuple):
  """A time in which a class holds.

  Attributes:
    name: of the class.
    start: seconds from the first frame of the video.
    end: the same.
    score: mean probability of the class.
  """

  name: str
  start: float
  end: float
  score: float


@dataclasses.dataclass(frozen=True, eq=False)
class Rules:
  """How segments are found.

  Attributes:
    class_names: in label order.
    thresholds: float64 [classes]; a segment begins where the probability is at
      least that.
    exclusive: whether each moment has the one class that is most probable.
    stay: share of its threshold down to which a segment lasts.
    min_length: seconds; shorter segments are dropped.
    max_gap: seconds; two segments of a class no further apart are one.
  """

  class_names: tuple[str, ...]
  thresholds: np.ndarray
  exclusive: bool
  stay: float = STAY
  min_length: float = 0.0
  max_gap: float = 0.0

  def __post_init__(self):
    ranges.SHARE('--stay', self.stay)
    ranges.NOT_NEGATIVE('--min-length', self.min_length)
    ranges.NOT_NEGATIVE('--max-gap', self.max_gap)


@dataclasses.dataclass(frozen=True)
class Timeline:
  """The segments of a video.

  Attributes:
    file: its path.
    segments: by start, then in label order.
    duration: seconds of the video.
    error: why there is no timeline, or ''.
  """

  file: str
  segments: tuple[Segment, ...] = ()
  duration: float = 0.0
  error: str = ''

  def to_json(self) -> dict[str, Any]:
    """Makes what `i2v predict --timeline --json` prints of it."""
    if self.error:
      return {'file': self.file, 'error': self.error}
    return {
      'file': self.file,
      'duration': round(self.duration, 3),
      'segments': [
        {
          'class': segment.name,
          'start': round(segment.start, 3),
          'end': round(segment.end, 3),
          'score': round(segment.score, 6),
        }
        for segment in self.segments
      ],
    }


def make_timeline(
  file: str,
  seconds: np.ndarray,
  scores: np.ndarray,
  step: float | None,
  rules: Rules,
) -> Timeline:
  """Makes the timeline of a video.

  Args:
    file: its path.
    seconds: [n, 2], start and end of its windows, by time.
    scores: [n, classes], their probabilities.
    step: seconds from one window to the next, the length of a cell; None for
      half of the first window.
    rules: how segments are found.

  Returns:
    One with an error, if the video has a single window.
  """
  length = float(seconds[0, 1] - seconds[0, 0])
  if len(seconds) == 1:
    problem = (
      f'{file} lasts {length:.2f} s, no longer than a window, which gives no '
      'timeline; give a shorter --window, or leave --timeline out'
    )
    return Timeline(file, error=problem)
  edges, cells = spread(seconds, scores, step or length / 2)
  segments = find_segments(edges, cells, rules)
  return Timeline(file, tuple(segments), float(edges[-1]))


def spread(
  seconds: np.ndarray, scores: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
  """Spreads scores of windows over time.

  A cell gets the mean of the windows that overlap it, weighted by the time they
  have in common.

  Args:
    seconds: [n, 2], start and end of each window, by time.
    scores: [n, classes].
    step: seconds of a cell; the last one may be shorter.

  Returns:
    `(edges, cells)`: float64 [m + 1] seconds, and float64 [m, classes].
  """
  first, last = seconds[0, 0], seconds[:, 1].max()
  edges = np.append(np.arange(first, last - ROUNDING, step), last)
  total = np.zeros((len(edges) - 1, scores.shape[1]))
  weight = np.zeros((len(edges) - 1, 1))
  begin = np.searchsorted(edges, seconds[:, 0], side='right') - 1
  stop = np.searchsorted(edges, seconds[:, 1])
  for place in range((stop - begin).max()):  # the first cell of each, and on
    here = np.flatnonzero(begin + place < stop)
    cell = begin[here] + place
    left = np.maximum(edges[cell], seconds[here, 0])
    common = (np.minimum(edges[cell + 1], seconds[here, 1]) - left)[:, None]
    np.add.at(total, cell, common * scores[here])
    np.add.at(weight, cell, common)
  return edges, total / np.maximum(weight, ROUNDING)


def find_segments(
  edges: np.ndarray, cells: np.ndarray, rules: Rules
) -> list[Segment]:
  """Finds the segments of all classes.

  Args:
    edges: float64 [m + 1], seconds.
    cells: [m, classes], probabilities between them.
    rules: how they are found.

  Returns:
    By start, then in label order.
  """
  shown = [not is_background(name) for name in rules.class_names]
  held = cells
  if rules.exclusive:
    best = cells.argmax(axis=1)[:, None] == np.arange(cells.shape[1])
    held = np.where(best, cells, -1.0)
  runs = {
    label: _find_runs(held[:, label], rules.thresholds[label], rules.stay)
    for label in np.flatnonzero(shown).tolist()
  }
  taken = np.zeros(len(cells), bool)
  if rules.exclusive:
    for run in (run for found in runs.values() for run in found):
      taken[slice(*run)] = True
  found = []
  for label, name in enumerate(rules.class_names):
    for start, stop in _join(runs.get(label, []), edges, taken, rules.max_gap):
      lengths = np.diff(edges[start : stop + 1])
      if lengths.sum() >= rules.min_length - ROUNDING:
        score = np.average(cells[start:stop, label], weights=lengths)
        found.append(
          Segment(name, float(edges[start]), float(edges[stop]), float(score))
        )
  return sorted(found, key=lambda segment: segment.start)


def _find_runs(scores: np.ndarray, threshold: float, stay: float) -> list[Run]:
  """Finds cells from one at the threshold on, as long as they stay above."""
  above = np.concatenate([[False], scores >= threshold * stay, [False]])
  edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
  found = []
  for start, stop in edges.tolist():
    begins = np.flatnonzero(scores[start:stop] >= threshold)
    if len(begins):
      found.append((start + int(begins[0]), stop))
  return found


def _join(
  runs: Sequence[Run], edges: np.ndarray, taken: np.ndarray, max_gap: float
) -> list[Run]:
  """Joins runs across gaps in which no other class has the moment."""
  joined: list[Run] = []
  for start, stop in runs:
    if joined:
      begin, end = joined[-1]
      gap = edges[start] - edges[end]
      if gap <= max_gap + ROUNDING and not taken[end:start].any():
        joined[-1] = begin, stop
        continue
    joined.append((start, stop))
  return joined
