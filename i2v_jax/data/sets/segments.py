"""Segments: spans of videos, each one example of a split."""

import dataclasses
import hashlib
from typing import NamedTuple

import numpy as np


class Footage(NamedTuple):
  """A file that segments are listed in."""

  id: str
  path: str
  duration: float  # Seconds from its first frame to the end of the last.


@dataclasses.dataclass(frozen=True, eq=False)
class Segments:
  """The spans of a split's examples, in seconds from the first frame.

  A span that is drawn is another one each time: it lies where no label holds.

  Attributes:
    footage: all files of the split, those without a label too.
    video_of: int64 [n], number of each example's file in `footage`.
    spans: float64 [n, 2], start and end; NaN where the span is drawn.
    gaps: of each file of `footage` float64 [g, 2], spans without any label;
      () if no span is drawn.
    lengths: float64 [k], from which the length of a drawn span is chosen.
  """

  footage: tuple[Footage, ...]
  video_of: np.ndarray
  spans: np.ndarray
  gaps: tuple[np.ndarray, ...] = ()
  lengths: np.ndarray | None = None

  def __len__(self) -> int:
    return len(self.spans)

  @property
  def drawn(self) -> np.ndarray:
    """Whether the span of each example is drawn: bool [n]."""
    return np.isnan(self.spans[:, 0])

  def place(
    self, index: int, rng: np.random.Generator | None = None
  ) -> tuple[float, float]:
    """Places the span of an example: start and end.

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

  def update(self, digest: 'hashlib._Hash') -> None:
    """Adds files, spans and gaps to the hash of a split."""
    for video in self.footage:
      digest.update(video.id.encode(errors='surrogateescape') + b'\0')
    for array in (self.video_of, self.spans, *self.gaps):
      digest.update(np.ascontiguousarray(array).tobytes())


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
