"""A stall is said aloud, with what is being read."""

import itertools
import logging
import re
import threading

import pytest

from i2v_jax.data.loading import watch as watch_lib
from i2v_jax.data.loading.watch import Watch


class Warned(logging.Handler):
  """Keeps what is logged, and tells when something was."""

  def __init__(self, count=1):
    super().__init__()
    self.said, self.count, self.enough = [], count, threading.Event()

  def emit(self, record):
    self.said.append(record.getMessage())
    if len(self.said) >= self.count:
      self.enough.set()


@pytest.fixture
def warned():
  handler = Warned(count=2)
  logger = logging.getLogger('i2v_jax.data.loading.watch')
  logger.addHandler(handler)
  yield handler
  logger.removeHandler(handler)


def test_a_stall_names_what_is_read_again_and_again(warned):
  watch = Watch(0.05)

  def batches():
    yield 'first'
    with watch.track('train/slow.mp4'):
      assert warned.enough.wait(60)
    yield 'second'

  assert list(watch.watch(batches())) == ['first', 'second']
  for text in warned.said:
    wanted = r'no batch for 0\.05 s; being read: train/slow\.mp4 \(\d+ s\)'
    assert re.fullmatch(wanted, text)
  assert watch.report() == 'nothing'


def test_several_readers_are_named_the_longest_first():
  watch = Watch(0)
  with watch.track('a.mp4'):
    inside = []

    def second():
      with watch.track('b.mp4'):
        inside.append(watch.report())

    thread = threading.Thread(target=second)
    thread.start()
    thread.join()
  assert re.fullmatch(r'a\.mp4 \(\d+ s\), b\.mp4 \(\d+ s\)', inside[0])


def test_the_threads_end_with_the_batches():
  before = set(threading.enumerate())
  watched = Watch(1000).watch(itertools.count())
  assert next(watched) == 0
  (thread,) = set(threading.enumerate()) - before
  watched.close()
  thread.join(timeout=60)
  assert not thread.is_alive()


def test_time_of_the_consumer_is_no_stall(warned, monkeypatch):
  now, polled = [1.0], threading.Event()
  monkeypatch.setattr(watch_lib.time, 'monotonic', lambda: now[0])
  for _ in Watch(0.02).watch(iter(range(2))):
    now[0] += 1000  # passes here, and never while a batch is waited for
    assert not polled.wait(0.2)
  assert not warned.said
