"""Which classes are taken for which."""

import numpy as np

from i2v_jax.training.report import confusions


def test_classes_that_are_confused_become_neighbours():
  groups = [[0, 3, 5], [1, 4], [2, 6, 7]]
  counts = 20 * np.eye(8, dtype=int)
  for group in groups:
    for one in group:
      for other in group:
        counts[one, other] += 5
  order = confusions.order_classes(counts)
  assert sorted(order) == list(range(8))
  places = {
    frozenset(group): [order.index(k) for k in group] for group in groups
  }
  for group, found in places.items():
    assert max(found) - min(found) == len(group) - 1


def test_ends_that_are_close_meet():
  counts = np.diag([10, 10, 10, 10])  # 0 - 1 - 2 - 3, a chain
  counts[0, 1] = counts[2, 3] = 5
  counts[1, 2] = 2
  assert confusions.order_classes(counts) in ([0, 1, 2, 3], [3, 2, 1, 0])


def test_one_class_and_none():
  assert confusions.order_classes(np.zeros((1, 1), int)) == [0]


def test_pairs_are_listed_most_frequent_first():
  counts = np.array([[5, 2, 0], [0, 1, 0], [3, 0, 0]])
  assert confusions.list_pairs(counts, ['a', 'b', 'c'], 5) == [
    confusions.Pair('c', 'a', 3, 3),
    confusions.Pair('a', 'b', 2, 7),
  ]
