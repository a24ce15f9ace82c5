"""Accuracies against examples worked out by hand."""

import numpy as np
import pytest

from i2v_jax.training.evaluation import metrics

# Three videos of class 0, all found, and one of class 1 taken for class 2.
UNEVEN = np.eye(3, dtype=np.float32)[[0, 0, 0, 2]]
UNEVEN_LABELS = np.array([0, 0, 0, 1])


@pytest.mark.parametrize(('k', 'share'), [(1, 0.25), (2, 0.5), (3, 0.75)])
def test_top_k_counts_labels_among_the_k_highest(k, share):
  scores = np.tile(np.array([0.1, 0.4, 0.2, 0.3], np.float32), (4, 1))
  assert metrics.compute_top_k(scores, np.array([1, 3, 2, 0]), k) == share


@pytest.mark.parametrize(('label', 'ranks'), [(0, 1), (2, 2), (3, 3), (1, 4)])
def test_ties_go_to_the_lower_class(label, ranks):
  scores = np.array([[7.0, -1.0, 7.0, 7.0]])
  found = [
    metrics.compute_top_k(scores, np.array([label]), k) for k in range(1, 5)
  ]
  assert found == [float(k >= ranks) for k in range(1, 5)]


def test_ties_of_many_classes_keep_their_order():
  scores = np.arange(400) % 2  # even classes come last, each half in order
  ranked = [*range(1, 400, 2), *range(0, 400, 2)]
  for k in (1, 5, 200, 201):
    found = [
      label
      for label in range(400)
      if metrics.compute_top_k(scores[None], np.array([label]), k)
    ]
    assert found == sorted(ranked[:k])


def test_top1_and_mean_class_break_ties_alike():
  scores, labels = np.zeros((3, 3)), np.array([0, 1, 2])
  assert metrics.compute_top_k(scores, labels, 1) == 1 / 3
  assert metrics.compute_mean_class_accuracy(scores, labels) == 1 / 3


def test_no_order_of_rows_changes_anything():
  rng = np.random.default_rng(0)
  scores = rng.integers(0, 3, (60, 8)).astype(np.float32)  # full of ties
  labels = rng.integers(-1, 8, 60)
  order = rng.permutation(60)
  wanted = metrics.compute_accuracies(scores, labels)
  assert metrics.compute_accuracies(scores[order], labels[order]) == wanted


def test_with_fewer_classes_than_k_every_row_counts():
  found = metrics.compute_accuracies(np.eye(3), np.array([2, 0, 1]))
  assert found == {'top1': 0.0, 'top5': 1.0, 'mean_class': 0.0}


def test_mean_class_accuracy_weighs_classes_not_videos():
  assert metrics.compute_top_k(UNEVEN, UNEVEN_LABELS, 1) == 0.75
  # (3/3 + 0/1) / 2: class 2 was predicted, but no video is of it.
  assert metrics.compute_mean_class_accuracy(UNEVEN, UNEVEN_LABELS) == 0.5


def test_unlabelled_rows_are_left_out():
  wanted = metrics.compute_accuracies(UNEVEN, UNEVEN_LABELS)
  assert wanted == {'top1': 0.75, 'top5': 1.0, 'mean_class': 0.5}
  scores = np.concatenate([UNEVEN, np.ones((5, 3), np.float32)])
  labels = np.concatenate([UNEVEN_LABELS, np.full(5, -1)])
  assert metrics.compute_accuracies(scores, labels) == wanted


@pytest.mark.parametrize('rows', [0, 3])
def test_nothing_labelled_is_no_accuracy(rows):
  with pytest.raises(ValueError, match='Nothing with a label'):
    metrics.compute_accuracies(np.ones((rows, 4)), np.full(rows, -1))
