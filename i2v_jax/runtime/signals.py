"""Graceful shutdown: SIGINT and SIGTERM stop a run where nothing is lost."""

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
# A launcher may signal the process and its group: both arrive at once.
AGAIN = 0.5  # seconds after which another signal counts as a second one


class Stopped(KeyboardInterrupt):
  """A signal stopped a run; says which one and how to resume.

  Not an Exception, so that a sweep does not take it for a failed variant.
  """


class Stopping:
  """Takes SIGINT and SIGTERM; use it as a context manager around a run.

  The first signal is only remembered while state changes; where the process
  merely waits (`interruptible`), it raises `Stopped` at once. A second one ends
  the process at once with 128 + its number, even while a compiler runs. Outside
  the main thread, where Python takes no signals, it changes nothing.

  Attributes:
    requested: name of the signal received, or ''.
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
    """Starts a thread that sees signals while the main thread is in C code."""
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
    """Lets a signal raise `Stopped` at once in a part that loses nothing.

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
    """Yields the items; raises `Stopped` instead of the next after a signal.

    Several processes stop at the same item, at most two after the first signal:
    every item starts a maximum of flags over the devices, which is read one
    item later, when it is ready.
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
    """Raises `Stopped` if any process got a signal; waits for all of them."""
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
  """Whether any process said yes; the answer comes one question late."""

  def __init__(self):
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.asarray(jax.devices()), ('all',))
    self._sharded = NamedSharding(mesh, PartitionSpec('all'))
    replicated = NamedSharding(mesh, PartitionSpec())
    self._max = jax.jit(lambda flags: flags.max(), out_shardings=replicated)
    self._put = jax.make_array_from_process_local_data
    self._count, self._answer = jax.local_device_count(), None

  def ask(self, yes: bool) -> bool:
    before = self._answer
    flags = np.full(self._count, yes, np.int32)
    self._answer = self._max(self._put(self._sharded, flags))
    return before is not None and bool(before)


def _process_count() -> int:
  """Number of processes; 1 in a program that has not loaded JAX."""
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
  """Writes to stderr, past the locks of what the main thread is writing."""
  show_cursor = '\x1b[?25h\n' if sys.stderr.isatty() else ''
  with contextlib.suppress(OSError):  # it may be closed
    os.write(2, f'{show_cursor}{text}\n'.encode())


def _make_farewell(signal_name: str) -> str:
  """The last line of the first process; '' in the others."""
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
  """The command line of this process, ready to be typed again."""
  program = pathlib.Path(sys.argv[0])
  if shutil.which(program.name) == str(program):
    return shlex.join([program.name, *sys.argv[1:]])
  return shlex.join(sys.orig_argv)
