"""One label for each example, or any number of them."""

import numpy as np
import pytest
from footage import imagine

from i2v_jax.data.sets.split import Split
from i2v_jax.data.sets.tasks import add_overlapping, use_task
from i2v_jax.runtime.errors import UserError


def make(labels):
  names = tuple(f'{n}.mp4' for n in range(len(labels)))
  return Split(names, labels, ('jump', 'run'), names)


def test_targets_of_one_label_each_become_labels():
  split = imagine({'a': 9.0}, [('a', 0, 1, {1}), ('a', 0, 2, {0})])
  single = use_task(split, 'single')
  assert single.labels.tolist() == [1, 0] and single.targets is None
  assert single.segments is split.segments


def test_a_span_gets_the_labels_that_others_list_for_half_of_it():
  rows = [
    ('a', 0, 4, {1}),
    ('a', 0, 2, {0}),
    ('b', 0, 2, {0}),
    ('b', 1, 4, {1}),
  ]
  listed = use_task(imagine({'a': 9.0, 'b': 9.0}, rows), 'multi')
  multi = add_overlapping(listed)
  found = dict(zip(multi.ids, multi.targets.tolist(), strict=True))
  assert found == {
    'a@0-4': [True, True],
    'a@0-2': [True, True],
    'b@0-2': [True, True],
    'b@1-4': [False, True],
  }
  single = make([1, 0])
  assert add_overlapping(single) is single


def test_several_labels_need_the_other_task():
  split = imagine({'a': 9.0}, [('a', 0, 1, {1}), ('a', 0, 2, {0, 1})])
  with pytest.raises(
    UserError, match=r"1 of 2 segments .*'a@0-2'\): set task='multi'"
  ):
    use_task(split, 'single')


def test_labels_become_targets():
  split = make([1, 0])
  assert use_task(split, 'single') is split
  multi = use_task(split, 'multi')
  assert multi.targets.tolist() == [[False, True], [True, False]]
  assert (multi.labels == -1).all()
  back = use_task(multi, 'single')
  np.testing.assert_array_equal(back.labels, split.labels)


def test_no_label_is_not_nothing():
  with pytest.raises(UserError, match=r"1 videos have no label, .*'1\.mp4'"):
    use_task(make([1, -1]), 'multi')
