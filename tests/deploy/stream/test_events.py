"""Events of a stream: segments of its timeline, reported as they happen."""

import itertools

import numpy as np
import pytest

from i2v_jax.deploy.prediction.timeline import Rules, Segment, find_segments
from i2v_jax.deploy.stream.events import EventFinder

NAMES = ('walks', 'waves', 'background', 'falls')
PERIOD = 0.25
OPTIONS = (
  {},
  {'stay': 0.9},
  {'max_gap': 0.6},
  {'min_length': 0.7},
  {'stay': 0.5, 'max_gap': 1.0, 'min_length': 1.0},
)


def make_rules(exclusive=False, **options):
  return Rules(NAMES, np.array([0.5, 0.6, 0.5, 0.4]), exclusive, **options)


def find(rules, times, scores):
  """Events of all frames, and of the end."""
  finder = EventFinder(rules, PERIOD)
  told = [finder.take(t, row) for t, row in zip(times, scores, strict=True)]
  return [*told, finder.finish()]


def draw(rng, exclusive):
  """Frames at irregular times, with probabilities that wander."""
  count = int(rng.integers(1, 60))
  times = np.cumsum(rng.choice([0.25, 0.25, 0.5, 0.1], count))
  logits = np.cumsum(rng.normal(size=(count, len(NAMES))), axis=0)
  if exclusive:
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
  else:
    scores = 1 / (1 + np.exp(-logits))
  return times, scores


@pytest.mark.parametrize('exclusive', [False, True])
@pytest.mark.parametrize('options', OPTIONS)
def test_events_are_the_segments_of_the_timeline(exclusive, options):
  rng, seen = np.random.default_rng(0), 0
  rules = make_rules(exclusive, **options)
  for _ in range(150):
    times, scores = draw(rng, exclusive)
    told = [*itertools.chain(*find(rules, times, scores))]
    ends = [event for event in told if event.kind == 'end']
    begins = [event for event in told if event.kind == 'begin']
    edges = np.append(times, times[-1] + PERIOD)
    wanted = find_segments(edges, scores, rules)
    seen += len(wanted)
    found = sorted(
      (Segment(e.name, e.start, e.end, e.score) for e in ends),
      key=lambda s: (s.start, NAMES.index(s.name)),
    )
    assert [s[:1] for s in found] == [s[:1] for s in wanted]
    np.testing.assert_allclose(
      [s[1:] for s in found], [s[1:] for s in wanted], atol=1e-9
    )
    assert sorted(e[1:3] for e in begins) == sorted(e[1:3] for e in ends)
  assert seen > 100


def test_a_beginning_and_an_end_are_told_at_once():
  scores = np.zeros((5, 4))
  scores[1:3, 0] = 0.8, 0.6
  told = find(make_rules(), np.arange(5.0), scores)
  assert [len(events) for events in told] == [0, 1, 0, 1, 0, 0]
  assert told[1] == [('begin', 'walks', 1, None, 0.8)]
  assert told[3] == [('end', 'walks', 1, 3, pytest.approx(0.7))]


def test_a_least_length_and_a_gap_are_waited_for():
  scores = np.zeros((8, 4))
  scores[[1, 2, 4], 0] = 0.8, 0.9, 0.7
  rules = make_rules(min_length=2.0, max_gap=1.0)
  told = find(rules, np.arange(8.0), scores)
  kinds = [[event.kind for event in events] for events in told]
  assert kinds == [[], [], [], ['begin'], [], [], ['end'], [], []]
  assert told[3] == [('begin', 'walks', 1, None, 0.8)]  # as it began
  assert told[6][0][2:4] == (1, 5)


def test_a_new_start_ends_what_was():
  finder = EventFinder(make_rules(max_gap=9.0), PERIOD)
  row = np.array([0.9, 0, 0, 0])
  finder.take(0.0, row)
  told = finder.take(100.0, row, fresh=True)
  assert [event[:4] for event in told] == [
    ('end', 'walks', 0, PERIOD),
    ('begin', 'walks', 100, None),
  ]


def test_nothing_is_kept_of_what_has_ended():
  finder, rng = EventFinder(make_rules(), PERIOD), np.random.default_rng(0)
  for number in range(2000):
    finder.take(number * PERIOD, rng.uniform(size=4))
    assert len(finder._segments) <= 3
