"""Several processes that train one model: how they join, where they write."""

import contextlib
import dataclasses
import pathlib
import re
import secrets
import socket
from collections.abc import Callable

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.runtime.errors import FileError, UserError
from i2v_jax.runtime.host_watch import (
  FOREVER,
  ROOT,
  Watch,
  at_abort,
  lost_host_0,
)
from i2v_jax.runtime.signals import Stopped


@dataclasses.dataclass(frozen=True)
class Join:
  """How this process finds the others; by default it is alone.

  Attributes:
    detect: ask Cloud TPU metadata, SLURM or Open MPI, as JAX does.
    coordinator: HOST:PORT where process 0 listens.
    num_processes: number of processes.
    process_id: number of this one, from 0.
    join_seconds: seconds within which all processes must join.
    silent_seconds: seconds without a sign of life before a host counts as lost.

  Raises:
    UserError: the values do not go together.
  """

  detect: bool = False
  coordinator: str = ''
  num_processes: int | None = None
  process_id: int | None = None
  join_seconds: int = 300
  silent_seconds: int = 100

  def __post_init__(self):
    given = {
      '--coordinator': self.coordinator or None,
      '--num_processes': self.num_processes,
      '--process_id': self.process_id,
    }
    missing = [name for name, value in given.items() if value is None]
    if self.detect and len(missing) < 3:
      raise UserError(
        '--distributed finds the other hosts by itself; give either it, or '
        f'{_words(given)}.'
      )
    if 0 < len(missing) < 3:
      raise UserError(
        f'{_words(given)} go together; missing: {_words(missing)}. Where a TPU '
        'pod, SLURM or Open MPI knows them, --distributed is enough.'
      )
    if not missing:
      self._check_addresses()
    for name, least in (('join_seconds', 1), ('silent_seconds', 4)):
      if getattr(self, name) < least:
        raise UserError(
          f'--{name} is {getattr(self, name)}; it is at least {least}.'
        )

  def _check_addresses(self) -> None:
    found = re.fullmatch(r'(.+):(\d{1,5})', self.coordinator)
    if not found or not 0 < int(found[2]) < 2**16:
      raise UserError(
        '--coordinator is HOST:PORT of process 0, such as node1:12345, not '
        f'{self.coordinator!r}.'
      )
    if not 0 <= self.process_id < self.num_processes:
      raise UserError(
        f'--process_id is {self.process_id}; it counts from 0, and is less '
        f'than --num_processes, {self.num_processes}.'
      )

  @property
  def alone(self) -> bool:
    return not (self.detect or self.coordinator)


@contextlib.contextmanager
def join_hosts(join: Join):
  """Joins the other processes; if one of them stops, all stop.

  From here on an exception in this process is reported to the others, which
  print it and end; and this process ends with exit code 1 and a sentence on
  stderr as soon as another stops, dies, or is silent for `silent_seconds`. At
  the end all wait for each other. All may also end with the same exception:
  SystemExit of 0, or Stopped.

  Raises:
    UserError: there are no processes to join.
    OSError: the port of process 0 is taken.
  """
  if join.alone:
    yield
    return
  watch = _meet(join)
  try:
    yield
  except BaseException as error:
    if _agreed(error):
      watch.finish()
    else:
      watch.fail(error)
    raise
  watch.finish()


def check_shared(workdir) -> None:
  """Raises OSError unless all hosts see the same folder, made by host 0."""
  state, workdir = _read_state(), pathlib.Path(workdir)
  key, host, client = f'{ROOT}-mark', state.process_id, state.client
  if not client:
    return
  if host == 0:
    workdir.mkdir(parents=True, exist_ok=True)
    mark = workdir / f'.hosts-{secrets.token_hex(8)}'
    mark.touch()
    client.key_value_set(key, mark.name)
  else:
    mark = workdir / client.blocking_key_value_get(key, FOREVER)
  seen = mark.exists()
  client.wait_at_barrier(f'{ROOT}-looked', FOREVER)
  if host == 0:
    mark.unlink()
  if not seen:
    raise FileError(
      f'Host {host} does not see in {workdir} what host 0 writes there; '
      '--workdir must be one folder that all hosts share.'
    )


