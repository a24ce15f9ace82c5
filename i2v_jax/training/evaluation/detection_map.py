"""Frame mAP: average precision of boxes over key frames, class by class.

By default the rules are those of the evaluator that AlphAction and VideoMAE's
action detection use for AVA; `detection_ranking` states them.
"""

from collections.abc import Collection

import numpy as np

from i2v_jax.data.sets.key_frames import Key, Rows
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.evaluation.detection_ranking import rank


def compute_average_precisions(
  truth: Rows,
  found: Rows,
  excluded: Collection[Key],
  evaluated: np.ndarray,
  **options,
) -> np.ndarray:
  """Computes the average precision of every class, float64 [classes] in 0..1.

  It is NaN for classes without truth and for those that are not evaluated, and
  0 for classes with truth that were never detected. Arguments and errors are
  those of `rank`.
  """
  ranking = rank(truth, found, excluded, evaluated, **options)
  return average(ranking.labels, ranking.hits, ranking.instances)


def compute_mean(average_precisions: np.ndarray) -> float:
  """Computes mAP: the mean over the classes that have truth.

  Raises:
    UserError: no class has any.
  """
  if np.isnan(average_precisions).all():
    raise UserError(
      'No evaluated class has an annotated box, so there is no mAP: check the '
      'annotations of this split and its list of classes.'
    )
  return float(np.nanmean(average_precisions))


def average(
  labels: np.ndarray, hits: np.ndarray, instances: np.ndarray
) -> np.ndarray:
  """Computes the area under each class's curve of precision over recall.

  Precision counts as the best at that recall or at a higher one.

  Args:
    labels: int64 [D], class of each detection, ascending; in a class the best
      first.
    hits: bool [D], which are right.
    instances: int [classes], number of annotated boxes of each.

  Returns:
    float64 [classes]; NaN where there are no annotated boxes.
  """
  ends = np.searchsorted(labels, np.arange(len(instances) + 1))
  found = np.full(len(instances), np.nan)
  for label in np.flatnonzero(instances):
    right = hits[ends[label] : ends[label + 1]]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    found[label] = precision[right].sum() / instances[label]
  return found
