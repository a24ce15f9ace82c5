"""Boxes of several moments that belong together, and what is between them."""

import numpy as np
import pytest

from i2v_jax.deploy import tracks
from i2v_jax.deploy.tracks import GAP, HOLD, Moment

LEFT, RIGHT = (0.0, 0.0, 0.4, 1.0), (0.5, 0.0, 0.9, 1.0)
NONE = np.zeros((0, 4))


def move(box, x):
  return np.add(box, (x, 0, x, 0))


def link(times, *boxes, **options):
  return tracks.link(
    times, [np.array(b).reshape(-1, 4) for b in boxes], **options
  )


def test_what_overlaps_has_one_name():
  first, second = [LEFT, RIGHT], [move(RIGHT, 0.05), move(LEFT, 0.05)]
  assert link([0, 1], first, second) == [['1', '2'], ['2', '1']]


def test_the_pair_that_overlaps_most_is_linked_first_and_each_box_once():
  near, far = move(LEFT, 0.02), move(LEFT, 0.1)
  assert link([0, 1], [LEFT], [far, near]) == [['1'], ['2', '1']]
  assert link([0, 1], [far, near], [LEFT]) == [['1', '2'], ['2']]


def test_what_moves_far_or_is_seen_late_is_another():
  assert link([0, 1], [LEFT], [move(LEFT, 0.3)]) == [['1'], ['2']]
  assert link([0, GAP], [LEFT], [LEFT]) == [['1'], ['1']]
  assert link([0, GAP + 0.1], [LEFT], [LEFT]) == [['1'], ['2']]


def test_key_frames_without_boxes_end_tracks():
  assert link([0, 1, 2], [LEFT], NONE, [LEFT]) == [['1'], [], ['2']]
  assert link([]) == []


def test_names_that_others_have_are_left_to_them():
  found = link([0], [LEFT, RIGHT], taken={'1', 'anna', '3'})
  assert found == [['2', '4']]


TRACK = [
  Moment(1.0, np.array(LEFT), ['sit']),
  Moment(2.0, np.array(RIGHT), ['walk']),
  Moment(9.0, np.array(LEFT), ['run']),
]


@pytest.mark.parametrize(
  ('seconds', 'box', 'words'),
  [
    (1.0, LEFT, 'sit'),
    (1.4, move(LEFT, 0.2), 'sit'),
    (1.6, move(LEFT, 0.3), 'walk'),
    (2.0, RIGHT, 'walk'),
    (1 - HOLD, LEFT, 'sit'),  # not yet moving
    (2 + HOLD, RIGHT, 'walk'),  # and no longer
    (9 - HOLD, LEFT, 'run'),
    (9 + HOLD, LEFT, 'run'),
  ],
)
def test_a_box_moves_evenly_and_is_held_at_the_ends(seconds, box, words):
  found = tracks.find_moment(TRACK, seconds)
  np.testing.assert_allclose(found.box, box, atol=1e-12)
  assert found.words == [words]


@pytest.mark.parametrize('seconds', [0.0, 0.49, 2.51, 5.0, 8.49, 9.51, 99.0])
def test_nothing_is_shown_where_nothing_is_known(seconds):
  assert tracks.find_moment(TRACK, seconds) is None


def test_a_single_moment_is_held():
  one = TRACK[:1]
  assert tracks.find_moment(one, 0.6).words == ['sit']
  assert tracks.find_moment(one, 1.6) is None
