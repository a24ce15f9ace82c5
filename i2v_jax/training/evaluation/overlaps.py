"""How much boxes overlap, and the annotated box that each overlaps most."""

import numpy as np


def compute_areas(boxes: np.ndarray) -> np.ndarray:
  """Computes the areas [n] of boxes [n, 4] in x1, y1, x2, y2, as edges."""
  return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def compute_overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
  """Computes intersection over union of boxes pair by pair.

  Args:
    boxes: float [n, 4], x1, y1, x2, y2 as edges, not all without area.
    others: float [n, 4].

  Returns:
    float [n] in 0..1.
  """
  low = np.maximum(boxes[:, :2], others[:, :2])
  high = np.minimum(boxes[:, 2:], others[:, 2:])
  common = np.maximum(high - low, 0).prod(axis=1)
  union = compute_areas(boxes) + compute_areas(others) - common
  return common / union


def find_best(
  truth: np.ndarray,
  truth_groups: np.ndarray,
  boxes: np.ndarray,
  groups: np.ndarray,
  iou: float,
) -> np.ndarray:
  """Finds the annotated box of the same group that each box overlaps most.

  Args:
    truth: float [N, 4], annotated boxes.
    truth_groups: int [N].
    boxes: float [D, 4], each with an area.
    groups: int [D].
    iou: least intersection over union, inclusive.

  Returns:
    int64 [D], index of the annotated box, the first of equals; -1: none.
  """
  order = np.argsort(truth_groups, kind='stable')
  ordered = truth_groups[order]
  start = np.searchsorted(ordered, groups, 'left')
  end = np.searchsorted(ordered, groups, 'right')
  best, most = np.full(len(boxes), -1), np.full(len(boxes), -1.0)
  left = np.flatnonzero(start < end)
  while len(left):  # each round compares with one more of the group
    tried = order[start[left]]
    overlaps = compute_overlaps(boxes[left], truth[tried])
    better = overlaps > most[left]
    most[left[better]] = overlaps[better]
    best[left[better]] = tried[better]
    start[left] += 1
    left = left[start[left] < end[left]]
  best[most < iou] = -1
  return best
