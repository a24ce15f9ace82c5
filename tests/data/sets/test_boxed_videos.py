"""Lengths and sizes of videos that boxes are in."""

import numpy as np
import pytest

from i2v_jax.data.sets import boxed_videos, listing
from i2v_jax.data.sets.box_tables import Problems
from i2v_jax.data.sets.boxed_videos import Facts
from i2v_jax.runtime.errors import UserError

FACTS = {'a': Facts(2.0, 40, 80), 'bad': Facts(reason='is empty')}
KEYS = [('a', '1'), ('bad', '1'), ('none', '1')]


def test_each_video_is_opened_once(videos):
  rows = {
    name: listing.Row(('',), (name,), -1)
    for name in ('rotated_90.mov', 'corrupted.mp4', 'none.mp4')
  }
  found = boxed_videos.open_videos(str(videos), rows)
  assert {*found} == {'rotated_90.mov', 'corrupted.mp4'}
  upright = found['rotated_90.mov']
  assert upright.height > upright.width > 0 < upright.end < 100


def test_only_known_ends_are_checked():
  problems = Problems('t.csv')
  times = np.array([2.0005, 9, 9])
  boxed_videos.check_times(KEYS, times, [1, 2, 3], FACTS, problems)
  problems.check()
  boxed_videos.check_times(KEYS[:1], [2.01], [1], FACTS, problems)
  with pytest.raises(UserError, match=r'2\.01 s is after the end of a, 2\.000'):
    problems.check()


def test_pixels_become_shares():
  problems = Problems('t.csv')
  boxes = np.array([(0, 20, 20, 80.9), (0, 0, 9, 9), (0, 0, 9, 9)])
  found = boxed_videos.check_boxes(
    KEYS, boxes, [1, 2, 3], FACTS, problems, True
  )
  assert found[0].tolist() == [0, 0.25, 0.5, 1]  # one pixel beyond is rounding
  with pytest.raises(UserError, match='1 bad line; line 2: the size of bad is'):
    problems.check()


def test_unread_videos_are_named():
  assert boxed_videos.describe_unread({'a': FACTS['a']}) == []
  (note,) = boxed_videos.describe_unread(FACTS)
  assert note.endswith("not checked: 1 ('bad')")
