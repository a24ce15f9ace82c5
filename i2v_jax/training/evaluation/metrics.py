"""Accuracy from scores, each video counted once, and how certain they are."""

import numpy as np

from i2v_jax.runtime.errors import UserError

BINS = 15  # of a calibration error


def compute_top_k(
  scores_BxC: np.ndarray, labels_B: np.ndarray, k: int
) -> float:
  """Computes the share of rows whose label is among the k highest scores.

  With fewer than k classes every row counts. Ties are broken towards the
  lower class index, so the result does not depend on the order of the rows.
  """
  order = np.argsort(-scores_BxC, axis=1, kind='stable')[:, :k]
  return float((order == labels_B[:, None]).any(axis=1).mean())


def compute_mean_class_accuracy(
  scores_BxC: np.ndarray, labels_B: np.ndarray
) -> float:
  """Computes the mean top-1 accuracy of the classes in `labels_B`."""
  hit = np.argmax(scores_BxC, axis=1) == labels_B
  return float(
    np.mean([hit[labels_B == c].mean() for c in np.unique(labels_B)])
  )


def count_confusions(
  scores_BxC: np.ndarray, labels_B: np.ndarray
) -> np.ndarray:
  """Counts labelled rows by label and best class: int64 [classes, classes]."""
  labelled, classes = labels_B >= 0, scores_BxC.shape[1]
  best_B = np.argmax(scores_BxC[labelled], axis=1)
  pairs = labels_B[labelled].astype(np.int64) * classes + best_B
  return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def compute_calibration_error(
  confidences: np.ndarray, right: np.ndarray, bins: int = BINS
) -> float:
  """Computes the expected calibration error (arXiv 1706.04599), in 0..1.

  It is the mean over decisions of how far the mean confidence of their bin is
  from the share of right ones in it. Bins are equally wide, and open below.

  Args:
    confidences: [m], probabilities.
    right: bool [m].
    bins: their number.
  """
  of = np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1)
  apart = np.bincount(of, confidences - right, minlength=bins)
  return float(np.abs(apart).sum() / len(confidences))


def compute_accuracies(
  scores_BxC: np.ndarray, labels_B: np.ndarray
) -> dict[str, float]:
  """Computes `top1`, `top5` and `mean_class` in 0..1 over labelled rows.

  Raises:
    UserError: there is no labelled row to count.
  """
  labelled = labels_B >= 0
  if not labelled.any():
    raise UserError('Nothing with a label was decoded: there is no accuracy.')
  scores, labels = scores_BxC[labelled], labels_B[labelled]
  return {
    'top1': compute_top_k(scores, labels, 1),
    'top5': compute_top_k(scores, labels, 5),
    'mean_class': compute_mean_class_accuracy(scores, labels),
  }
