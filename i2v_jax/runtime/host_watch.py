"""Liveness of the processes of a run: if one stops, all stop and say why.

They talk through the key-value store of JAX's coordination service, which runs
in host 0: a sign of life every second, and once, from the first host that knows
it, the reason why all of them stop.
"""

import atexit
import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

from jax.errors import JaxRuntimeError

PERIOD = 1.0  # seconds between two signs of life
SOON = 10.0  # seconds without one, once a collective operation has failed
PART = 10_000  # milliseconds for the others to hear why all stop
FOREVER = 24 * 3600 * 1000  # ms; lost hosts are detected earlier, by `look`
ROOT = 'i2v_jax/hosts'
AGAIN = (
  'Start the same command again on all hosts: it resumes at the last '
  'checkpoint.'
)


class Watch:
  """This host's view of the others; a thread checks them every second.

  Args:
    client: key-value store of the coordination service.
    host: this process.
    count: of all processes.
    seconds: of silence after which a host counts as lost.
    clock: seconds that never go back.
  """

  def __init__(
    self, client, host: int, count: int, seconds: float, clock=time.monotonic
  ):
    self._client, self._host, self._clock = client, host, clock
    self._others = [i for i in range(count) if i != host]
    self._seconds = seconds
    self._beat, self._looked = 0, clock()
    self._heard = dict.fromkeys(self._others, (None, self._looked))
    self._lost: list[int] = []
    self._done = threading.Event()
    self._thread = threading.Thread(target=self._run, daemon=True)

  def start(self) -> 'Watch':
    self._thread.start()
    return self

  def look(self) -> str:
    """Gives a sign of life; returns the reason to stop, or ''."""
    now = self._clock()
    frozen, self._looked = now - self._looked, now
    if frozen > self._seconds:
      return (
        f'Host {self._host} was frozen for {frozen:.0f} s, and the others do '
        f'not wait so long. {AGAIN}'
      )
    self._beat += 1
    beat = f'{ROOT}/beat/{self._host}'
    self._client.key_value_set(beat, str(self._beat), allow_overwrite=True)
    found = dict(self._client.key_value_dir_get(f'{ROOT}/'))
    return found.get(f'{ROOT}/word') or self._check_silence(found, now)

  def _check_silence(self, found: dict, now: float) -> str:
    """Reports hosts that have been silent for too long, or returns ''."""
    for host in self._others:
      beat = found.get(f'{ROOT}/beat/{host}')
      if beat != self._heard[host][0]:
        self._heard[host] = beat, now
    silent = {i: now - when for i, (_, when) in self._heard.items()}
    self._lost = [i for i in self._others if silent[i] > self._seconds]
    if not self._lost:
      return ''
    return self.report(
      f'Host {" and ".join(map(str, self._lost))} gave no sign of life for '
      f'{min(silent[i] for i in self._lost):.0f} s: dead, frozen, or cut off. '
      f'{AGAIN}'
    )

  def report(self, word: str) -> str:
    """Reports why all stop; returns the first reason that any host reported."""
    with contextlib.suppress(JaxRuntimeError):  # another has
      self._client.key_value_set(f'{ROOT}/word', word)
    return self._client.key_value_try_get(f'{ROOT}/word')

  def fail(self, error: BaseException) -> None:
    """Reports an error to the others, and ends this process soon."""
    if _may_be_echo(error):  # the thread ends the process when it knows why
      self._seconds = min(self._seconds, SOON)
      self._thread.join(self._seconds + 5 * PERIOD)
    self._done.set()
    text = str(error).strip() or type(error).__name__
    with contextlib.suppress(JaxRuntimeError):  # host 0 is gone
      self.report(f'Host {self._host} stopped: {text}\n{AGAIN}')
    # After the error is printed; JAX would wait there for the others' work.
    atexit.register(self._end, _exit_code(error))

  def finish(self) -> None:
    """Waits for the others at the end of the work."""
    self._client.wait_at_barrier(f'{ROOT}-end', FOREVER)
    self._done.set()
    self._thread.join()
    at_abort(None)

  def _run(self) -> None:
    while not self._done.wait(PERIOD):
      try:
        word = self.look()
      except JaxRuntimeError:
        word = lost_host_0(self._host, self._seconds)
      if word and not self._done.is_set():
        say(word)
        self._end(1)

  def _end(self, code: int) -> None:
    """Ends this process; host 0, which relays to the others, ends last."""
    at_abort('', code)
    with contextlib.suppress(JaxRuntimeError):  # host 0 is gone
      self._client.key_value_set(f'{ROOT}/left/{self._host}', 'yes')
      for host in self._others if self._host == 0 else ():
        if host not in self._lost:
          self._client.blocking_key_value_get(f'{ROOT}/left/{host}', PART)
    leave(code)


def lost_host_0(host: int, seconds: float) -> str:
  """The reason printed by a host that JAX aborts or that lost host 0."""
  return (
    f'JAX ended host {host}, as it does when host 0, through which the hosts '
    f'talk, is gone, or one of the two was frozen for {seconds:.0f} s. {AGAIN}'
  )


def _exit_code(error: BaseException) -> int:
  if isinstance(error, KeyboardInterrupt):
    return 130
  code = getattr(error, 'code', 1)
  return code if isinstance(code, int) else 1


def _may_be_echo(error: BaseException) -> bool:
  """Whether an error may merely follow from the end of another host."""
  if isinstance(error, JaxRuntimeError) or 'Gloo' in str(error):
    return True
  return error.__cause__ is not None and _may_be_echo(error.__cause__)


_C_HANDLERS: list = []  # C holds no reference to them


def at_abort(word: str | None, code: int = 1) -> None:
  """Sets what this process prints, and its exit code, if JAX aborts it.

  JAX's client aborts when it cannot reach host 0: in C++, in a thread of its
  own, without an exception, and before a handler of Python's `signal` runs.
  None restores the default.
  """
  function = ctypes.CFUNCTYPE(None, ctypes.c_int)

  def handler(_):
    if word:
      say(word)
    leave(code)

  _C_HANDLERS.append(function() if word is None else function(handler))
  ctypes.CDLL(None).signal(signal.SIGABRT, _C_HANDLERS[-1])


def say(word: str) -> None:
  print(f'error: {word}', file=sys.stderr, flush=True)


def leave(code: int) -> None:
  """Ends the process without waiting for anything."""
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(code)
