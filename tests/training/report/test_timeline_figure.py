"""Spans of a video, however many there are."""

import numpy as np
import pytest
from drawn import find_tips

from i2v_jax.training.report.figures import timeline


def test_what_is_seen_stays_as_it_is():
  spans = [(0.0, 4.0, 'a'), (4.1, 9.0, 'a'), (5.0, 9.0, 'b')]
  assert [part[:3] for part in timeline.merge(spans, 1.0)] == [
    (start, end, (label,)) for start, end, label in spans
  ]


def test_short_spans_join_their_label_and_then_their_place():
  spans = [(n / 8, n / 8 + 0.0625, 'a') for n in range(40)]
  spans += [(20.0, 20.1, 'b'), (20.2, 20.3, 'c'), (25.0, 25.1, 'b')]
  a, bc, b = timeline.merge(spans, 1.0)
  assert a == (0.0, 4.9375, ('a',), 40)
  assert bc == (20.0, 20.3, ('b', 'c'), 2)
  assert b == (25.0, 25.1, ('b',), 1)


@pytest.mark.parametrize('classes', [1, 100])
def test_thousands_of_spans_are_a_small_figure(classes):
  rng = np.random.default_rng(0)
  starts = np.sort(rng.uniform(0, 3600, 3000)).tolist()
  spans = [(x, x + 1.0, f'class {n % classes}') for n, x in enumerate(starts)]
  drawn = timeline.draw_timeline(3600, [timeline.Row('found', spans)])
  assert len(drawn) < 100_000
  tips = find_tips(drawn)
  counts = [
    int(tip.split()[0].replace(',', '')) for tip in tips if ' of ' in tip
  ]
  assert sum(counts) + len(tips) - len(counts) == 3000
