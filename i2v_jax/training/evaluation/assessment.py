"""Scores of a split against its labels, and the calibration fitted on them."""

from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets.sources import Split
from i2v_jax.training.evaluation import class_tables, label_metrics, metrics
from i2v_jax.training.evaluation.calibration import (
  THRESHOLD,
  Calibration,
  fit_temperature,
  fit_thresholds,
)


class Assessment(NamedTuple):
  """What labels say of scores: fields of `evaluate.Evaluation`.

  Attributes:
    accuracy: `top1`, `top5` and `mean_class`; with any number of labels `mAP`,
      `f1_micro`, `f1_macro` and `best_class`, each in 0..1.
    classes: a row for each.
    confusion: int64 [classes, classes] by label and best class; None with any
      number of labels.
    calibration: of a report, in JSON: `calibration_error` in 0..1, and of what
      was fitted `calibration_error_calibrated`, `temperature`, `fitted_on` and
      `fitted_here`, whether that is this split.
  """

  accuracy: dict[str, float]
  classes: list[class_tables.ClassRow] | list[class_tables.LabelRow]
  confusion: np.ndarray | None
  calibration: dict[str, Any]


def assess(
  scores: np.ndarray, split: Split, calibration: Calibration
) -> Assessment:
  """Compares scores with the labels of a split.

  Temperature and thresholds change F1 and the second calibration error, and
  nothing else.

  Args:
    scores: [n, classes], probabilities; rows of NaN do not count.
    split: has the labels.
    calibration: of the model.

  Raises:
    UserError: no row that counts has a label.
  """
  compare = _compare_labels if split.targets is None else _compare_targets
  decoded = np.isfinite(scores).all(axis=1)
  return compare(scores[decoded], split, decoded, calibration)


def fit(scores: np.ndarray, split: Split, name: str) -> Calibration:
  """Fits temperature and thresholds on the scores of a split.

  Args:
    scores: as in `assess`.
    split: has the labels.
    name: of the split.
  """
  decoded = np.isfinite(scores).all(axis=1)
  scores, known = scores[decoded], (name, split.fingerprint())
  if split.targets is None:
    return Calibration(
      fit_temperature(scores, split.labels[decoded]), None, *known
    )
  targets = split.targets[decoded]
  temperature = fit_temperature(scores, targets=targets)
  calibrated = Calibration(temperature).apply(scores, 'multi')
  thresholds = tuple(fit_thresholds(calibrated, targets).tolist())
  return Calibration(temperature, thresholds, *known)


def _compare_labels(scores, split, decoded, calibration) -> Assessment:
  labels = split.labels[decoded]
  accuracy = metrics.compute_accuracies(scores, labels)
  confusion = metrics.count_confusions(scores, labels)
  labelled = labels >= 0
  right = scores[labelled].argmax(axis=1) == labels[labelled]

  def compute_error(scores):
    best = scores[labelled].max(axis=1)
    return metrics.compute_calibration_error(best, right)

  return Assessment(
    accuracy,
    class_tables.make_class_rows(split.class_names, confusion),
    confusion,
    _describe(scores, split, calibration, 'single', compute_error),
  )


def _compare_targets(scores, split, decoded, calibration) -> Assessment:
  targets = split.targets[decoded]
  thresholds = np.array(
    calibration.thresholds or (THRESHOLD,) * scores.shape[1]
  )
  chosen = calibration.apply(scores, 'multi') >= thresholds[None]

  def compute_error(scores):
    return metrics.compute_calibration_error(scores.ravel(), targets.ravel())

  return Assessment(
    label_metrics.compute_accuracies(scores, targets, chosen),
    class_tables.make_label_rows(
      split.class_names, scores, targets, chosen, thresholds
    ),
    None,
    _describe(scores, split, calibration, 'multi', compute_error),
  )


def _describe(scores, split, calibration, task, compute_error) -> dict:
  found = {'calibration_error': compute_error(scores)}
  if not calibration.split:
    return found
  calibrated = calibration.apply(scores, task)
  return found | {
    'calibration_error_calibrated': compute_error(calibrated),
    'temperature': calibration.temperature,
    'fitted_on': calibration.split,
    'fitted_here': calibration.split_sha256 == split.fingerprint(),
  }
