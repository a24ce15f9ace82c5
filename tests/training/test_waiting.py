"""Where the time of a step goes, by a clock that a test sets."""

import math
import threading

import jax
import pytest

from i2v_jax.training.waiting import Waiting, Work


class Clock:
  def __init__(self):
    self.now = 100.0

  def __call__(self):
    return self.now

  def load(self, batches, seconds):
    for batch in batches:
      self.now += seconds
      yield batch


class Device:
  """Computes each step for some seconds, and says since when it is idle."""

  def __init__(self, clock, seconds):
    self.clock, self.seconds = clock, seconds
    self.done = -math.inf

  def start(self, result):
    del result
    self.done = max(self.clock.now, self.done) + self.seconds

  def find_idle(self):
    return self.done if self.done <= self.clock.now else None


@pytest.fixture
def clock():
  return Clock()


def run(clock, load, compute, steps=40, pause=0.0):
  """The loop of training: it reads the result of the step before."""
  device = Device(clock, compute)
  waits, before = Waiting(clock, device), None
  for step in waits.over(clock.load(range(1, steps + 1), load)):
    waits.started(step)
    if before:
      clock.now = max(clock.now, before)
    before = device.done
    if pause and step % 10 == 0:
      with waits.pause():
        clock.now += pause
  return waits


@pytest.mark.parametrize(
  ('load', 'compute', 'step', 'data'),
  [
    (0.0, 2.0, 2.0, 0.0),  # batches are there before they are asked for
    (1.5, 2.0, 2.0, 0.0),  # they are loaded while the device computes
    (2.5, 2.0, 2.5, 0.5),  # the loop waits 2.5 s, the device a fifth of it
    (8.0, 2.0, 8.0, 6.0),
    (3.0, 0.0, 3.0, 3.0),
  ],
)
def test_a_wait_is_what_the_devices_wait(clock, load, compute, step, data):
  waits = run(clock, load, compute)
  assert waits.find_share() == pytest.approx(data / step)
  waits = run(clock, load, compute, steps=400)
  found = waits.take_means(400)
  assert found['step_seconds'] == pytest.approx(step, rel=0.01)
  assert found['data_seconds'] == pytest.approx(data, rel=0.02, abs=0.01)


def test_computing_is_no_wait(clock):
  waits = Waiting(clock, Device(clock, 0.0))
  for _ in waits.over([1, 2]):
    clock.now += 5.0
  assert waits.find_share() == 0
  assert waits.take_means(2) == {'step_seconds': 5.0, 'data_seconds': 0.0}


def test_saving_and_evaluating_belong_to_no_step(clock):
  plain = run(clock, 3.0, 2.0).take_means(40)
  paused = run(clock, 3.0, 2.0, pause=1000.0).take_means(40)
  assert paused['step_seconds'] == pytest.approx(plain['step_seconds'])
  # After each of three pauses the device is idle while the next batch loads.
  more = paused['data_seconds'] - plain['data_seconds']
  assert more == pytest.approx(3 * 2.0 / 40)


def test_a_pause_that_fails_is_left_out_as_well(clock):
  waits = Waiting(clock, Device(clock, 0.0))
  for _ in waits.over([1]):
    with pytest.raises(OSError, match='full'), waits.pause():
      clock.now += 60
      raise OSError('full')
    clock.now += 1
  assert waits.take_means(1)['step_seconds'] == 1


def test_means_are_of_the_steps_since_the_last_ones(clock):
  waits, found = Waiting(clock, Device(clock, 0.0)), []
  for step in waits.over(iter(range(11, 21)), start=10):  # resumed after 10
    clock.now += step
    if step in (11, 15, 20):
      found.append(waits.take_means(step)['step_seconds'])
  assert found == [11, (12 + 13 + 14 + 15) / 4, (16 + 17 + 18 + 19 + 20) / 5]


def test_the_share_is_of_the_last_steps_only(clock):
  waits = Waiting(clock, Device(clock, 0.0))
  assert waits.find_share() is None

  def load():
    for number in range(60):
      clock.now += 9.0 if number < 40 else 1.0
      yield number

  for number in waits.over(load()):
    clock.now += 1.0
    if number == 39:
      first = waits.find_share()
  assert first == pytest.approx(0.9) and waits.find_share() == 0.5


class Result:
  """A result of a step, as JAX waits for it."""

  def __init__(self, error=None):
    self.asked, self.ready, self.error = (
      threading.Event(),
      threading.Event(),
      error,
    )

  def block_until_ready(self):
    self.asked.set()
    assert self.ready.wait(60)
    if self.error:
      raise self.error
    return self


def test_a_device_is_idle_from_when_its_last_step_has_finished(clock):
  one, two = Result(), Result()
  with Work(clock) as work:
    assert work.find_idle() == -math.inf  # from the beginning
    work.start(one)
    work.start(two)
    assert one.asked.wait(60) and work.find_idle() is None
    clock.now = 105.0
    one.ready.set()
    assert two.asked.wait(60) and work.find_idle() is None
    clock.now = 107.0
    two.ready.set()
  assert work.find_idle() == 107.0  # the thread has ended


def test_a_step_that_fails_has_finished_too(clock):
  failed = Result(jax.errors.JaxRuntimeError('of the device'))
  failed.ready.set()
  with Work(clock) as work:
    work.start(failed)
  assert work.find_idle() == 100.0
