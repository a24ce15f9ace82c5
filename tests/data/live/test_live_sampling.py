"""Frames are taken at the rate of the training, whatever a source gives."""

import dataclasses

import numpy as np
import pytest
from streamed import SPEC

from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.data.live.sampling import Sampler, find_rate
from i2v_jax.runtime.errors import UserError


def taken(times, rate, of):
  sampler = Sampler(rate, of)
  return [i for i, seconds in enumerate(times) if sampler.take(seconds)]


def find(spec, stated, **options):
  return find_rate(ReadOptions(spec, **options), stated, 'cam')


@pytest.mark.parametrize('stride', [1, 2, 3, 8])
@pytest.mark.parametrize('fps', [8, 24, 25, 30000 / 1001, 30, 60])
def test_a_rate_that_divides_that_of_the_source_takes_every_nth(fps, stride):
  """Also if times are rounded, as Matroska does, or jitter, as cameras do."""
  count = 20 * stride
  times = np.arange(count) / fps
  jitter = np.random.default_rng(0).uniform(-0.4, 0.4, count) / fps
  for seconds in (
    times,
    times.round(3),
    times + 1e6,
    times + jitter * (times > 0),
  ):
    assert taken(seconds, fps / stride, fps) == [*range(0, count, stride)]


def test_other_rates_take_the_nearest_frames():
  times = np.arange(300) / 30
  found = taken(times, 12.5, 30)
  assert found == [round(k * 30 / 12.5) for k in range(len(found))]
  assert len(found) == 125


def test_a_slower_source_gives_all_frames():
  assert taken(np.arange(50) / 10, 30, 10) == [*range(50)]


def test_frames_that_are_missing_do_not_shift_those_after():
  times = [i / 30 for i in range(60) if not 10 < i < 23]
  found = [round(times[i] * 30) for i in taken(times, 7.5, 30)]
  assert found == [0, 4, 8, 23, 24, *range(28, 60, 4)]


def test_a_restart_counts_from_the_next_frame():
  sampler = Sampler(10, 30)
  assert sampler.take(0.0) and not sampler.take(1 / 30)
  sampler.restart()
  assert sampler.take(2 / 30) and not sampler.take(4 / 30)
  assert sampler.take(5 / 30)


def test_the_rate_is_that_of_the_training():
  spec = dataclasses.replace(SPEC, stride=4)
  assert find(spec, 30.0) == 7.5
  assert find(spec, 30.0, rate=12.0) == 12
  spread = dataclasses.replace(SPEC, sampling='uniform')
  assert find(spread, 30.0, segment=2.0) == SPEC.num_frames / 2


@pytest.mark.parametrize('stated', [0.0, 25.0, 60.0])
def test_the_rate_of_the_training_videos_counts_whatever_a_source_has(stated):
  spec = dataclasses.replace(SPEC, stride=4)
  assert find(spec, stated, training_fps=30.0) == 7.5
  assert find(spec, stated, training_fps=30.0, rate=9.0) == 9


def test_a_rate_that_nothing_says_is_asked_for():
  with pytest.raises(UserError, match=r'cam does not say .* give --rate'):
    find(SPEC, 0.0)
  spread = dataclasses.replace(SPEC, sampling='uniform')
  with pytest.raises(UserError, match=r'spread over complete .* give --rate'):
    find(spread, 30.0)
  with pytest.raises(UserError, match='--rate is 0'):
    find(SPEC, 30.0, rate=0)
