"""The frame rate of a split is that of its videos, whichever can be opened."""

import numpy as np
import pytest

from i2v_jax.data.sets import frame_rates
from i2v_jax.data.sets.digits import write_video
from i2v_jax.data.sets.frame_rates import find_median_fps
from i2v_jax.data.sets.split import Split


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('rates')
  for fps in (10, 25, 50):
    write_video(folder / f'{fps}.mp4', np.zeros((6, 16, 16, 3), np.uint8), fps)
  return folder


def make_split(folder, *names):
  paths = tuple(str(folder / name) for name in names)
  return Split(paths, np.zeros(len(paths), int), ('any',), paths)


def test_the_median_of_videos_that_open(folder):
  names = ('50.mp4', 'gone.mp4', '25.mp4', '10.mp4')
  assert find_median_fps(make_split(folder, *names)) == 25
  assert find_median_fps(make_split(folder, 'gone.mp4')) == 0


def test_a_few_of_many_are_opened(folder, monkeypatch):
  monkeypatch.setattr(frame_rates, 'MOST', 3)
  names = ['10.mp4'] * 9
  names[4] = names[8] = '50.mp4'
  assert find_median_fps(make_split(folder, *names)) == 50
