"""Rows of boxes -> the key frames they are in, and the boxes of each."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.key_frames import Key, KeyFrames, Rows, Truth


class Boxes(NamedTuple):
  """Boxes, each once, with all their classes.

  Attributes:
    keys: the key frame of each.
    boxes: float64 [R, 4], x1, y1, x2, y2 in shares of the frame.
    labels: bool [R, classes].
    scores: float64 [R].
    persons: [R], '' if they have none.
  """

  keys: Sequence[Key]
  boxes: np.ndarray
  labels: np.ndarray
  scores: np.ndarray
  persons: Sequence[str]

  def choose(self, mask: Sequence[bool]) -> 'Boxes':
    """Chooses the boxes where `mask` is True."""
    mask = np.asarray(mask, bool)
    return Boxes(
      tuple(itertools.compress(self.keys, mask)),
      self.boxes[mask],
      self.labels[mask],
      self.scores[mask],
      tuple(itertools.compress(self.persons, mask)),
    )


def merge(rows: Rows, classes: int, persons: Sequence[str] = ()) -> Boxes:
  """Merges the rows of one box: its classes are those of all its rows.

  Args:
    rows: with one class each, or -1 for none.
    classes: number of classes.
    persons: of the rows; without any, all are ''. A box has that of its first
      row.
  """
  places, first = {}, []
  of_row = np.empty(len(rows.keys), np.int64)
  for number, (key, box) in enumerate(
    zip(rows.keys, map(tuple, rows.boxes.tolist()), strict=True)
  ):
    of_row[number] = place = places.setdefault((key, box), len(places))
    if place == len(first):
      first.append(number)
  labels = np.zeros((len(first), classes), bool)
  acts = rows.labels >= 0
  labels[of_row[acts], rows.labels[acts]] = True
  return Boxes(
    tuple(rows.keys[number] for number in first),
    rows.boxes[first],
    labels,
    rows.scores[first],
    tuple(persons[number] for number in first)
    if persons
    else ('',) * len(first),
  )


def group(
  boxes: Boxes,
  videos: Sequence[str],
  times: Mapping[Key, float],
  truth: Truth,
  **options,
) -> KeyFrames:
  """Groups boxes by their key frames, by video and time.

  Args:
    boxes: in any order; those of a key frame stay in theirs.
    videos: the order of the videos.
    times: of every key frame, as in `KeyFrames`.
    truth, **options: attributes of `KeyFrames`.
  """
  order = {video: place for place, video in enumerate(videos)}
  in_time = lambda key: (order[key[0]], times[key])
  keys = sorted(dict.fromkeys(boxes.keys), key=in_time)
  places = {key: place for place, key in enumerate(keys)}
  of_box = np.array([places[key] for key in boxes.keys], np.int64)
  by_key = np.argsort(of_box, kind='stable')
  counts = np.bincount(of_box, minlength=len(keys))
  return KeyFrames(
    tuple(keys),
    np.array([times[key] for key in keys], np.float64),
    np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    boxes.boxes[by_key].astype(np.float32),
    boxes.labels[by_key],
    boxes.scores[by_key].astype(np.float32),
    tuple(boxes.persons[place] for place in by_key),
    truth,
    **options,
  )
