"""Every class equally often, by arithmetic."""

import collections

import numpy as np
import pytest
from batches import assert_same, order_of, together, train
from footage import imagine

from i2v_jax.data.loading import balance, pipeline
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.sets.background import add_background
from i2v_jax.data.sets.split import Split
from i2v_jax.runtime.errors import UserError

LABELS = [0] * 12 + [1] * 3 + [3]  # none of class 2


@pytest.fixture
def uneven():
  names = tuple(map(str, range(16)))
  return Split(names, LABELS, ('a', 'b', 'c', 'd'), names)


def test_classes_come_in_shuffled_cycles(uneven):
  row_at = pipeline.make_stored_order(uneven, 0, 1, 1, True)
  rows = np.array([row_at(turn) for turn in range(36 * 3)])
  labels = np.array(LABELS)[rows].reshape(-1, 3)
  assert all({*cycle} == {0, 1, 3} for cycle in labels.tolist())
  assert len({tuple(cycle) for cycle in labels.tolist()}) > 1
  # Within a class all examples come before one comes again.
  for label, count in ((0, 12), (1, 3), (3, 1)):
    mine = rows[np.array(LABELS)[rows] == label].reshape(-1, count)
    assert all(len({*turn}) == count for turn in mine.tolist())
  other = pipeline.make_stored_order(uneven, 1, 1, 1, True)
  assert [other(turn) for turn in range(36)] != rows[:36].tolist()


def test_versions_are_shown_in_turn(uneven):
  row_at = pipeline.make_stored_order(uneven, 0, 2, 4, True)
  shown = collections.defaultdict(list)
  for position in range(2 * 3 * 24):
    index, version = divmod(row_at(position), 4)
    shown[index].append(version)
  assert shown[15][:6] == [0, 1, 2, 3, 0, 1]
  assert {
    tuple(versions) for index, versions in shown.items() if index < 12
  } == {(0, 1, 2, 3)}


def test_background_is_a_class_and_labels_are_each_their_own():
  listed = [('a', 0, 1, {0}), ('a', 1, 2, {0, 1}), ('a', 2, 3, {0})]
  split = add_background(imagine({'a': 9.0}, listed), 1.0)
  groups = balance.list_groups(split)
  assert [g.tolist() for g in groups] == [[0, 1, 2], [1], [3, 4, 5]]


def test_boxes_have_no_balance(uneven):
  class Boxed:
    key_frames = True

  with pytest.raises(UserError, match='do not go with boxes'):
    balance.list_groups(Boxed())


def test_batches_resume_on_hosts(split):
  whole = train(split, balanced=True, repeats=2)
  assert order_of(whole) != order_of(train(split, repeats=2))
  assert_same(train(split, 2, balanced=True, repeats=2), whole[2:])
  hosts = [
    train(split, balanced=True, repeats=2, parallel=Parallelism(0, 0, n, 2))
    for n in range(2)
  ]
  assert_same(together(hosts), whole)
