"""Signals: a run that is told to stop does so where nothing is lost."""

import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator

import numpy as np

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ELSEWHERE = 'a signal to another process'
# Who starts us may signal the process and its group: both arrive at once.
AGAIN = 0.5  # seconds from which on another signal is a second one


class Stopped(KeyboardInterrupt):
  """A run was told to stop, and did; says by what, where, and how to go on.

  Not an Exception: what makes rows out of failures lets it pass.
  """


class Stopping:
  """Takes SIGINT and SIGTERM; use it as a context manager around a run.

  The first signal is only remembered while state is changed, and raises
  `Stopped` at once where the process merely waits, see `interruptible`. A
  second one ends the process at once, with 128 + its number, also while a
  compiler runs. Outside of the main thread, where Python takes no signals, it
  changes nothing.

  Attributes:
    requested: name of the signal that came, or ''.
  """

  def __init__(self):
    self.requested = ''
    self._waiting = False
    self._hosts = None
    self._stack = contextlib.ExitStack()

  def __enter__(self) -> 'Stopping':
    if threading.current_thread() is threading.main_thread():
      for number in SIGNALS:
        self._take(number)
      self._watch()
    return self

  def __exit__(self, kind, error, _) -> None:
    self._stack.close()
    if isinstance(error, Stopped):
      raise Stopped(_make_farewell(str(error))) from None

  def _take(self, number: int) -> None:
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:  # as under nohup
      return
    signal.signal(number, self._on_signal)
    self._stack.callback(signal.signal, number, before)

  def _on_signal(self, number: int, _) -> None:
    self.requested = self.requested or signal.Signals(number).name
    if self._waiting:
      self._waiting = False
      raise Stopped(self.requested)

  def _watch(self) -> None:
    """A thread that hears of signals while the main thread is in C code."""
    reading, writing = socket.socketpair()  # Windows wakes no pipes
    writing.setblocking(False)
    number = writing.fileno()
    before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=[reading], daemon=True)
    thread.start()
    for undo in (thread.join, writing.close):  # the last one first
      self._stack.callback(undo)
    self._stack.callback(signal.set_wakeup_fd, before)

  @contextlib.contextmanager
  def interruptible(self) -> Iterator[None]:
    """A part in which nothing can be lost: a signal raises `Stopped` there.

    With several processes it does not, as the others would wait for this one.
    """
    if _process_count() > 1:
      yield
      return
    self._waiting = True
    try:
      if self.requested:
        raise Stopped(self.requested)
      yield
    finally:
      self._waiting = False

  def over(self, items: Iterable) -> Iterator:
    """The same items; raises `Stopped` in place of one when told to stop.

    With several processes all of them stop at the same item, at most two after
    the first signal: every item starts a sum of flags over the devices, which
    is looked at one item later, when it is there without waiting for it.
    """
    iterator, end = iter(items), object()
    while True:
      with self.interruptible():
        item = next(iterator, end)
      if item is end:
        return
      if _process_count() > 1 and self._any_host():
        raise Stopped(self.requested or ELSEWHERE)
      yield item

  def check(self) -> None:
    """Raises `Stopped` if any process was told to stop; waits for them all."""
    if _process_count() > 1:
      self._any_host()
      if self._any_host():
        raise Stopped(self.requested or ELSEWHERE)
    elif self.requested:
      raise Stopped(self.requested)

  def _any_host(self) -> bool:
    self._hosts = self._hosts or _Hosts()
    return self._hosts.ask(bool(self.requested))


class _Hosts:
  """Whether any process said yes, answered one question late."""

  def __init__(self):
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.asarray(jax.devices()), ('all',))
    self._cut = NamedSharding(mesh, PartitionSpec('all'))
    whole = NamedSharding(mesh, PartitionSpec())
    self._max = jax.jit(lambda flags: flags.max(), out_shardings=whole)
    self._put = jax.make_array_from_process_local_data
    self._count, self._answer = jax.local_device_count(), None

  def ask(self, yes: bool) -> bool:
    before = self._answer
    flags = np.full(self._count, yes, np.int32)
    self._answer = self._max(self._put(self._cut, flags))
    return before is not None and bool(before)


def _process_count() -> int:
  """Of a program that need not have loaded JAX yet."""
  jax = sys.modules.get('jax')
  return jax.process_count() if jax else 1


def _listen(pipe: socket.socket) -> None:
  first = None
  with pipe:
    while byte := pipe.recv(1):
      number = byte[0]
      if number not in SIGNALS:
        continue
      name, now = signal.Signals(number).name, time.monotonic()
      if first is None:
        first = now
        _say(f'{name}: stopping as soon as all is saved; again: at once')
      elif now - first > AGAIN:
        _say(f'{name} again: stopped at once')
        os._exit(128 + number)


def _say(text: str) -> None:
  """To stderr, past the locks of whatever the main thread is writing."""
  show_cursor = '\x1b[?25h\n' if sys.stderr.isatty() else ''
  with contextlib.suppress(OSError):  # it may be closed
    os.write(2, f'{show_cursor}{text}\n'.encode())


def _make_farewell(signal_name: str) -> str:
  """What the first process says at the end."""
  jax = sys.modules.get('jax')
  if jax and jax.process_index() > 0:
    return ''
  if jax and jax.process_count() > 1:
    return (
      f'stopped by {signal_name}; to go on, start the same command again on '
      'all hosts'
    )
  return f'stopped by {signal_name}; to go on:\n  {format_command()}'


def format_command() -> str:
  """The command line of this process, to be typed again."""
  program = pathlib.Path(sys.argv[0])
  if shutil.which(program.name) == str(program):
    return shlex.join([program.name, *sys.argv[1:]])
  return shlex.join(sys.orig_argv)
