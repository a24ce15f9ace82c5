"""Some examples of each class, the same for one seed."""

import collections

import numpy as np
import pytest
from footage import imagine

from i2v_jax.data.sets.split import Split
from i2v_jax.data.sets.subsets import choose_share, choose_shots
from i2v_jax.runtime.errors import UserError

LABELS = [0] * 30 + [1] * 10 + [2] * 4


def make(order=None):
  order = range(len(LABELS)) if order is None else order
  names = tuple(f'{n}.mp4' for n in order)
  labels = [LABELS[n] for n in order]
  return Split(names, labels, ('a', 'b', 'c'), names)


def count(split):
  return [*collections.Counter(split.labels.tolist()).values()]


def test_each_class_has_that_many():
  few = choose_shots(make(), 3, 0)
  assert count(few) == [3, 3, 3]
  assert few.notes == ('chosen by seed 0: 9 of 44 videos',)
  assert {*few.ids} < {*choose_shots(make(), 4, 0).ids}
  assert {*choose_shots(make(), 3, 1).ids} != {*few.ids}


def test_the_order_of_the_list_changes_nothing():
  order = np.random.default_rng(0).permutation(len(LABELS))
  for choose, size in ((choose_shots, 2), (choose_share, 0.3)):
    one, other = choose(make(), size, 5), choose(make(order), size, 5)
    assert {*one.ids} == {*other.ids}


def test_a_share_is_of_each_class_and_never_none():
  assert count(choose_share(make(), 0.5, 0)) == [15, 5, 2]
  assert count(choose_share(make(), 0.01, 0)) == [1, 1, 1]


def test_more_shots_than_examples_are_refused():
  with pytest.raises(
    UserError, match=r'shots=11 .* 2 of 3 classes: b \(10\), c'
  ):
    choose_shots(make(), 11, 0)


def test_an_example_of_two_classes_counts_for_both():
  listed = [('a', n, n + 1, {0, 1} if n < 2 else {n % 2}) for n in range(10)]
  split = imagine({'a': 20.0}, listed)
  few = choose_shots(split, 3, 0)
  assert (few.targets.sum(0) >= 3).all() and len(few) <= 6
  assert len(few.segments) == len(few) and few.segments.gaps[0][0, 0] == 10


def test_a_prepared_split_keeps_its_videos_in_order():
  class Records:
    def choose(self, indices):
      return [f'record {n}' for n in indices]

  split = Split(
    ('a', 'b', 'c'), [0, 1, 0], ('x', 'y'), ('a', 'b', 'c'), records=Records()
  )
  few = split.choose([2, 1])
  assert few.ids == ('c', 'b') and few.video(0) == 'record 2'
