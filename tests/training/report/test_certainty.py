"""The bins of a calibration curve."""

import numpy as np
import pytest

from i2v_jax.training.evaluation import metrics
from i2v_jax.training.report import certainty


def test_bins_give_the_calibration_error():
  rng = np.random.default_rng(0)
  p, right = rng.random(500), rng.random(500) < 0.4
  bins = certainty.make_bins(p, right)
  assert sum(each.count for each in bins) == 500
  apart = sum(
    each.count * abs(each.confidence - each.accuracy) for each in bins
  )
  known = metrics.compute_calibration_error(p, right)
  assert apart / 500 == pytest.approx(known)


def test_empty_bins_are_left_out():
  (only,) = certainty.make_bins(np.array([1.0, 1.0]), np.array([True, False]))
  assert (only.confidence, only.accuracy, only.count) == (1.0, 0.5, 2)
  assert only.low < 0.1 and only.high > 0.9


def test_only_the_ends_of_the_range_are_bounds():
  assert certainty.find_bound(19.999) == 20
  assert certainty.find_bound(0.05) == 0.05
  assert (
    certainty.find_bound(1.0) is None and certainty.find_bound(None) is None
  )
