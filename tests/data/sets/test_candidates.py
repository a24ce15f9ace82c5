"""Which proposals a test classifies, and what is said of the others."""

import numpy as np
import pytest

from i2v_jax.data.sets import candidates, group_boxes
from i2v_jax.data.sets.candidates import Rule
from i2v_jax.data.sets.key_frames import Truth, make_rows
from i2v_jax.runtime.errors import UserError

BOX = (0.1, 0.2, 0.3, 0.4)
A1, A2, A3, B1 = ('a', '1'), ('a', '2'), ('a', '3'), ('b', '1')
TRUTH = Truth(
  make_rows([A1, A2, A3, B1], [BOX] * 4, [0, 1, 1, 1]),
  frozenset({A3}),
  np.array([True, True]),
)


def choose(pairs, min_score=0.8, keep_one=False):
  keys, scores = zip(*pairs, strict=True)
  rows = make_rows(keys, [BOX] * len(keys), [-1] * len(keys), scores)
  is_here = lambda key: key[0] in ('a', 'b')
  rule = Rule(min_score, keep_one)
  return candidates.choose(rows, 'p.csv', TRUTH, is_here, rule)


def test_the_least_score_is_good_enough():
  found = choose([(A1, 0.8), (A1, 0.79), (B1, 0.9), (A2, 0.95), (A2, 0.95)])
  assert found.boxes.keys == (A1, B1, A2, A2)
  assert found.boxes.scores.tolist() == [0.8, 0.9, 0.95, 0.95]
  assert found.boxes.labels.tolist() == [[False, False]] * 4
  assert (found.source, found.unboxed, found.notes) == ('p.csv', (), ())


def test_the_best_of_a_key_frame_can_be_kept():
  pairs = [(A1, 0.1), (A1, 0.3), (A2, 0.9), (A2, 0.7), (B1, 0.8)]
  found = choose(pairs, keep_one=True)
  assert found.boxes.scores.tolist() == [0.3, 0.9, 0.8]


def test_excluded_key_frames_are_not_classified():
  assert choose([(A3, 0.9), (A1, 0.9), (B1, 1)]).boxes.keys == (A1, B1)
  rows = group_boxes.merge(TRUTH.rows, 2)
  found = candidates.choose_annotated(rows, TRUTH)
  assert found.boxes.keys == (A1, A2, B1) and found.source == 'annotations'


def test_what_does_not_match_is_counted():
  pairs = [(A1, 0.9), (('c', '1'), 0.9), (('c', '1'), 0.1), (('a', '9'), 0.9)]
  found = choose(pairs)
  assert found.unboxed == ('b',)
  assert found.notes == (
    'boxes of p.csv in no key frame of this split, left out: 2 (c@1)',
    'annotated key frames without a box with a score of 0.8 or more in p.csv, '
    'whose truth counts as missed: 2 of 3',
    'key frames with a box in p.csv but without truth, where all that is found '
    'counts as wrong: 1',
  )


def test_a_video_with_low_scores_only_is_not_unboxed():
  assert choose([(A1, 0.9), (B1, 0.1)]).unboxed == ()


@pytest.mark.parametrize(
  ('pairs', 'score', 'error'),
  [
    ([(('c', '1'), 0.9)], 0.8, 'its first is in c@1, the first annotated one '),
    ([(A1, 0.7), (A3, 0.9)], 0.8, 'no box in p.csv has a score of 0.8 or more'),
    ([(A1, 0.9)], 1.2, 'min_score is 1.2; it can be a number from 0 to 1'),
    ([(A1, 0.9)], '0.8', "min_score is '0.8'"),
  ],
)
def test_proposals_that_cannot_be_used_are_refused(pairs, score, error):
  with pytest.raises(UserError, match=error):
    choose(pairs, score)
