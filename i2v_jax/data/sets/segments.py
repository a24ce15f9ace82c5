"""Segments: spans of videos, each one example of a split."""

import dataclasses
import hashlib
from typing import NamedTuple

import numpy as np


class VideoFile(NamedTuple):
  """A file that segments are listed in."""

  id: str
  path: str
  duration: float  # Seconds from its first frame to the end of the last.
  group: str = ''  # Of files that belong on one side: a person, a camera.
  reason: str = ''  # Why it cannot be read.


class Labelled(NamedTuple):
  """All listed spans of the files, also those not chosen as examples.

  Attributes:
    video_of: int64 [m], number of each span's file, ascending.
    spans: float64 [m, 2], start and end.
    targets: bool [m, classes].
  """

  video_of: np.ndarray
  spans: np.ndarray
  targets: np.ndarray

  def find_targets(self, video: int, start: float, end: float) -> np.ndarray:
    """Finds the labels that hold for at least half of a time: bool [classes].

    Spans of one label may touch or overlap.
    """
    mine = slice(*np.searchsorted(self.video_of, (video, video + 1)))
    spans, targets = self.spans[mine], self.targets[mine]
    here = (spans[:, 0] < end) & (spans[:, 1] > start)
    spans, targets = spans[here].clip(start, end), targets[here]
    found = np.zeros(self.targets.shape[1], bool)
    for label in np.flatnonzero(targets.any(axis=0)):
      held, _ = measure_union(spans[targets[:, label]])
      found[label] = held >= (end - start) / 2
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Segments:
  """The spans of a split's examples, in seconds from the first frame.

  A span that is drawn is another one each time: it lies where no label holds.

  Attributes:
    footage: all files of the split, those without a label too.
    video_of: int64 [n], number of each example's file in `footage`.
    spans: float64 [n, 2], start and end; NaN where the span is drawn.
    gaps: of each file of `footage` float64 [g, 2], spans without any label in
      which one can be drawn; () if no span is.
    lengths: float64 [k], from which the length of a drawn span is chosen; of
      all listed spans, also those not chosen as examples.
    unread: files that cannot be opened and have no example; no duration.
    labelled: all listed spans of the files.
  """

  footage: tuple[VideoFile, ...]
  video_of: np.ndarray
  spans: np.ndarray
  gaps: tuple[np.ndarray, ...] = ()
  lengths: np.ndarray | None = None
  unread: tuple[VideoFile, ...] = ()
  labelled: Labelled | None = None

  def __len__(self) -> int:
    return len(self.spans)

  @property
  def is_random(self) -> np.ndarray:
    """Whether the span of each example is drawn: bool [n]."""
    return np.isnan(self.spans[:, 0])

  @property
  def median_seconds(self) -> float:
    """Median length of the spans that are listed; 0 if there is none."""
    lengths = np.diff(self.spans[~self.is_random], axis=1)
    return float(np.median(lengths)) if len(lengths) else 0.0

  def choose_span(
    self, index: int, rng: np.random.Generator | None = None
  ) -> tuple[float, float]:
    """Chooses the span of an example: start and end.

    Args:
      index: of the example.
      rng: source of a drawn span; None draws the same one each time.
    """
    start, end = self.spans[index].tolist()
    if start == start:
      return start, end
    rng = np.random.default_rng(index) if rng is None else rng
    return draw_span(self.gaps[self.video_of[index]], self.lengths, rng)

  def choose(self, indices: np.ndarray) -> 'Segments':
    """Chooses some examples; all files stay."""
    return dataclasses.replace(
      self, video_of=self.video_of[indices], spans=self.spans[indices]
    )

  def add_to_hash(self, digest: 'hashlib._Hash') -> None:
    """Adds files and spans to the hash of a split, and gaps if any is drawn."""
    for video in self.footage:
      digest.update(video.id.encode(errors='surrogateescape') + b'\0')
    drawn = (self.lengths, *self.gaps) if self.is_random.any() else ()
    for array in (self.video_of, self.spans, *drawn):
      digest.update(np.ascontiguousarray(array).tobytes())


def name_span(video: str, start: float, end: float) -> str:
  """Names a span, to milliseconds: `a.mp4@1.5-3`."""
  start, end = (f'{x:.3f}'.rstrip('0').rstrip('.') for x in (start, end))
  return f'{video}@{start}-{end}'


def group_spans(
  spans: np.ndarray, video_of: np.ndarray, count: int
) -> list[np.ndarray]:
  """Groups spans by their files: float64 [k, 2] for each of `count`."""
  order = np.argsort(video_of, kind='stable')
  edges = np.searchsorted(video_of[order], np.arange(1, count))
  return np.split(spans[order], edges)


def measure_union(spans: np.ndarray) -> tuple[float, int]:
  """Measures the seconds that spans of a file cover, and counts overlaps.

  Args:
    spans: float64 [n, 2], starts and ends.

  Returns:
    the length of their union, and how many begin inside an earlier one.
  """
  covered, overlaps, until = 0.0, 0, 0.0
  for start, end in sorted(spans.tolist()):
    overlaps += start < until
    covered += max(end - max(start, until), 0.0)
    until = max(until, end)
  return covered, overlaps


def find_gaps(spans: np.ndarray, duration: float, least: float) -> np.ndarray:
  """Finds where none of several spans of a video is: float64 [g, 2].

  Args:
    spans: float64 [n, 2], starts and ends.
    duration: of the video.
    least: seconds of the shortest gap that counts.
  """
  in_order = spans[np.argsort(spans[:, 0])]
  until = np.maximum.accumulate(in_order[:, 1]) if len(spans) else spans[:, 1]
  starts = np.concatenate([[0.0], until])
  ends = np.concatenate([in_order[:, 0], [duration]])
  gaps = np.stack([starts, ends], axis=1)
  lengths = ends - starts
  return gaps[(lengths >= least) & (lengths > 0)]


def draw_span(
  gaps: np.ndarray, lengths: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
  """Draws a span inside one of several gaps: start and end.

  The length is one of `lengths`, but at most that of the longest gap; its start
  is uniform over all places where it fits.

  Args:
    gaps: float64 [g, 2], starts and ends.
    lengths: float64 [k].
    rng: source of both draws.
  """
  longest = np.diff(gaps, axis=1).max()
  length = min(float(rng.choice(lengths)), longest)
  room = np.diff(gaps, axis=1)[:, 0] - length
  fits = room >= 0
  ends = np.cumsum(np.where(fits, room, 0))
  place = rng.random() * ends[-1]
  gap = int(np.searchsorted(ends, place, side='right'))
  if gap == len(gaps):  # no room to move in
    gap = int(np.flatnonzero(fits)[0])
    return float(gaps[gap, 0]), float(gaps[gap, 0]) + length
  start = gaps[gap, 0] + place - (ends[gap - 1] if gap else 0)
  return float(start), float(start) + length
