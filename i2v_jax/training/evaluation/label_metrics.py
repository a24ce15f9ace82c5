"""Metrics of examples with any number of labels, each counted once.

They are those of scikit-learn with `zero_division=0`.
"""

import numpy as np

from i2v_jax.runtime.errors import UserError


def compute_average_precisions(
  scores_BxC: np.ndarray, targets_BxC: np.ndarray
) -> np.ndarray:
  """Computes the average precision of every class: float64 [classes] in 0..1.

  It is the precision at each distinct score, from the highest, weighted by the
  share of positives that are new there; rows of equal scores come together. It
  is NaN for a class without positives.
  """
  columns = zip(scores_BxC.T, targets_BxC.T, strict=True)
  return np.array([_compute_average_precision(*each) for each in columns])


def _compute_average_precision(scores: np.ndarray, held: np.ndarray) -> float:
  if not held.any():
    return float('nan')
  order = np.argsort(-scores, kind='stable')
  ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
  right = np.cumsum(held[order])[ends]
  precision = right / (ends + 1)
  new = np.diff(right, prepend=0)
  return float((precision * new).sum() / right[-1])


def compute_mean(average_precisions: np.ndarray) -> float:
  """Computes mAP, the mean over the classes with positives.

  Raises:
    UserError: no class has any.
  """
  if np.isnan(average_precisions).all():
    raise UserError(
      'No example that could be read has a label, so there is no mAP; check '
      'the labels of this split.'
    )
  return float(np.nanmean(average_precisions))


def count_decisions(
  chosen_BxC: np.ndarray, targets_BxC: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Counts, for each class, right choices, all choices and all positives."""
  right = (chosen_BxC & targets_BxC).sum(axis=0)
  return right, chosen_BxC.sum(axis=0), targets_BxC.sum(axis=0)


def divide(counts, totals) -> np.ndarray:
  """Divides counts; 0 where there is nothing to divide by."""
  return np.where(totals > 0, counts / np.maximum(totals, 1), 0.0)


def compute_f1(right, chosen, held) -> np.ndarray:
  """Computes F1 of counts of `count_decisions`; 0 where there is none."""
  return divide(2 * right, chosen + held)


def compute_best_class(
  scores_BxC: np.ndarray, targets_BxC: np.ndarray
) -> float:
  """Computes how often the best class is one of the row's own.

  Of the rows with a label; ties are broken towards the lower class.
  """
  some = targets_BxC.any(axis=1)
  best_Bx1 = np.argmax(scores_BxC[some], axis=1)[:, None]
  return float(np.take_along_axis(targets_BxC[some], best_Bx1, axis=1).mean())


def compute_accuracies(
  scores_BxC: np.ndarray, targets_BxC: np.ndarray, chosen_BxC: np.ndarray
) -> dict[str, float]:
  """Computes `mAP`, `f1_micro`, `f1_macro` and `best_class` in 0..1.

  Args:
    scores_BxC: probabilities.
    targets_BxC: bool, the labels.
    chosen_BxC: bool, the classes at or above their thresholds.

  Raises:
    UserError: no row has a label.
  """
  mean = compute_mean(compute_average_precisions(scores_BxC, targets_BxC))
  counts = count_decisions(chosen_BxC, targets_BxC)
  return {
    'mAP': mean,
    'f1_micro': float(compute_f1(*(count.sum() for count in counts))),
    'f1_macro': float(compute_f1(*counts).mean()),
    'best_class': compute_best_class(scores_BxC, targets_BxC),
  }
