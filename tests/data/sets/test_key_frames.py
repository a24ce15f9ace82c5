"""Key frames of some videos keep their boxes, and the truth of those."""

import numpy as np

from i2v_jax.data.sets.group_boxes import Boxes, group
from i2v_jax.data.sets.key_frames import Truth, make_rows
from i2v_jax.data.sets.split import Split

BOX = (0.1, 0.2, 0.3, 0.4)
KEYS = (('a', '1'), ('a', '2'), ('b', '1'))


def make():
  """Key frames of a and b, of one, no and two boxes."""
  rows = make_rows([KEYS[0], KEYS[2]], [BOX, BOX], [0, 1])
  truth = Truth(rows, frozenset({KEYS[2]}), np.array([True, False]))
  keys = (KEYS[2], KEYS[0], KEYS[2])
  boxes = np.arange(12).reshape(3, 4) / 12
  labels = np.array([[0, 1], [1, 0], [1, 1]], bool)
  found = Boxes(keys, boxes, labels, np.array([0.1, 0.2, 0.3]), 'xyz')
  times = {('a', '1'): 1.0, ('b', '1'): 1.0}
  return group(found, ['a', 'b'], times, truth)


def test_key_frames_of_some_videos():
  found = make().keep_videos({'b'})
  assert found.keys == (KEYS[2],) and found.times.tolist() == [1]
  assert found.ends.tolist() == [0, 2] and found.persons == ('x', 'z')
  assert found.labels.tolist() == [[False, True], [True, True]]
  assert found.truth.rows.keys == (KEYS[2],)
  assert found.truth.excluded == {KEYS[2]}
  none = make().keep_videos({'a'})
  assert none.truth.excluded == frozenset() and none.most_boxes == 1


def test_truth_that_counts_is_not_excluded():
  assert [*make().truth.keys] == [KEYS[0]]


def test_the_fingerprint_is_that_of_boxes_and_truth():
  def split_of(frames):
    ids = tuple('@'.join(key) for key in frames.keys)
    labels = np.full(len(ids), -1)
    return Split(ids, labels, ('x', 'y'), ids, key_frames=frames)

  one, other = make(), make()
  assert split_of(one).fingerprint() == split_of(other).fingerprint()
  other.boxes[0, 0] += 0.5
  assert split_of(one).fingerprint() != split_of(other).fingerprint()
