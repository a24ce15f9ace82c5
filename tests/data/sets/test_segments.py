"""Spans and the gaps between them."""

import numpy as np
import pytest
from footage import imagine

from i2v_jax.data.sets.segments import (
  draw_span,
  find_gaps,
  group_spans,
  measure_union,
  name_span,
)


def test_a_span_is_named_to_milliseconds():
  assert name_span('a.mp4', 0, 10) == 'a.mp4@0-10'
  assert name_span('a.mp4', 1.50049, 100.1) == 'a.mp4@1.5-100.1'


def test_the_time_of_overlapping_spans_counts_once():
  spans = np.array([(2, 3), (1, 4), (3.5, 6), (8, 9), (9, 10)])
  assert measure_union(spans) == (7, 2)
  assert measure_union(spans[:0]) == (0, 0)


def test_spans_are_those_of_their_files_whatever_the_order():
  rows = [('b', 1, 2, {1}), ('a', 0, 1, {0}), ('b', 1, 3, {0})]
  segments = imagine({'a': 9.0, 'b': 9.0, 'c': 9.0}, rows).segments
  groups = group_spans(segments.spans, segments.video_of, 3)
  assert [g.tolist() for g in groups] == [[[0, 1]], [[1, 2], [1, 3]], []]
  find = segments.labelled.find_targets
  assert find(1, 1, 3).tolist() == [True, True]
  assert find(0, 0, 1).tolist() == [True, False]
  assert not find(2, 0, 9).any()


@pytest.mark.parametrize(
  ('spans', 'gaps'),
  [
    ([], [[0, 10]]),
    ([(0, 10)], []),
    ([(2, 3), (6, 8)], [[0, 2], [3, 6], [8, 10]]),
    ([(6, 8), (1, 7), (2, 3), (9, 10)], [[0, 1], [8, 9]]),
    ([(0.4, 9.5)], [[9.5, 10]]),  # 0.4 s are too short
  ],
)
def test_gaps_are_where_no_span_is(spans, gaps):
  found = find_gaps(np.array(spans).reshape(-1, 2), 10.0, 0.5)
  assert found.tolist() == gaps


def test_a_drawn_span_is_inside_a_gap_and_as_likely_anywhere():
  gaps, rng = np.array([[0.0, 1.0], [3.0, 6.0]]), np.random.default_rng(0)
  drawn = [draw_span(gaps, np.array([0.5, 9.0]), rng) for _ in range(400)]
  lengths = np.diff(drawn, axis=1)[:, 0]
  assert {*lengths.round(6)} == {0.5, 3.0}  # none is longer than a gap
  starts = np.array(drawn)[lengths < 1, 0]
  first = starts < 1
  assert (starts[first] <= 0.5).all() and (starts[~first] >= 3).all()
  assert (starts[~first] <= 5.5).all() and 0.1 < first.mean() < 0.25  # 1/6


def test_examples_are_chosen_with_all_files():
  split = imagine(
    {'a': 9.0, 'b': 9.0}, [('a', 0, 1, {0}), ('b', 1, 2, {1}), ('b', 3, 5, {0})]
  )
  few = split.choose([2, 0])
  assert few.ids == ('b@3-5', 'a@0-1') and few.video_ids == ('b', 'a')
  assert few.segments.footage == split.segments.footage
  assert few.segments.spans.tolist() == [[3, 5], [0, 1]]
  assert few.segments.video_of.tolist() == [1, 0]
  assert few.targets.tolist() == [[True, False]] * 2
  # Background of few examples is still where no label is.
  assert few.segments.gaps[1].tolist() == [[0, 1], [2, 3], [5, 9]]
  assert split.list_videos().ids == ('a', 'b')
  assert few.fingerprint() != split.fingerprint()
