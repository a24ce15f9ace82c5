"""Which detections are right, and in what order they count.

By default the rules are those of the evaluator that AlphAction and VideoMAE's
action detection use for AVA. It descends from ActivityNet's script, whose
present rules are the options `most_rows=50` and `ignore_unknown=True`.

Equal scores are ranked as a stable ascending sort, then reversed, ranks them:
first within a key frame, and then over all, the key frames in the order in
which detections first name them. So the order of the detections matters where
scores are equal. Processes that share the work therefore restore one order
before they call: key frames as in the split, the boxes of each as in the
split, the classes of each box ascending.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.key_frames import Key, Rows
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.evaluation.overlaps import find_best


class Ranking(NamedTuple):
  """The detections that count: by class, and in each class the best first.

  Attributes:
    rows: int64 [D], row of each among all detections.
    labels: int64 [D], class of each, ascending.
    truth_rows: int64 [D], row of the annotated box of its class and key frame
      that it overlaps most; -1 if by less than the threshold.
    hits: bool [D], whether it is the best of those on that annotated box.
    counted: int64 [N], rows of the truth that count.
    instances: int64 [classes], how many those are of each class.
    left_out: number of detections that do not count, by reason.
  """

  rows: np.ndarray
  labels: np.ndarray
  truth_rows: np.ndarray
  hits: np.ndarray
  counted: np.ndarray
  instances: np.ndarray
  left_out: dict[str, int]


def rank(
  truth: Rows,
  found: Rows,
  excluded: Collection[Key],
  evaluated: np.ndarray,
  *,
  iou: float = 0.5,
  most_rows: int = 0,
  ignore_unknown: bool = False,
) -> Ranking:
  """Ranks detections and decides which of them are right.

  A detection is compared with one annotated box only: the one of its class and
  key frame that it overlaps most, the first of several. Empty detections do
  not count. An annotated row that is there twice is to be found twice.

  Args:
    truth: annotated boxes; keys are equal only if written alike.
    found: detections, in the order that the docstring of the module states.
    excluded: key frames that do not count, on either side.
    evaluated: bool [classes]; rows of other classes do not count either.
    iou: least intersection over union of a hit, inclusive.
    most_rows: detections of a key frame that count, those of highest score;
      0: all.
    ignore_unknown: whether detections on key frames without a row of truth, of
      any class, are ignored rather than wrong.

  Raises:
    UserError: a number is not finite, or a box of the truth has swapped
      corners; names its key frame.
  """
  evaluated = np.asarray(evaluated, bool)
  _check(truth, found, len(evaluated))
  numbers: dict[Key, int] = {}
  frames = (_number(truth.keys, numbers), _number(found.keys, numbers))
  out = np.fromiter((key in excluded for key in numbers), bool, len(numbers))
  counted = np.flatnonzero(evaluated[truth.labels] & ~out[frames[0]])
  wrong = {
    'on an excluded key frame': out[frames[1]],
    'of a class that is not evaluated': ~evaluated[found.labels],
  }
  if ignore_unknown:
    known = np.bincount(frames[0], minlength=len(numbers)) > 0
    wrong['on a key frame without truth'] = ~known[frames[1]]
  rows, left_out = _choose(found, frames[1], wrong, most_rows)
  groups = [  # rows of one key frame and class have one number
    number * len(evaluated) + part.labels
    for number, part in zip(frames, (truth, found), strict=True)
  ]
  truth_boxes = truth.boxes[counted], groups[0][counted]
  best = find_best(*truth_boxes, found.boxes[rows], groups[1][rows], iou)
  on = np.append(counted, -1)[best]
  return Ranking(
    rows=rows,
    labels=found.labels[rows],
    truth_rows=on,
    hits=_find_hits(on, found.scores[rows], rows),
    counted=counted,
    instances=np.bincount(truth.labels[counted], minlength=len(evaluated)),
    left_out=left_out,
  )


def _check(truth: Rows, found: Rows, classes: int) -> None:
  """Raises for rows that no rule can rank."""
  for name, rows in (('truth', truth), ('detections', found)):
    finite = np.isfinite(rows.boxes).all(axis=1) & np.isfinite(rows.scores)
    if not finite.all():
      first = rows.keys[int(finite.argmin())]
      raise UserError(
        f'A box or score of the {name} on key frame {first} is not a finite '
        f'number: mend the {"annotations" if rows is truth else "model"}.'
      )
    if ((rows.labels < 0) | (rows.labels >= classes)).any():
      raise ValueError(f'labels of the {name} are not in 0..{classes - 1}')
  swapped = (truth.boxes[:, :2] > truth.boxes[:, 2:]).any(axis=1)
  if swapped.any():
    first = truth.keys[int(swapped.argmax())]
    raise UserError(
      f'An annotated box on key frame {first} has x1 > x2 or y1 > y2: mend the '
      'annotations.'
    )


def _number(keys: Sequence[Key], numbers: dict[Key, int]) -> np.ndarray:
  """Numbers key frames, int64 [R]; adds those that are new to `numbers`."""
  found = (numbers.setdefault(key, len(numbers)) for key in keys)
  return np.fromiter(found, np.int64, len(keys))


def _choose(
  found: Rows, frames: np.ndarray, wrong: dict[str, np.ndarray], most_rows: int
) -> tuple[np.ndarray, dict[str, int]]:
  """Chooses the rows that count, as `Ranking` orders them; counts the others.

  A row that is wrong for two reasons counts for the first.
  """
  rows, left_out = np.arange(len(frames)), {}

  def drop(reason: str, dropped: np.ndarray) -> None:
    nonlocal rows
    left_out[reason] = int(dropped.sum())
    rows = rows[~dropped]

  for reason, dropped in wrong.items():
    drop(reason, dropped[rows])
  first = np.zeros(frames.max(initial=-1) + 1, np.int64)
  first[frames[rows[::-1]]] = rows[::-1]  # that of the earliest row stays
  if most_rows:
    places = _rank_in_frame(frames[rows], found.scores[rows])
    drop(f'beyond the {most_rows} best of a key frame', places >= most_rows)
  extents = found.boxes[rows, 2:] - found.boxes[rows, :2]
  drop('without area', (extents <= 0).any(axis=1))
  # Reversed twice, rows of one key frame and score are back in their order.
  keys = (-first[frames[rows]], -found.scores[rows], found.labels[rows])
  return rows[np.lexsort(keys)], left_out


def _rank_in_frame(frames: np.ndarray, scores: np.ndarray) -> np.ndarray:
  """Ranks rows in their key frame, 0 the best; of equals the later row."""
  order = np.lexsort((-np.arange(len(frames)), -scores, frames))
  starts = np.searchsorted(frames[order], frames[order])
  places = np.empty_like(order)
  places[order] = np.arange(len(order)) - starts
  return places


def _find_hits(on: np.ndarray, scores: np.ndarray, rows: np.ndarray):
  """Finds the best row on each annotated box, bool [D]."""
  order = np.lexsort((-rows, -scores, on))
  there, first = np.unique(on[order], return_index=True)
  hits = np.zeros(len(on), bool)
  hits[order[first[there >= 0]]] = True
  return hits
