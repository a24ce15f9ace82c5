"""Signs of life, and the word that stops all, among hosts without processes."""

from jax.errors import JaxRuntimeError

from i2v_jax.runtime import host_watch

AGAIN = 'Start the same command again on all hosts'


class Store:
  """What the hosts share: the key-value store of JAX, without JAX."""

  def __init__(self):
    self.values = {}

  def key_value_set(self, key, value, allow_overwrite=False):
    if key in self.values and not allow_overwrite:
      raise JaxRuntimeError(f'ALREADY_EXISTS: {key}')
    self.values[key] = value

  def key_value_try_get(self, key):
    return self.values[key]

  def key_value_dir_get(self, key):
    return [item for item in self.values.items() if item[0].startswith(key)]


class Hosts:
  """Some hosts with one clock, none of which has a thread."""

  def __init__(self, count, seconds=10):
    self.now, store = 0.0, Store()
    self.watches = [
      host_watch.Watch(store, i, count, seconds, lambda: self.now)
      for i in range(count)
    ]

  def look(self, *which, after=1.0):
    """What the last of these says, each having looked in turn."""
    self.now += after
    return [self.watches[i].look() for i in which][-1]


def test_hosts_that_live_say_nothing():
  found = Hosts(3)
  assert [found.look(0, 1, 2) for _ in range(30)] == [''] * 30


def test_a_silent_host_is_named_to_all():
  found = Hosts(3)
  found.look(0, 1, 2)
  assert [found.look(0, 2) for _ in range(10)] == [''] * 10
  word = found.look(2)
  assert (
    word.startswith('Host 1 gave no sign of life for 11 s') and AGAIN in word
  )
  assert found.look(0) == word


def test_a_host_that_never_came_counts_from_the_start():
  found = Hosts(3)
  said = [found.look(0) for _ in range(11)]
  assert said[:-1] == [''] * 10 and said[-1].startswith('Host 1 and 2 gave')


def test_a_host_that_was_frozen_blames_itself():
  found = Hosts(2)
  found.look(0, 1)
  assert found.look(0, after=20).startswith('Host 0 was frozen for 20 s')


def test_the_first_word_counts():
  found = Hosts(3)
  assert found.watches[1].report('disk full') == 'disk full'
  assert found.watches[2].report('me too') == 'disk full'
  assert found.look(0) == 'disk full'


def test_what_follows_from_another_hosts_end_is_known_by_its_cause():
  error = OSError('The checkpoint of step 3 could not be written.')
  assert not host_watch._may_be_echo(error)
  error.__cause__ = JaxRuntimeError('a peer is gone')
  assert host_watch._may_be_echo(error)
