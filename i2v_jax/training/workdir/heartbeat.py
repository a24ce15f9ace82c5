"""The heartbeat of a process that trains: a small file, written now and then.

A thread of its own writes it; training only leaves numbers for it.
"""

import collections
import logging
import os
import pathlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator

from i2v_jax.runtime import files
from i2v_jax.training.workdir import checkpoint_files

_LOG = logging.getLogger(__name__)
EVERY = 5  # seconds
STEPS = 20  # that a rate is taken over


def heartbeat_path(workdir, process: int) -> pathlib.Path:
  return pathlib.Path(workdir) / f'heartbeat-{process}.json'


class Heartbeat:
  """Tells how a run is doing, to whoever looks; use it as a context manager.

  Args:
    workdir: where `heartbeat-PROCESS.json` is written.
    steps: of the whole run.
    process: number of this process.
    processes: how many there are.

  Attributes:
    step: steps done; set it at will, it costs nothing.
    loss: the last one that is known.
    phase: 'starting', 'training', 'evaluating', and at the end 'finished',
      'stopped' or 'crashed'.
  """

  def __init__(self, workdir, steps: int, process: int = 0, processes: int = 1):
    self.path, self.steps = heartbeat_path(workdir, process), steps
    self.process, self.processes = process, processes
    self.step, self.loss, self.phase, self.why = 0, None, 'starting', ''
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
    """Says what is done from now on, at which step."""
    self.phase, self.step = phase, step
    self._times.clear()
    self.moved()

  def stepped(self, step: int) -> None:
    """Says that a step was done."""
    self.phase, self.step = 'training', step
    self._times.append(time.monotonic())
    self.moved()

  def moved(self) -> None:
    """Says that something goes on."""
    self._moved = time.monotonic()

  def over(self, items: Iterable) -> Iterator:
    """The same items, each of which shows that something goes on."""
    for item in items:
      self.moved()
      yield item

  def record(self) -> dict:
    """What the file holds. Times are seconds; `clock` never jumps."""
    times = list(self._times)
    span = times[-1] - times[0] if len(times) > 1 else 0
    now = time.monotonic()
    checkpoints = checkpoint_files.find_steps(self.path.parent)
    return describe_process(self.path.parent) | {
      'process': self.process,
      'processes': self.processes,
      'phase': self.phase,
      'why': self.why,
      'step': self.step,
      'steps': self.steps,
      'steps_per_second': (len(times) - 1) / span if span else None,
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
    """The files of an earlier run of this workdir on more processes."""
    for path in self.path.parent.glob('heartbeat-*.json'):
      number = path.stem.partition('-')[2]
      if number.isdecimal() and int(number) >= self.processes:
        path.unlink(missing_ok=True)


def describe_process(workdir, pid: int | None = None) -> dict:
  """Which process, machine and folder this is, as far as they can be told.

  `boot` and `space` are '' where the system has no such thing; processes of
  equal ones see each other. `started` tells a process from a later one of the
  same number.
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
  """When a process began, in ticks of the machine; '' if there is none."""
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
