"""Tracks: the boxes of one person or thing at several key frames."""

import bisect
import itertools
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.training.evaluation.overlaps import compute_overlaps

LEAST = 0.3  # intersection over union of two boxes of a track
GAP = 2.0  # seconds between two key frames, above which a track ends
HOLD = 0.5  # seconds for which a box is shown before and after its key frame


class Moment(NamedTuple):
  """A box of a track at a key frame, and what is said of it.

  Attributes:
    seconds: from the first frame of the video.
    box: x1, y1, x2, y2 in shares of the frame.
    words: lines.
  """

  seconds: float
  box: np.ndarray
  words: Sequence[str]


def link(
  times: Sequence[float],
  boxes: Sequence[np.ndarray],
  taken: Collection[str] = (),
) -> list[list[str]]:
  """Names boxes, those that overlap from one key frame to the next alike.

  The pair that overlaps most is linked first, and each box once. Names are
  numbers from 1.

  Args:
    times: seconds of the key frames, ascending.
    boxes: of each key frame, [n, 4] in shares of the frame.
    taken: names that others have.

  Returns:
    For each key frame the names of its boxes.
  """
  names = []
  unused = (name for name in map(str, itertools.count(1)) if name not in taken)
  for place, here in enumerate(boxes):
    found = [''] * len(here)
    if place and times[place] - times[place - 1] <= GAP:
      for before, now in _match(boxes[place - 1], here):
        found[now] = names[-1][before]
    names.append([name or next(unused) for name in found])
  return names


def _match(before: np.ndarray, now: np.ndarray) -> list[tuple[int, int]]:
  """Matches boxes of two key frames, the best pairs first."""
  if not len(before) or not len(now):
    return []
  rows, columns = np.indices((len(before), len(now))).reshape(2, -1)
  overlaps = compute_overlaps(before[rows], now[columns])
  pairs, used = [], (set(), set())
  for place in np.argsort(-overlaps, kind='stable'):
    pair = int(rows[place]), int(columns[place])
    if overlaps[place] < LEAST:
      break
    if pair[0] not in used[0] and pair[1] not in used[1]:
      pairs.append(pair)
      used[0].add(pair[0])
      used[1].add(pair[1])
  return pairs


def find_moment(track: Sequence[Moment], seconds: float) -> Moment | None:
  """Finds what a track shows at a time; None if it is not there.

  Between two key frames no further apart than `GAP` the box moves evenly, and
  the words are those of the nearer one.

  Args:
    track: its moments, by time.
    seconds: from the first frame of the video.
  """
  after = bisect.bisect_right(track, seconds, key=lambda m: m.seconds)
  around = track[max(after - 1, 0) : after + 1]
  nearest = min(around, key=lambda moment: abs(moment.seconds - seconds))
  first, last = around[0], around[-1]
  inside = first.seconds <= seconds <= last.seconds
  if inside and 0 < last.seconds - first.seconds <= GAP:
    share = (seconds - first.seconds) / (last.seconds - first.seconds)
    box = (1 - share) * first.box + share * last.box
    return Moment(seconds, box, nearest.words)
  return nearest if abs(nearest.seconds - seconds) <= HOLD else None
