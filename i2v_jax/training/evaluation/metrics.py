"""Accuracy from scores, each video counted once."""

import numpy as np

from i2v_jax.runtime.errors import UserError


def compute_top_k(
  scores_BxC: np.ndarray, labels_B: np.ndarray, k: int
) -> float:
  """Share of rows whose label is among the k highest scores.

  With fewer than k classes every row counts. Ties are broken towards the
  lower class index, so the result does not depend on the order of the rows.
  """
  order = np.argsort(-scores_BxC, axis=1, kind='stable')[:, :k]
  return float((order == labels_B[:, None]).any(axis=1).mean())


def compute_mean_class_accuracy(
  scores_BxC: np.ndarray, labels_B: np.ndarray
) -> float:
  """Mean over the classes that occur in `labels_B` of their top-1 accuracy."""
  hit = np.argmax(scores_BxC, axis=1) == labels_B
  return float(
    np.mean([hit[labels_B == c].mean() for c in np.unique(labels_B)])
  )


def compute_accuracies(
  scores_BxC: np.ndarray, labels_B: np.ndarray
) -> dict[str, float]:
  """`top1`, `top5` and `mean_class` in 0..1, over the labelled rows.

  Raises:
    UserError: there is no labelled row to count.
  """
  labelled = labels_B >= 0
  if not labelled.any():
    raise UserError('No labelled video was decoded: there is no accuracy.')
  scores, labels = scores_BxC[labelled], labels_B[labelled]
  return {
    'top1': compute_top_k(scores, labels, 1),
    'top5': compute_top_k(scores, labels, 5),
    'mean_class': compute_mean_class_accuracy(scores, labels),
  }
