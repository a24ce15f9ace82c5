"""Background: examples whose spans are drawn where no label is."""

import numpy as np
import pytest
from footage import imagine

from i2v_jax.data.sets.background import add_background, share_out
from i2v_jax.data.sets.split import Split
from i2v_jax.data.sets.tasks import use_task
from i2v_jax.runtime.errors import UserError

DURATIONS = {'a': 10.0, 'b': 40.0, 'c': 2.0}
LISTED = [
  ('a', 0, 2, {0}),
  ('a', 1, 4, {1}),
  ('b', 30, 40, {0}),
  ('c', 0, 2, {1}),
]


def split():
  return imagine(DURATIONS, LISTED)


def test_files_get_it_by_their_time_without_labels():
  found = add_background(split(), 2.0)
  assert len(found) == 4 + 8
  assert found.ids[4] == 'a@background-1' and len({*found.ids}) == 12
  # 6 seconds in a, 30 in b, none in c
  assert found.video_ids[4:] == ('a', *['b'] * 7)
  assert found.paths[4:] == found.video_ids[4:]
  assert not found.targets[4:].any() and found.targets[:4].any(1).all()
  assert found.segments.is_random.tolist() == [False] * 4 + [True] * 8
  assert found.class_names == ('jump', 'run')
  assert len(add_background(split(), 0.5)) == 6


def test_its_spans_are_in_gaps():
  found, rng = add_background(split(), 2.0), np.random.default_rng(0)
  for index in range(4, 12):
    for _ in range(20):
      start, end = found.segments.choose_span(index, rng)
      low, high = (4, 10) if index == 4 else (0, 30)
      assert low <= start < end <= high + 1e-9
      assert any(np.isclose(end - start, (2, 3, 6, 10)))
  places = [found.segments.choose_span(5) for _ in range(2)]
  assert places[0] == places[1]  # of evaluation


def test_with_one_label_it_is_a_class():
  found = add_background(use_task(split(), 'single'), 0.5)
  assert found.class_names == ('jump', 'run', 'background')
  assert found.labels.tolist() == [0, 1, 0, 1, 2, 2]
  given = imagine({'a': 9.0}, [('a', 0, 1, {0})], ('Background', 'run'))
  found = add_background(use_task(given, 'single'), 1.0)
  assert found.class_names == ('Background', 'run')
  assert found.labels.tolist() == [0, 0]


def test_it_needs_segments_and_time_without_labels():
  plain = Split(('a',), [0], ('run',), ('a',))
  with pytest.raises(UserError, match=r'data\.background needs segments'):
    add_background(plain, 1.0)
  full = imagine({'a': 2.0}, [('a', 0, 1.8, {0})])
  with pytest.raises(UserError, match='without labels in the 1 files of train'):
    add_background(full, 1.0)


def test_validation_goes_without_it_and_says_so():
  full = imagine({'a': 2.0}, [('a', 0, 1.8, {0})])
  for task, names in (('multi', 2), ('single', 3)):
    found = add_background(use_task(full, task), 1.0, 'val')
    assert found.ids == full.ids and len(found.class_names) == names
    assert 'in the 1 files of val, so that it is eval' in found.notes[-1]


def test_the_fingerprint_is_that_of_the_gaps():
  one, other = (add_background(split(), share) for share in (1.0, 1.0))
  assert one.fingerprint() == other.fingerprint() != split().fingerprint()
  longer = imagine(DURATIONS | {'b': 41.0}, LISTED)
  assert longer.fingerprint() == split().fingerprint()
  assert add_background(longer, 1.0).fingerprint() != one.fingerprint()


@pytest.mark.parametrize(
  ('total', 'weights', 'counts'),
  [(3, [1, 1, 1], [1, 1, 1]), (4, [1, 0, 1], [2, 0, 2]), (1, [2, 3], [0, 1])],
)
def test_a_number_is_shared_out(total, weights, counts):
  assert share_out(total, np.array(weights)) == counts
