"""Metrics of labels against scikit-learn, and stored values of it."""

import numpy as np
import pytest

from i2v_jax.training.evaluation import class_tables, label_metrics, metrics

# What scikit-learn 1.9 gives for `draw(0)`, F1 at 0.5, and `draw_labels(0)`.
PRECISIONS = [0.3152, 0.1640, np.nan, 0.2950, 0.2989, 1.0]
MICRO, MACRO = 0.4358974, 0.3641969
CONFUSION = [[3, 4, 4, 5, 0], [0] * 5, [5, 1, 5, 7, 0], [2, 6, 13, 3, 0]]
CONFUSION += [[4, 4, 9, 5, 0]]


def draw(seed=0):
  """60 examples of 6 classes with ties; none is of class 2, 5 is in all."""
  rng = np.random.default_rng(seed)
  scores = rng.integers(0, 8, (60, 6)) / 8
  targets = rng.random((60, 6)) < 0.3
  targets[:, 2], targets[:, 5] = False, True
  return scores, targets


def draw_labels(seed=0):
  """80 examples with one label each; none is of class 1, 4 is never best."""
  rng = np.random.default_rng(seed)
  scores = rng.random((80, 5))
  scores[:, 4] = 0
  return scores, rng.choice([0, 2, 3, 4], 80)


@pytest.mark.parametrize('seed', range(3))
def test_average_precision_is_that_of_scikit_learn(seed):
  sklearn = pytest.importorskip('sklearn.metrics')
  scores, targets = draw(seed)
  found = label_metrics.compute_average_precisions(scores, targets)
  assert np.flatnonzero(np.isnan(found)).tolist() == [2]
  some = [0, 1, 3, 4, 5]
  wanted = [
    sklearn.average_precision_score(targets[:, c], scores[:, c]) for c in some
  ]
  np.testing.assert_allclose(found[some], wanted, rtol=1e-12)
  assert label_metrics.compute_mean(found) == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize('seed', range(3))
def test_f1_is_that_of_scikit_learn(seed):
  sklearn = pytest.importorskip('sklearn.metrics')
  scores, targets = draw(seed)
  chosen = scores >= [0.5, 0.25, 0.9, 2.0, 0.125, 0.5]  # of 3 none is chosen
  found = label_metrics.compute_accuracies(scores, targets, chosen)
  rows = class_tables.make_label_rows(
    'abcdef', scores, targets, chosen, [0] * 6
  )
  for kind in ('micro', 'macro'):
    wanted = sklearn.f1_score(targets, chosen, average=kind, zero_division=0)
    assert found[f'f1_{kind}'] == pytest.approx(wanted, rel=1e-12)
  columns = sklearn.precision_recall_fscore_support(
    targets, chosen, zero_division=0
  )
  for name, wanted in zip(('precision', 'recall', 'f1'), columns, strict=False):
    found = [getattr(row, name) for row in rows]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_values_that_scikit_learn_gave():
  scores, targets = draw()
  found = label_metrics.compute_average_precisions(scores, targets)
  np.testing.assert_allclose(found, PRECISIONS, atol=1e-4)
  found = label_metrics.compute_accuracies(scores, targets, scores >= 0.5)
  assert found['f1_micro'] == pytest.approx(MICRO)
  assert found['f1_macro'] == pytest.approx(MACRO)
  confusion = metrics.count_confusions(*draw_labels())
  np.testing.assert_array_equal(confusion, CONFUSION)


def test_rows_of_equal_scores_come_together():
  """Whatever their order: 1 of 2 right, then 2 of 3."""
  scores = np.array([[0.9], [0.9], [0.1]])
  for targets in ([[1], [0], [1]], [[0], [1], [1]]):
    found = label_metrics.compute_average_precisions(
      scores, np.array(targets, bool)
    )
    np.testing.assert_allclose(found, [1 / 2 * 1 / 2 + 1 / 2 * 2 / 3])


def test_the_best_class_counts_where_there_is_a_label():
  targets = np.array([[1, 0], [0, 1], [0, 0]], bool)
  scores = np.full((3, 2), 0.5)  # ties go to the lower class
  assert label_metrics.compute_best_class(scores, targets) == 0.5


def test_no_label_at_all_is_no_map():
  targets = np.zeros((2, 3), bool)
  with pytest.raises(ValueError, match='so there is no mAP'):
    label_metrics.compute_accuracies(np.ones((2, 3)), targets, targets)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.filterwarnings('ignore:y_pred contains classes')
def test_one_label_each_is_as_in_scikit_learn(seed):
  sklearn = pytest.importorskip('sklearn.metrics')
  scores, labels = draw_labels(seed)
  for k in (1, 2, 3):
    wanted = sklearn.top_k_accuracy_score(labels, scores, k=k, labels=range(5))
    assert metrics.compute_top_k(scores, labels, k) == pytest.approx(wanted)
  best = scores.argmax(axis=1)
  wanted = sklearn.balanced_accuracy_score(labels, best)
  found = metrics.compute_mean_class_accuracy(scores, labels)
  assert found == pytest.approx(wanted)
  confusion = metrics.count_confusions(scores, labels)
  wanted = sklearn.confusion_matrix(labels, best, labels=range(5))
  np.testing.assert_array_equal(confusion, wanted)
  rows = class_tables.make_class_rows('abcde', confusion)
  precision, recall, f1, held = sklearn.precision_recall_fscore_support(
    labels, best, labels=range(5), zero_division=0
  )
  np.testing.assert_allclose([row.precision for row in rows], precision)
  np.testing.assert_allclose([row.f1 for row in rows], f1)
  assert [row.examples for row in rows] == held.tolist()
  recall[1] = np.nan  # a class without examples has no accuracy
  np.testing.assert_allclose([row.accuracy for row in rows], recall)


def test_unlabelled_rows_are_not_confused():
  scores, labels = np.eye(3)[[0, 1, 2, 1]], np.array([0, 2, -1, -1])
  wanted = [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
  np.testing.assert_array_equal(
    metrics.count_confusions(scores, labels), wanted
  )


def test_a_calibration_error_by_hand():
  # Bins of a half: |0.3 - 0| and |(0.6 + 1) / 2 - 1 / 2|, of 1 and of 2.
  confidences, right = np.array([0.3, 0.6, 1.0]), np.array([0, 1, 0], bool)
  found = metrics.compute_calibration_error(confidences, right, bins=2)
  assert found == pytest.approx((0.3 + 0.6) / 3)
  # Edges belong to the bin below: 0.5 and 0.25 are one, and even out.
  found = metrics.compute_calibration_error(
    np.array([0.5, 0.25]), np.array([0, 1]), bins=2
  )
  assert found == pytest.approx(abs(0.75 - 1) / 2)
