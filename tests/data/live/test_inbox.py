"""The newest frame replaces the one before, unless its source waits."""

import threading

from streamed import LONG

from i2v_jax.data.live.inbox import Inbox


def test_a_newer_frame_replaces_the_one_before_and_is_counted():
  inbox = Inbox(2)
  for frame in 'abc':
    inbox.put(0, frame)
  assert inbox.take(0) == ['c', None]
  assert inbox.dropped == [2, 0]
  assert inbox.take(0) == [None, None]


def test_a_source_that_waits_drops_nothing():
  inbox = Inbox(1)
  feed = lambda: [inbox.put(0, i, wait=True) for i in range(20)]
  thread = threading.Thread(target=feed)
  thread.start()
  found = [inbox.take(LONG)[0] for _ in range(20)]
  thread.join(LONG)
  assert found == [*range(20)] and inbox.dropped == [0]


def test_sources_that_can_wait_are_taken_together():
  inbox = Inbox(3)
  inbox.put(0, 'a')
  feed = lambda: inbox.put(1, 'b')
  thread = threading.Timer(0.01, feed)
  thread.start()
  assert inbox.take(LONG, [True, True, False]) == ['a', 'b', None]
  inbox.end(1)
  inbox.put(0, 'c')
  assert inbox.take(LONG, [True, True, False]) == ['c', None, None]


def test_sources_that_can_wait_are_taken_together_or_not_at_all():
  inbox = Inbox(2)
  inbox.put(0, 'a')
  assert inbox.take(0, [True, True]) == [None, None]
  inbox.put(1, 'b')
  assert inbox.take(0, [True, True]) == ['a', 'b']


def test_others_that_are_expected_are_waited_for():
  inbox = Inbox(3)
  inbox.put(0, 'a')
  thread = threading.Timer(0.01, inbox.put, (1, 'b'))
  thread.start()
  expected = [True, True, False]
  assert inbox.take(LONG, (), LONG, expected) == ['a', 'b', None]
  inbox.put(0, 'c')
  assert inbox.take(LONG, (), 0.0, expected) == ['c', None, None]


def test_it_is_finished_when_all_have_ended_and_all_is_taken():
  inbox = Inbox(2)
  inbox.put(0, 'last')
  inbox.end(0)
  assert not inbox.finished
  inbox.end(1)
  assert not inbox.finished
  assert inbox.take(LONG) == ['last', None]
  assert inbox.finished and inbox.take(LONG) == [None, None]


def test_closing_frees_a_source_that_waits():
  inbox = Inbox(1)
  inbox.put(0, 'a')
  thread = threading.Thread(target=inbox.put, args=(0, 'b', True))
  thread.start()
  inbox.close()
  thread.join(LONG)
  assert not thread.is_alive() and inbox.take(0) == ['a']
