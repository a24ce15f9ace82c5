"""Temporal mAP: average precision of segments in time, class by class.

The rules are those of ActivityNet's evaluator of detections. Where it leaves
the order of equals to the sorting, ours is that of the rows: of equal scores
the first row is matched first, and of annotated segments that a row overlaps
equally it takes the first.
"""

from collections.abc import Sequence

import numpy as np

from i2v_jax.runtime.errors import UserError

THRESHOLDS = (0.3, 0.5, 0.7)
Truth = tuple[str, str, float, float]  # video, class, start, end
Found = tuple[str, str, float, float, float]  # the same and a score


def compute_temporal_map(
  truth: Sequence[Truth],
  found: Sequence[Found],
  thresholds: Sequence[float] = THRESHOLDS,
) -> dict[float, float]:
  """Computes mAP in 0..1 at each threshold of temporal IoU.

  It is the mean over the classes with an annotated segment; rows found of other
  classes do not count.

  Args:
    truth: annotated segments: video, class, start, end, in any unit of time.
    found: segments of a model, with a score as well.
    thresholds: least temporal IoU of a match, inclusive.

  Raises:
    UserError: there is no annotated segment.
  """
  if not truth:
    raise UserError(
      'No segment is annotated, so there is no temporal mAP; check the labels '
      'of this split.'
    )
  labels = dict.fromkeys(row[1] for row in truth)
  precisions = [
    compute_average_precisions(
      [row for row in truth if row[1] == label],
      [row for row in found if row[1] == label],
      thresholds,
    )
    for label in labels
  ]
  means = np.mean(precisions, axis=0).tolist()
  return dict(zip(thresholds, means, strict=True))


def compute_average_precisions(
  truth: Sequence[Truth], found: Sequence[Found], thresholds: Sequence[float]
) -> np.ndarray:
  """Computes the average precision of one class: float64 [thresholds].

  Precision counts as the best at that recall or at a higher one. Arguments are
  those of `compute_temporal_map`; there is an annotated segment.
  """
  hits = match(truth, found, thresholds)
  right = np.cumsum(hits, axis=1)
  precision = right / np.arange(1, len(found) + 1)
  best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
  return (best * hits).sum(axis=1) / len(truth)


def match(
  truth: Sequence[Truth], found: Sequence[Found], thresholds: Sequence[float]
) -> np.ndarray:
  """Matches rows of one class, best score first, to annotated segments.

  A row takes the segment of its video that it overlaps most, of those that no
  better row has taken, if it overlaps that enough.

  Returns:
    bool [thresholds, rows]: whether each row found one, in order of the scores.
  """
  hits = np.zeros((len(thresholds), len(found)), bool)
  taken = np.zeros((len(thresholds), len(truth)), bool)
  spans = np.array([row[2:4] for row in truth], np.float64)
  of_video: dict[str, list[int]] = {}
  for number, row in enumerate(truth):
    of_video.setdefault(row[0], []).append(number)
  for place, row in enumerate(sorted(found, key=lambda row: -row[4])):
    here = np.array(of_video.get(row[0], []), int)
    overlaps = compute_overlaps(row[2:4], spans[here])
    order = np.argsort(-overlaps, kind='stable')
    for level, least in enumerate(thresholds):
      free = [i for i in order if not taken[level, here[i]]]
      if free and overlaps[free[0]] >= least:
        hits[level, place] = taken[level, here[free[0]]] = True
  return hits


def compute_overlaps(
  span: tuple[float, float], spans: np.ndarray
) -> np.ndarray:
  """Computes intersection over union of a span with others: [n] in 0..1.

  Two that are empty and at the same time overlap by 0.

  Args:
    span: start and end.
    spans: float [n, 2].
  """
  start, end = span
  common = np.minimum(end, spans[:, 1]) - np.maximum(start, spans[:, 0])
  common = np.maximum(common, 0)
  union = (end - start) + (spans[:, 1] - spans[:, 0]) - common
  return np.where(union > 0, common / np.where(union > 0, union, 1), 0.0)
