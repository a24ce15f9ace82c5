"""Key frames: moments of videos, and the boxes that are known there.

Each is one example of a split: a clip around it, and a target for each box.
"""

import dataclasses
import hashlib
import itertools
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

Key = tuple[str, str]  # video and time, as annotations write them


class Rows(NamedTuple):
  """Boxes with one class each, in the order of a file.

  Attributes:
    keys: the key frame of each row.
    boxes: float64 [R, 4], x1, y1, x2, y2 in shares of the frame.
    labels: int64 [R], class of each row; -1 if it has none.
    scores: float64 [R]; 1 for what is annotated.
  """

  keys: Sequence[Key]
  boxes: np.ndarray
  labels: np.ndarray
  scores: np.ndarray

  def choose(self, mask: Sequence[bool]) -> 'Rows':
    """Chooses the rows where `mask` is True."""
    mask = np.asarray(mask, bool)
    keys = tuple(itertools.compress(self.keys, mask))
    return Rows(keys, *(array[mask] for array in self[1:]))


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
  """What an evaluation compares with.

  Attributes:
    rows: every annotated box and class.
    excluded: key frames that do not count, neither their truth nor what a
      model finds there.
    evaluated: bool [classes], classes of which the mean is taken.
  """

  rows: Rows
  excluded: frozenset[Key]
  evaluated: np.ndarray

  def keep_videos(self, videos: Collection[str]) -> 'Truth':
    """Keeps the truth of some videos."""
    kept = [key[0] in videos for key in self.rows.keys]
    excluded = frozenset(key for key in self.excluded if key[0] in videos)
    return Truth(self.rows.choose(kept), excluded, self.evaluated)

  @property
  def keys(self) -> dict[Key, None]:
    """The key frames that count and have a class, in order."""
    found = dict.fromkeys(self.rows.keys)
    return {key: None for key in found if key not in self.excluded}


@dataclasses.dataclass(frozen=True, eq=False)
class KeyFrames:
  """The key frames of a split, one for each of its examples.

  The boxes of all are one table of R rows, those of key frame i from `ends[i]`
  to `ends[i + 1]`.

  Attributes:
    keys: name of each, in the order of the split's examples.
    times: float64 [n], seconds from the first frame of its file; if files are
      of one second, the second that the key frame is the first frame of.
    ends: int64 [n + 1], from 0 to R.
    boxes: float32 [R, 4], x1, y1, x2, y2 in shares of the frame, whose corners
      are at (0, 0) and (1, 1).
    labels: bool [R, classes]; all False for proposals.
    scores: float32 [R], of whoever found the box; 1 for what is annotated.
    persons: name of each box's person or thing, '' if it has none: [R].
    truth: of an evaluation.
    source: where the boxes come from: 'annotations', or the name of a file.
    seconds: whether paths are folders of files `<second>.mp4`.
  """

  keys: Sequence[Key]
  times: np.ndarray
  ends: np.ndarray
  boxes: np.ndarray
  labels: np.ndarray
  scores: np.ndarray
  persons: Sequence[str]
  truth: Truth
  source: str = 'annotations'
  seconds: bool = False

  def __len__(self) -> int:
    return len(self.keys)

  def rows(self, index: int) -> slice:
    """The rows of the boxes of key frame `index`."""
    return slice(int(self.ends[index]), int(self.ends[index + 1]))

  @property
  def most_boxes(self) -> int:
    """Number of boxes of the key frame that has most."""
    return int(np.diff(self.ends).max(initial=0))

  def keep_videos(self, videos: Collection[str]) -> 'KeyFrames':
    """Keeps the key frames of some videos, and their truth."""
    kept = np.array([key[0] in videos for key in self.keys], bool)
    chosen = np.repeat(kept, np.diff(self.ends))
    counts = np.diff(self.ends)[kept]
    pick = lambda names, mask: tuple(itertools.compress(names, mask))
    return dataclasses.replace(
      self,
      keys=pick(self.keys, kept),
      times=self.times[kept],
      ends=np.concatenate([[0], np.cumsum(counts)]),
      boxes=self.boxes[chosen],
      labels=self.labels[chosen],
      scores=self.scores[chosen],
      persons=pick(self.persons, chosen),
      truth=self.truth.keep_videos(videos),
    )

  def add_to_hash(self, digest: 'hashlib._Hash') -> None:
    """Adds times, boxes, targets and truth to the hash of a split."""
    for name in ('times', 'ends', 'boxes', 'labels', 'scores'):
      digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
    rows = self.truth.rows
    for array in (rows.boxes, rows.labels, self.truth.evaluated):
      digest.update(np.ascontiguousarray(array).tobytes())
    for key in (*self.keys, *rows.keys, *sorted(self.truth.excluded)):
      digest.update('\0'.join(key).encode(errors='surrogateescape'))


def make_rows(keys: Sequence[Key], boxes, labels, scores=None) -> Rows:
  """Makes `Rows` of lists; without `scores` these are 1."""
  scores = np.ones(len(keys)) if scores is None else scores
  return Rows(
    keys,
    np.asarray(boxes, np.float64).reshape(-1, 4),
    np.asarray(labels, np.int64),
    np.asarray(scores, np.float64),
  )