def _meet(join: Join) -> Watch:
  """Joins the others and starts to watch them."""
  seconds = join.join_seconds
  print(f'joining the other hosts, within {seconds} s', flush=True)
  at_abort(
    f'Not all hosts have met at {join.coordinator or "the first of them"} '
    f'within {seconds} s. Start the same command on all of them, each '
    'with its own --process_id, and see that they reach that address; '
    '--join_seconds gives them more time.'
  )
  limits = dict(
    initialization_timeout=seconds,
    heartbeat_timeout_seconds=join.silent_seconds,
  )
  # JAX would take SIGTERM before this run does, and only remember it.
  jax.config.update('jax_enable_preemption_service', False)
  if join.detect:
    _detect(limits)
  else:
    _check_port(join)
    jax.distributed.initialize(
      join.coordinator,
      join.num_processes,
      join.process_id,
      cluster_detection_method='deactivate',
      **limits,
    )
  state = _read_state()
  at_abort(lost_host_0(state.process_id, join.silent_seconds))
  # Sooner than JAX aborts, which would not say who is silent.
  seconds = 0.75 * join.silent_seconds
  watch = Watch(state.client, state.process_id, state.num_processes, seconds)
  return watch.start()


def _detect(limits: dict) -> None:
  try:
    jax.distributed.initialize(**limits)
  except ValueError as error:
    raise UserError(
      '--distributed has found no TPU pod, SLURM step or Open MPI job to join '
      f'({error}); say where the others are with --coordinator HOST:PORT '
      '--num_processes N --process_id I, or leave it out to train alone.'
    ) from error


def _check_port(join: Join) -> None:
  """JAX would crash where its port is taken."""
  if join.process_id > 0:
    return
  port = int(join.coordinator.rpartition(':')[2])
  both = socket.has_dualstack_ipv6()
  family = socket.AF_INET6 if both else socket.AF_INET
  try:
    socket.create_server(('', port), family=family, dualstack_ipv6=both).close()
  except OSError as error:
    raise FileError(
      f'Process 0 cannot listen at port {port} ({error.strerror}); end what '
      'does, or give another port in --coordinator, the same on all hosts.'
    ) from error


def _agreed(error: BaseException) -> bool:
  """Whether all hosts end this way, as after a signal to one of them."""
  leaves = isinstance(error, SystemExit) and not error.code
  return leaves or isinstance(error, Stopped)


def _read_state():
  # JAX has no public name for its key-value store; Orbax takes this one too.
  from jax._src import distributed

  return distributed.global_state


def _words(names) -> str:
  *first, last = names
  return f'{", ".join(first)} and {last}' if first else last


def call_on_first(function: Callable[[], None]) -> None:
  """Calls a function in the first process; its OSError is raised in all."""
  if jax.process_count() == 1:
    function()
    return
  problem = ''
  if jax.process_index() == 0:
    try:
      function()
    except OSError as error:
      problem = str(error) or repr(error)
  text = np.zeros(1000, np.uint8)
  encoded = np.frombuffer(problem.encode()[:1000], np.uint8)
  text[: len(encoded)] = encoded
  text = multihost_utils.broadcast_one_to_all(text)
  problem = text.tobytes().rstrip(b'\0').decode(errors='replace')
  if problem:
    raise FileError(problem)


def ask_first(question: Callable[[], int]) -> int:
  """Returns the integer answer of the first process in every process."""
  answer = np.int32(question() if jax.process_index() == 0 else 0)
  if jax.process_count() > 1:
    answer = multihost_utils.broadcast_one_to_all(answer)
  return int(answer)
