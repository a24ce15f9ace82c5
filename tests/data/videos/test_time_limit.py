"""Time limits of reading."""

import time

import pytest

from i2v_jax.data.videos.time_limit import TimeLimit


@pytest.fixture
def clock(monkeypatch):
  """A clock that stands still but for `clock[0] += seconds`."""
  now = [1000.0]
  monkeypatch.setattr(time, 'monotonic', lambda: now[0])
  return now


def test_it_passes_when_its_seconds_are_used(clock):
  limit = TimeLimit(10)
  for left in range(9, -1, -1):
    clock[0] += 1
    assert not limit.has_passed() and limit.find_left() == left
  clock[0] += 1
  assert limit.has_passed()


def test_a_process_that_was_stopped_is_not_late(clock):
  limit = TimeLimit(10)
  clock[0] += 3600
  assert not limit.has_passed() and limit.find_left() == 5
  clock[0] += 4
  assert not limit.has_passed()
  clock[0] += 2
  assert limit.has_passed()


def test_short_limits_pass_at_the_first_look(clock):
  limit = TimeLimit(0.1)
  clock[0] += 0.5
  assert limit.has_passed()


def test_none_never_passes(clock):
  limit = TimeLimit(None)
  clock[0] += 1e9
  assert not limit.has_passed() and limit.find_left() is None
