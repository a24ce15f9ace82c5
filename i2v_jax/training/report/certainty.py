"""Calibration: whether what is given as 80 % certain is right that often."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from i2v_jax.training.evaluation.calibration import RANGE, apply_temperature
from i2v_jax.training.evaluation.metrics import BINS
from i2v_jax.training.report.evaluations import Evaluation, Scores
from i2v_jax.training.report.figures.reliability import Bin, draw_reliability
from i2v_jax.training.report.intervals import make_share


def describe(evaluation: Evaluation) -> Mapping[str, Any]:
  """Makes the values of the figures: as scored, and calibrated if fitted."""
  report, scores = evaluation.report, evaluation.scores
  task = 'single' if scores.targets is None else 'multi'
  what = {'single': 'answers', 'multi': 'decisions'}[task]
  p, right = _decide(scores, scores.probabilities)
  found = {'plain': draw_reliability(make_bins(p, right), what)}
  found |= {'calibrated': '', 'what': what}
  found['low'] = bool(p.mean() < right.mean())
  if temperature := report.get('temperature'):
    changed = apply_temperature(scores.probabilities, temperature, task)
    bins = make_bins(*_decide(scores, changed))
    found['calibrated'] = draw_reliability(bins, what)
  return found


def find_bound(temperature: float | None) -> float | None:
  """Finds the end of the range of temperatures that one has run into."""
  if not temperature:
    return None
  near = [x for x in RANGE if math.isclose(x, temperature, rel_tol=1e-3)]
  return near[0] if near else None


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
    _make_bin(float(certain[k] / n), int(hits[k]), int(n))
    for k, n in enumerate(count)
    if n
  ]


def _make_bin(confidence: float, hits: int, count: int) -> Bin:
  share = make_share(hits, count)
  return Bin(confidence, share.value, count, share.low, share.high)
