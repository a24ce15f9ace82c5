"""Worker processes that may crash or hang without losing other work.

A worker is a fresh Python that runs one function, call by call, over a pipe. It
imports JAX only if the function's module does, needs no `__main__` guard, and
shares no memory that could leak. A call that takes too long costs that worker
and that call, nothing else.
"""

import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from i2v_jax.data.loading.worker import receive, send, serve
from i2v_jax.runtime.errors import FileError, UserError

_LOG = logging.getLogger(__name__)
START = 120  # seconds within which a worker must be ready


class WorkerError(UserError):
  """A call was lost with its worker; says how the worker ended."""


class _LostError(Exception):
  """A worker has ended; says how."""


class Pool:
  """Processes that call `function`; use it as a context manager.

  Args:
    function: picklable and importable; arguments and results are pickled.
    count: number of processes, at least 1; all start at once.
    seconds: time limit of a call, after which its worker is killed; 0 for no
      limit.
  """

  def __init__(self, function: Callable, count: int, seconds: float = 0):
    if count < 1:
      raise UserError(f'a pool needs at least 1 worker, not {count}')
    self._closed, self._lock = False, threading.Lock()
    self._seconds = seconds or None
    self._workers = [_Worker(function) for _ in range(count)]
    self._free: queue.SimpleQueue = queue.SimpleQueue()
    for worker in self._workers:
      self._free.put(worker)

  def __enter__(self) -> 'Pool':
    return self

  def __exit__(self, *_) -> None:
    self.close()

  @property
  def pids(self) -> list[int]:
    """Process ids of the workers."""
    return [worker.process.pid for worker in self._workers]

  def call(self, *arguments) -> Any:
    """Calls the function in the next free worker; thread-safe.

    A worker that dies is replaced and the call repeated once, so that a process
    killed from outside costs only time.

    Raises:
      WorkerError: the call took too long, or two workers died during it.
      Exception: any exception of the function.
    """
    worker = self._free.get()
    try:
      return self._attempt(worker, arguments)
    except _LostError:
      return self._last_attempt(worker, arguments)
    finally:
      self._free.put(worker)

  def _last_attempt(self, worker: '_Worker', arguments: tuple) -> Any:
    try:
      return self._attempt(worker, arguments)
    except _LostError as error:
      raise WorkerError(f'two worker processes died of it: {error}') from error

  def _attempt(self, worker: '_Worker', arguments: tuple) -> Any:
    if self._closed:
      raise WorkerError('the pool of workers is closed')
    result, error = self._answer(worker, arguments)()
    if error is not None:
      raise error
    return result

  def _answer(self, worker: '_Worker', arguments: tuple) -> Callable:
    try:
      return worker.call(arguments, self._seconds)
    except TimeoutError:
      self._replace(worker)
      problem = f'took longer than {self._seconds:g} s'
      raise WorkerError(f'{problem}; its worker was killed') from None
    except (EOFError, OSError) as lost:
      ended = worker.describe_end()
      self._replace(worker)
      _LOG.warning('a worker process %s; another replaces it', ended)
      raise _LostError(ended) from lost

  def _replace(self, worker: '_Worker') -> None:
    with self._lock:
      worker.end()
      if self._closed:
        raise WorkerError('the pool of workers is closed')
      worker.start()

  def close(self) -> None:
    """Kills all workers; closing twice does no harm."""
    with self._lock:
      self._closed = True
      for worker in self._workers:
        worker.end()


class _Worker:
  """One process, restarted as often as needed."""

  def __init__(self, function: Callable):
    self._function = function
    self.start()

  def start(self) -> None:
    if os.name != 'posix':
      raise FileError(
        f'worker processes need Linux or macOS, not {sys.platform}: use '
        'none, or run this in WSL'
      )
    self._pipe, theirs = socket.socketpair()
    # Without -P a file in the current folder could shadow a module.
    command = [sys.executable, '-P', '-m', serve.__module__]
    command.append(str(theirs.fileno()))
    path = [entry for entry in sys.path if isinstance(entry, str)]
    with theirs:
      self.process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        pass_fds=(theirs.fileno(),),
        env=os.environ | {'PYTHONPATH': os.pathsep.join(path)},
        process_group=0,  # Ctrl-C and signals to the group are for the parent
      )
    self._ready = False

  def call(self, arguments: tuple, seconds: float | None) -> Callable:
    """Sends arguments; the callable returned unpacks the answer."""
    if not self._ready:  # not earlier, so that all start in parallel
      self._pipe.settimeout(START)
      self._wait_until_ready()
    self._pipe.settimeout(seconds)
    send(self._pipe, arguments)
    return receive(self._pipe)

  def _wait_until_ready(self) -> None:
    try:
      send(self._pipe, self._function)
      receive(self._pipe)
    except TimeoutError:
      problem = f'a worker process was not ready after {START} s'
      raise UserError(f'{problem}; use fewer of them') from None
    except (EOFError, OSError) as error:
      ended = self.describe_end()
      if self.process.returncode < 0:  # killed from outside
        raise
      raise RuntimeError(
        f'a worker process cannot start, it {ended}; its own message is above'
      ) from error
    self._ready = True

  def describe_end(self) -> str:
    """Describes how the process, which has closed its pipe, ended."""
    try:
      code = self.process.wait(timeout=10)
    except subprocess.TimeoutExpired:
      self.process.kill()
      code = self.process.wait()
    if code < 0:
      return f'ended by {signal.Signals(-code).name}'
    return f'ended with code {code}'

  def end(self) -> None:
    self.process.kill()
    self.process.wait()
    self.process.stdin.close()
    self._pipe.close()
