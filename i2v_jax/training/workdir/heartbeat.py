"""The heartbeat of a training process: a small file, rewritten regularly.

A thread of its own writes it; training only sets its numbers.
"""

import collections
import logging
import os
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from i2v_jax.runtime import files
from i2v_jax.runtime.process import read_peak_bytes
from i2v_jax.training.workdir import checkpoint_files

_LOG = logging.getLogger(__name__)
EVERY = 5  # seconds
STEPS = 20  # over which the rate is measured


def heartbeat_path(workdir, process: int) -> pathlib.Path:
  return pathlib.Path(workdir) / f'heartbeat-{process}.json'


def read_peak() -> tuple[int | None, str]:
  """Reads the most memory this process has used, and says whose it is."""
  return read_peak_bytes(), 'process'


class Heartbeat:
  """Reports how a run is doing; use it as a context manager.

  Args:
    workdir: where `heartbeat-PROCESS.json` is written.
    steps: of the complete run.
    process: number of this process.
    processes: number of processes.
    read_peak: gives `peak_bytes` and `peak_of` of a record.

  Attributes:
    step: steps done; setting it costs nothing.
    loss: the last known one.
    phase: 'starting', 'training', 'evaluating', and at the end 'finished',
      'stopped' or 'crashed'.
    find_data_share: gives `data_share` of a record, the share of the last steps
      that was spent waiting for data; None if none was made.
  """

  def __init__(
    self,
    workdir,
    steps: int,
    process: int = 0,
    processes: int = 1,
    read_peak: Callable[[], tuple[int | None, str]] = read_peak,
  ):
    self.path, self.steps = heartbeat_path(workdir, process), steps
    self.process, self.processes = process, processes
    self.step, self.loss, self.phase, self.why = 0, None, 'starting', ''
    self.find_data_share: Callable[[], float | None] = lambda: None
    self._read_peak = read_peak
    self._times = collections.deque(maxlen=STEPS + 1)
    self._moved = time.monotonic()
    self._ended = threading.Event()
    self._thread = threading.Thread(target=self._beat, daemon=True)
    self._failed = False

  def __enter__(self) -> 'Heartbeat':
    if self.process == 0:
      self._forget_others()
    self.write()
    self._thread.start()
    return self

  def __exit__(self, kind, error, _) -> None:
    self._ended.set()
    self._thread.join()
    self.phase, self.why = 'finished', ''
    if error is not None:
      stopped = isinstance(error, KeyboardInterrupt)
      self.phase = 'stopped' if stopped else 'crashed'
      self.why = ' '.join(str(error).split('\n')[0:1]) or kind.__name__
    self.write()

  def enter(self, phase: str, step: int) -> None:
    """Sets the phase, and the step at which it begins."""
    self.phase, self.step = phase, step
    self._times.clear()
    self.moved()

  def stepped(self, step: int) -> None:
    """Records that a step was done."""
    self.phase, self.step = 'training', step
    self._times.append(time.monotonic())
    self.moved()

  def moved(self) -> None:
    """Records progress."""
    self._moved = time.monotonic()

  def over(self, items: Iterable) -> Iterator:
    """Yields the items and records progress at each."""
    for item in items:
      self.moved()
      yield item

  def record(self) -> dict:
    """The content of the file. Times are seconds; `clock` never jumps."""
    times = list(self._times)
    span = times[-1] - times[0] if len(times) > 1 else 0
    now = time.monotonic()
    checkpoints = checkpoint_files.find_steps(self.path.parent)
    peak, of = self._read_peak()
    return describe_process(self.path.parent) | {
      'process': self.process,
      'processes': self.processes,
      'phase': self.phase,
      'why': self.why,
      'step': self.step,
      'steps': self.steps,
      'steps_per_second': (len(times) - 1) / span if span else None,
      'data_share': self.find_data_share(),
      'peak_bytes': peak,
      'peak_of': of,
      'loss': self.loss,
      'checkpoint': checkpoints[-1] if checkpoints else None,
      'idle': now - self._moved,
      'clock': now,
      'written': time.time(),
    }

  def write(self) -> None:
    """Replaces the file; warns once if the disk refuses."""
    try:
      files.write_json(self.path, self.record())
    except OSError as error:
      if not self._failed:
        _LOG.warning('no heartbeat: %s', error)
      self._failed = True

  def _beat(self) -> None:
    while not self._ended.wait(EVERY):
      self.write()

  def _forget_others(self) -> None:
    """Removes files of an earlier run of this workdir on more processes."""
    for path in self.path.parent.glob('heartbeat-*.json'):
      number = path.stem.partition('-')[2]
      if number.isdecimal() and int(number) >= self.processes:
        path.unlink(missing_ok=True)


def describe_process(workdir, pid: int | None = None) -> dict:
  """Identifies a process, its machine and a folder, as far as possible.

  `boot` and `space` are '' where the system has no such thing; processes that
  share both see each other. `started` distinguishes a process from a later one
  with the same number.
  """
  found = os.stat(workdir)
  return {
    'host': socket.gethostname(),
    'pid': pid or os.getpid(),
    'started': read_start(pid or os.getpid()),
    'boot': _read_text('/proc/sys/kernel/random/boot_id'),
    'space': _read_link('/proc/self/ns/pid'),
    'folder': [found.st_dev, found.st_ino],
  }


def read_start(pid: int) -> str:
  """Reads when a process began, in clock ticks; '' if it is gone."""
  fields = _read_text(f'/proc/{pid}/stat').rpartition(')')[2].split()
  return fields[19] if fields and fields[0] not in 'ZX' else ''


def _read_text(path: str) -> str:
  try:
    return pathlib.Path(path).read_text(encoding='utf-8').strip()
  except OSError:  # gone, or no such system
    return ''


def _read_link(path: str) -> str:
  try:
    return os.readlink(path)
  except OSError:
    return ''
