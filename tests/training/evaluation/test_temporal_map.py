"""Temporal mAP against six segments worked out by hand, and what is equal."""

import pytest

from i2v_jax.training.evaluation.temporal_map import compute_temporal_map

TRUTH = [
  ('one', 'run', 0, 10),
  ('one', 'run', 20, 30),
  ('two', 'run', 0, 10),
  ('two', 'run', 20, 40),
  ('one', 'sit', 5, 15),
  ('two', 'sit', 50, 60),
]
FOUND = [  # in another order than that of their scores
  ('two', 'sit', 50, 60, 0.9),  # IoU 1
  ('one', 'sit', 5, 10, 0.3),  # 5 / 10
  ('three', 'run', 0, 10, 0.5),  # in a video without any
  ('one', 'run', 0, 10, 0.9),  # 1
  ('one', 'run', 1, 10, 0.8),  # 9 / 10 of one that is taken, 0 of the other
  ('one', 'run', 22, 32, 0.7),  # 8 / 12
  ('two', 'run', 0, 4, 0.6),  # 4 / 10
  ('two', 'run', 20, 34, 0.4),  # 14 / 20, which is 0.7 and enough
  ('one', 'fly', 0, 10, 1.0),  # of no class that is annotated
]


def test_six_segments_by_hand():
  found = compute_temporal_map(TRUTH, FOUND, (0.3, 0.5, 0.7))
  # run, by score: right, wrong, 8/12, 4/10, wrong, 14/20; 4 are annotated.
  # 0.3: 1 0 1 1 0 1, precisions 1, 2/3, 3/4, 4/6, at their best 1, 3/4, 3/4,
  #   2/3: AP = (1 + 3/4 + 3/4 + 2/3) / 4 = 19/24. sit: 1 1, AP = 1.
  # 0.5: 1 0 1 0 0 1: (1 + 2/3 + 3/6) / 4 = 13/24. sit: 5/10 is enough, 1.
  # 0.7: 1 0 0 0 0 1: (1 + 2/6) / 4 = 1/3. sit: 1 0, AP = 1/2.
  assert found == pytest.approx({0.3: 43 / 48, 0.5: 37 / 48, 0.7: 5 / 12})


def test_a_taken_segment_leaves_the_next_best():
  truth = [('v', 'a', 0, 10), ('v', 'a', 4, 14)]
  found = [('v', 'a', 0, 10, 0.9), ('v', 'a', 1, 11, 0.8)]  # 9/11, then 7/13
  assert compute_temporal_map(truth, found, (0.5, 0.6)) == {0.5: 1.0, 0.6: 0.5}


def test_equals_count_in_the_order_of_the_rows():
  truth = [('v', 'a', 0, 10)]
  right, wrong = ('v', 'a', 0, 10, 0.5), ('v', 'a', 50, 60, 0.5)
  assert compute_temporal_map(truth, [right, wrong], [0.5]) == {0.5: 1.0}
  assert compute_temporal_map(truth, [wrong, right], [0.5]) == {0.5: 0.5}
  # Half of either segment: the first is taken, which the next row needs.
  truth = [('v', 'a', 0, 2), ('v', 'a', 2, 4)]
  found = [('v', 'a', 0, 4, 0.9), ('v', 'a', 0, 2, 0.8)]
  assert compute_temporal_map(truth, found, [0.5]) == {0.5: 0.5}


def test_nothing_found_is_0_and_nothing_annotated_an_error():
  assert compute_temporal_map(TRUTH, [], [0.5]) == {0.5: 0.0}
  empty = [('one', 'run', 3, 3, 0.5)]
  assert compute_temporal_map([('one', 'run', 3, 3)], empty) == dict.fromkeys(
    (0.3, 0.5, 0.7), 0.0
  )
  with pytest.raises(ValueError, match='No segment is annotated'):
    compute_temporal_map([], FOUND)
