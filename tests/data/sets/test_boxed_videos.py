"""Boxes that are in their videos, and others."""

import numpy as np
import pytest

from i2v_jax.data.sets import boxed_videos
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.video_facts import Facts
from i2v_jax.runtime.errors import UserError

FACTS = {'a': Facts(2.0, 40, 80), 'bad': Facts(reason='is empty')}
KEYS = [('a', '1'), ('bad', '1'), ('none', '1')]


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
