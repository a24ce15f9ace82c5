"""Temperatures and thresholds against values worked out by hand."""

import json

import numpy as np
import pytest

from i2v_jax.data.sets.sources import Split
from i2v_jax.training.evaluation import assessment, calibration
from i2v_jax.training.evaluation.calibration import (
  UNFITTED,
  Calibration,
  apply_temperature,
  fit_temperature,
  fit_thresholds,
)


def softmax(logits):
  found = np.exp(logits)
  return found / found.sum(axis=-1, keepdims=True)


def sigmoid(logits):
  return 1 / (1 + np.exp(-logits))


def test_a_temperature_is_that_of_logits():
  logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
  found = apply_temperature(softmax(logits), 2.0, 'single')
  np.testing.assert_allclose(found, softmax(logits / 2), rtol=1e-9)
  found = apply_temperature(sigmoid(logits), 2.0, 'multi')
  np.testing.assert_allclose(found, sigmoid(logits / 2), rtol=1e-9)


@pytest.mark.parametrize('task', ['single', 'multi'])
def test_1_changes_nothing_and_nothing_is_infinite(task):
  scores = np.array([[0.0, 1.0], [np.nan, np.nan]], np.float32)
  assert UNFITTED.apply(scores, task) is scores
  found = Calibration(3.0).apply(scores, task)
  assert found.dtype == np.float32
  assert np.isfinite(found[0]).all() and np.isnan(found[1]).all()
  assert 0 < found[0, 0] < 0.01 < 0.99 < found[0, 1] < 1


def test_overconfident_scores_get_the_factor_of_their_logits():
  rng = np.random.default_rng(0)
  logits = rng.normal(0, 2, (20_000, 4))
  draws = np.log(softmax(logits)) + rng.gumbel(size=logits.shape)
  found = fit_temperature(softmax(3 * logits), draws.argmax(axis=1))
  assert found == pytest.approx(3, rel=0.05)
  targets = rng.random(logits.shape) < sigmoid(logits)
  found = fit_temperature(sigmoid(logits / 2), targets=targets)
  assert found == pytest.approx(1 / 2, rel=0.05)


def test_where_all_is_right_it_is_that_of_smoothed_targets():
  """They are met exactly: of one class by log(n + 1), of n examples each."""
  logits = np.array([4.0] * 6 + [-4.0] * 6)[:, None]
  found = fit_temperature(sigmoid(logits), targets=logits > 0)
  assert found == pytest.approx(4 / np.log(7), rel=1e-4)
  # (N + 1) / (N + C) to 1 / (N + C): 4 / T = log(N + 1), whatever C.
  logits = 4 * np.eye(3)[[0, 1, 2, 2, 1]]
  found = fit_temperature(softmax(logits), np.array([0, 1, 2, 2, 1]))
  assert found == pytest.approx(4 / np.log(6), rel=1e-4)


def test_rows_without_their_one_label_do_not_count():
  scores, labels = softmax(4 * np.eye(3)), np.array([0, 1, 2])
  wanted = fit_temperature(scores, labels)
  scores = np.concatenate([scores, scores])
  labels = np.concatenate([labels, [-1, -1, -1]])
  assert fit_temperature(scores, labels) == wanted
  assert fit_temperature(scores[:0], labels[:0]) == 1


def test_thresholds_by_hand():
  scores = np.array([0.9, 0.8, 0.6, 0.6, 0.3])
  held = np.array(
    [
      [1, 1, 0, 0, 0],  # between 0.8 and 0.6: F1 of 1
      [1, 0, 0, 0, 0],  # between 0.9 and 0.8
      [0, 0, 1, 0, 1],  # all: 2/5 and 2/2, F1 of 4/7; half of the lowest
      [1, 0, 1, 0, 0],  # 0.85 and 0.45 give 2/3 alike: the lower
      [0, 0, 0, 0, 0],  # nothing to fit
    ],
    bool,
  )
  found = fit_thresholds(np.tile(scores[:, None], (1, 5)), held.T)
  np.testing.assert_allclose(found, [0.7, 0.85, 0.15, 0.45, 0.5])


@pytest.mark.parametrize('seed', range(3))
def test_no_other_threshold_is_better(seed):
  rng = np.random.default_rng(seed)
  scores, held = rng.integers(1, 9, 40) / 10, rng.random(40) < 0.3

  def f1(threshold):
    chosen = scores >= threshold
    return 2 * (chosen & held).sum() / (chosen.sum() + held.sum())

  (found,) = fit_thresholds(scores[:, None], held[:, None])
  assert f1(found) == max(map(f1, np.arange(0.05, 1, 0.1)))


def test_it_is_what_it_was_after_json():
  for fitted in (UNFITTED, Calibration(1.3, (0.25, 0.5), 'val', 'abc')):
    text = json.dumps(fitted.to_json())
    assert Calibration.from_json(json.loads(text)) == fitted
  assert Calibration.from_json({}) == Calibration.from_json(None) == UNFITTED


def make_split(**labels):
  ids = tuple('abcd')
  given = {'labels': np.full(4, -1)} | labels
  return Split(ids, class_names=('x', 'y'), ids=ids, **given)


def test_thresholds_decide_f1_and_nothing_else():
  """At 0.5 both examples of x are missed. An unread row does not count."""
  scores = np.array([[0.3, 0.9], [0.4, 0.4], [0.1, 0.3], [np.nan] * 2], 'f4')
  targets = np.array([[1, 1], [1, 0], [0, 0], [1, 1]], bool)
  split = make_split(targets=targets)
  plain = assessment.assess(scores, split, UNFITTED)
  assert plain.accuracy['mAP'] == 1
  assert plain.accuracy['f1_micro'] == pytest.approx(2 / 4)
  assert [row.recall for row in plain.classes] == [0, 1]
  fitted = assessment.fit(scores, split, 'val')
  assert fitted.split_sha256 == split.fingerprint()
  found = assessment.assess(scores, split, fitted)
  assert found.accuracy['f1_micro'] == found.accuracy['f1_macro'] == 1
  assert [row.threshold for row in found.classes] == [*fitted.thresholds]
  assert found.calibration['fitted_here'] and found.confusion is None
  elsewhere = assessment.assess(scores[:2], make_first(split), fitted)
  assert not elsewhere.calibration['fitted_here']


def make_first(split):
  return Split(
    split.paths[:2],
    split.labels[:2],
    split.class_names,
    split.ids[:2],
    targets=split.targets[:2],
  )


def test_a_temperature_leaves_the_best_class():
  scores = np.array([[0.8, 0.2], [0.3, 0.7], [0.9, 0.1], [0.6, 0.4]], 'f4')
  split = make_split(labels=np.array([0, 1, 1, -1]))
  fitted = assessment.fit(scores, split, 'val')
  assert fitted.thresholds is None and fitted.temperature != 1
  plain = assessment.assess(scores, split, UNFITTED)
  found = assessment.assess(scores, split, fitted)
  assert found.accuracy == plain.accuracy
  np.testing.assert_array_equal(found.confusion, [[1, 0], [1, 1]])
  before = plain.calibration['calibration_error']
  # Each in a bin of its own: 0.2, 0.3 and 0.9.
  assert before == pytest.approx((0.2 + 0.3 + 0.9) / 3)
  assert found.calibration['calibration_error'] == before
  assert found.calibration['calibration_error_calibrated'] != before


def test_the_least_value_is_found():
  found = calibration.find_least(lambda x: (x - 0.7) ** 2, -3.0, 3.0)
  assert found == pytest.approx(0.7, abs=1e-6)
