"""Calibration: whether what is given as 80 % certain is right that often."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from i2v_jax.training.evaluation.calibration import apply_temperature
from i2v_jax.training.evaluation.metrics import BINS
from i2v_jax.training.report.evaluations import Evaluation, Scores
from i2v_jax.training.report.figures.reliability import Bin, draw_reliability


def describe(evaluation: Evaluation) -> Mapping[str, Any]:
  """Makes the values of the figures: as scored, and calibrated if fitted."""
  report, scores = evaluation.report, evaluation.scores
  plain = make_bins(*_decide(scores, scores.probabilities))
  found = {'plain': draw_reliability(plain), 'calibrated': ''}
  if temperature := report.get('temperature'):
    task = 'single' if scores.targets is None else 'multi'
    changed = apply_temperature(scores.probabilities, temperature, task)
    bins = make_bins(*_decide(scores, changed))
    found['calibrated'] = draw_reliability(bins)
  return found


def _decide(scores: Scores, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """How certain each decision is, and whether it is right.

  With one label each the most probable class is the decision, else each class
  of each example is one.
  """
  if scores.targets is not None:
    return p.ravel(), scores.targets.ravel()
  labelled = scores.labelled
  return p[labelled].max(axis=1), scores.right[labelled]


def make_bins(confidences: np.ndarray, right: np.ndarray) -> list[Bin]:
  """Makes the bins of `metrics.compute_calibration_error` that hold any."""
  of = np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1)
  count = np.bincount(of, minlength=BINS)
  certain = np.bincount(of, confidences, minlength=BINS)
  hits = np.bincount(of, right, minlength=BINS)
  return [
    Bin(float(certain[k] / n), float(hits[k] / n), int(n))
    for k, n in enumerate(count)
    if n
  ]
