"""Rows of one box become one box with all its classes."""

import numpy as np

from i2v_jax.data.sets import group_boxes
from i2v_jax.data.sets.key_frames import Truth, make_rows

ONE, OTHER = (0.1, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.5)
A1, A2, B1 = ('a', '1'), ('a', '2'), ('b', '1')


def test_rows_of_a_box_are_merged():
  keys, boxes = [A1, A1, A1, A2, A1], [ONE, OTHER, ONE, ONE, ONE]
  rows = make_rows(keys, boxes, [2, 0, 1, -1, 2])
  found = group_boxes.merge(rows, 3, ['p', 'q', 'r', 's', 'p'])
  assert found.keys == (A1, A1, A2) and found.persons == ('p', 'q', 's')
  assert found.boxes.tolist() == [[*ONE], [*OTHER], [*ONE]]
  assert found.labels.tolist() == [
    [False, True, True],
    [True, False, False],
    [False, False, False],
  ]


def test_key_frames_are_in_the_order_of_videos_and_times():
  rows = make_rows([A2, B1, A1, A2], [ONE, ONE, ONE, OTHER], [0, 0, 0, 0])
  truth = Truth(rows, frozenset(), np.array([True]))
  times = {A1: 10.0, A2: 9.0, B1: 1.0}
  boxes = group_boxes.merge(rows, 1)
  found = group_boxes.group(boxes, ['b', 'a'], times, truth, source='x.csv')
  assert found.keys == (B1, A2, A1) and found.times.tolist() == [1, 9, 10]
  assert found.ends.tolist() == [0, 1, 3, 4] and found.source == 'x.csv'
  assert np.allclose(found.boxes[found.rows(1)], [ONE, OTHER])
  assert found.boxes.dtype == np.float32 and found.most_boxes == 2


def test_no_box_is_no_key_frame():
  rows = make_rows([], [], [])
  truth = Truth(rows, frozenset(), np.array([True]))
  found = group_boxes.group(group_boxes.merge(rows, 1), [], {}, truth)
  assert len(found) == 0 and found.ends.tolist() == [0]
  assert found.most_boxes == 0
