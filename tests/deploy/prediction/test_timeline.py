"""Scores of windows become segments, by rules worked out by hand."""

import numpy as np
import pytest

from i2v_jax.deploy.prediction.timeline import (
  Rules,
  Segment,
  find_segments,
  make_timeline,
  spread,
)

NAMES = ('a', 'b', 'background')


def rules(names=NAMES, thresholds=0.5, exclusive=False, **more):
  thresholds = np.broadcast_to(thresholds, len(names))
  return Rules(names, thresholds, exclusive, **more)


def spans(scores, **more):
  """(start, end) of class a in cells of a second with these scores."""
  cells = np.array(scores, float)[:, None]
  found = find_segments(
    np.arange(len(cells) + 1.0), cells, rules(('a',), **more)
  )
  return [(segment.start, segment.end) for segment in found]


def test_cells_are_means_of_the_windows_that_overlap_them():
  seconds = np.array([[0, 2], [1, 3], [2, 4]], float)
  edges, cells = spread(seconds, np.array([[1.0], [0.0], [0.5]]), 1.0)
  np.testing.assert_array_equal(edges, [0, 1, 2, 3, 4])
  np.testing.assert_allclose(cells[:, 0], [1, 0.5, 0.25, 0.5])


def test_the_last_window_counts_where_it_is():
  """A video of 4.5 s: the last window begins off the grid, at 2.5 s."""
  seconds = np.array([[0, 2], [1, 3], [2, 4], [2.5, 4.5]])
  edges, cells = spread(seconds, np.array([[0], [0], [0], [1.0]]), 1.0)
  np.testing.assert_array_equal(edges, [0, 1, 2, 3, 4, 4.5])
  # 2..3 s: two windows for a second and one for half of it.
  np.testing.assert_allclose(cells[:, 0], [0, 0, 0.5 / 2.5, 0.5, 1])


def test_a_segment_begins_at_the_threshold_and_lasts_above_its_share():
  assert spans([0.1, 0.4, 0.5, 0.4, 0.34, 0.9]) == [(2, 4), (5, 6)]
  assert spans([0.1, 0.4, 0.5, 0.4, 0.34], stay=1.0) == [(2, 3)]
  assert spans([0.1, 0.4, 0.5, 0.4, 0.0], stay=0.0) == [(2, 5)]
  assert spans([0.4, 0.4]) == []
  assert spans([0.9] * 3) == [(0, 3)]


def test_short_segments_are_dropped_after_gaps_are_closed():
  scores = [0.9, 0.0, 0.9, 0.0, 0.0, 0.9]
  assert spans(scores) == [(0, 1), (2, 3), (5, 6)]
  assert spans(scores, max_gap=1) == [(0, 3), (5, 6)]
  assert spans(scores, max_gap=1, min_length=2) == [(0, 3)]
  assert spans(scores, min_length=2) == []
  assert spans(scores, max_gap=2) == [(0, 6)]


def test_scores_are_means_inside_by_time():
  edges = np.array([0, 1, 1.5])
  cells = np.array([[0.9], [0.6]])
  (found,) = find_segments(edges, cells, rules(('a',)))
  assert found == Segment('a', 0.0, 1.5, pytest.approx(0.8))


def find(cells, **more):
  cells = np.array(cells, float)
  found = find_segments(np.arange(len(cells) + 1.0), cells, rules(**more))
  return [tuple(segment[:3]) for segment in found]


def test_several_labels_overlap():
  cells = [[0.9, 0.0, 0], [0.8, 0.6, 0], [0.0, 0.7, 0]]
  assert find(cells) == [('a', 0, 2), ('b', 1, 3)]


def test_one_label_is_the_best_of_each_moment():
  cells = [[0.9, 0.1, 0], [0.4, 0.6, 0], [0.1, 0.1, 0.8], [0.3, 0.35, 0.35]]
  found = find(cells, exclusive=True)
  assert found == [('a', 0, 1), ('b', 1, 2)]
  assert find([[0.2, 0.1, 0.9]]) == []  # background is never a segment


def test_a_gap_in_which_another_class_is_stays():
  cells = [[0.9, 0, 0], [0.1, 0.8, 0], [0.9, 0, 0], [0, 0, 1], [0.9, 0, 0]]
  found = find(cells, exclusive=True, max_gap=1)
  assert found == [('a', 0, 1), ('b', 1, 2), ('a', 2, 5)]
  found = find(cells, max_gap=1)
  assert found == [('a', 0, 5), ('b', 1, 2)]


def test_each_class_has_its_threshold():
  cells = [[0.6, 0.6, 0]]
  assert find(cells, thresholds=[0.7, 0.5, 0]) == [('b', 0, 1)]


def test_a_timeline_has_cells_of_half_a_window_or_a_step():
  seconds = np.array([[0, 2], [1, 3], [2, 4]], float)
  scores = np.array([[0.9, 0, 0], [0.9, 0, 0], [0.0, 0, 0]])
  made = make_timeline('a.mp4', seconds, scores, None, rules(thresholds=0.4))
  assert made.segments == (Segment('a', 0.0, 3.0, pytest.approx(0.75)),)
  assert made.to_json() == {
    'file': 'a.mp4',
    'duration': 4.0,
    'segments': [{'class': 'a', 'start': 0.0, 'end': 3.0, 'score': 0.75}],
  }


def test_a_single_window_is_one_sentence():
  seconds, scores = np.array([[0, 1.5]]), np.array([[0.9, 0, 0]])
  made = make_timeline('a.mp4', seconds, scores, None, rules())
  assert made.error.startswith('a.mp4 lasts 1.50 s, no longer than a window')
  assert made.to_json() == {'file': 'a.mp4', 'error': made.error}


@pytest.mark.parametrize(
  'value', [{'stay': 1.5}, {'min_length': -1}, {'max_gap': float('nan')}]
)
def test_rules_have_ranges(value):
  (name,) = value
  with pytest.raises(ValueError, match=f'--{name.replace("_", "-")} is'):
    rules(**value)


def test_a_day_takes_little_time():
  """86,400 windows of 4 classes."""
  starts = np.arange(86_400.0)
  seconds = np.stack([starts, starts + 2], axis=1)
  scores = np.random.default_rng(0).random((86_400, 4), np.float32)
  names = tuple(map(str, range(4)))
  found = make_timeline('a.mp4', seconds, scores, 1.0, rules(names))
  assert len(found.segments) > 10_000 and found.duration == 86_401
