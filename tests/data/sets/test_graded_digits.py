"""Graded motions: orders of the same frames, in pairs reversed in time."""

import numpy as np
import pytest

from i2v_jax.data.sets import digits, graded_digits, sources

MOTIONS = graded_digits.MOTIONS


@pytest.fixture(scope='module')
def images():
  return digits.load_images()['train'][0]


def make(images, motion, seed=0, **style):
  return graded_digits.make_clip(
    images,
    MOTIONS[motion],
    graded_digits.Style(**style),
    np.random.default_rng(seed),
  )


def test_classes_are_orders_of_the_same_cells():
  cells = [
    sorted(zip(motion.places, motion.marked, strict=True))
    for motion in MOTIONS.values()
  ]
  every = [(place, seen) for place in range(8) for seen in (False, True)]
  assert all(found == every for found in cells)
  assert len(MOTIONS) == len(set(MOTIONS.values())) == 20


def test_a_frame_of_known_time_leaves_two_classes_at_best():
  kinds = [
    len({(m.places[t], m.marked[t]) for m in MOTIONS.values()})
    for t in range(graded_digits.STEPS)
  ]
  assert max(kinds) == len(MOTIONS) // 2 and min(kinds) == 6


def test_each_class_is_another_one_reversed():
  reverse = lambda m: type(m)(m.places[::-1], m.marked[::-1])
  found = {reverse(motion) for motion in MOTIONS.values()}
  assert found == set(MOTIONS.values())
  assert all(reverse(motion) != motion for motion in MOTIONS.values())


def test_a_bag_of_frames_has_no_label(images):
  bags, orders = set(), set()
  for motion in MOTIONS:
    frames = [frame.tobytes() for frame in make(images, motion)]
    assert len(set(frames)) == 16
    bags.add(tuple(sorted(frames)))
    orders.add(tuple(frames))
  assert len(bags) == 1 and len(orders) == 20


def test_what_is_added_does_not_know_the_class(images):
  style = dict(noise=20.0, distractors=1)
  noise = {
    (make(images, motion, **style) - make(images, motion)).sum(dtype=int)
    for motion in list(MOTIONS)[:2]
  }
  assert len(noise) == 2  # drawn over, for other frames
  for motion in list(MOTIONS)[:4]:
    clean, hard = make(images, motion), make(images, motion, noise=20.0)
    difference = hard.astype(int) - clean
    assert 5 < difference.std() < 25  # clipped at black


def test_steps_are_held(images):
  motion = 'right twice, early'
  assert make(images, motion, hold=2).shape == (32, 32, 32, 3)
  held, plain = make(images, motion, hold=2), make(images, motion)
  np.testing.assert_array_equal(held[::2], plain)
  np.testing.assert_array_equal(held[1::2], plain)


def test_a_folder_of_twenty_classes_is_written(tmp_path):
  root = str(tmp_path / 'graded')
  for name, count in (('train', 40), ('val', 20)):
    split = sources.load_split(
      'graded_digits', root, name, num_train=40, num_val=20
    )
    assert split.class_names == tuple(sorted(MOTIONS))
    assert np.bincount(split.labels).tolist() == [count // 20] * 20
