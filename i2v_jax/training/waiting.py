"""How long training waits for its batches, with nothing else to do."""

import collections
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import jax

from i2v_jax.training.workdir.heartbeat import STEPS

Clock = Callable[[], float]


class Work:
  """The steps that were given to the devices of this process.

  They compute while the loop asks for the next batch, so a thread notes when
  they have finished; it runs within `with`.

  Args:
    clock: gives seconds.
  """

  def __init__(self, clock: Clock = time.perf_counter):
    self._clock = clock
    self._given = queue.SimpleQueue()
    self._started, self._finished = 0, (0, -float('inf'))  # steps, when
    self._thread = threading.Thread(target=self._watch, daemon=True)

  def __enter__(self) -> 'Work':
    self._thread.start()
    return self

  def __exit__(self, *_) -> None:
    self._given.put(None)
    self._thread.join()  # Python cannot end while it waits in JAX

  def start(self, result) -> None:
    """Notes a step by a part of its result."""
    self._started += 1
    self._given.put(result)

  def find_idle(self) -> float | None:
    """Finds since when there is nothing to compute; None while there is."""
    count, when = self._finished
    return when if count == self._started else None

  def _watch(self) -> None:
    count = 0
    while (result := self._given.get()) is not None:
      # An error in a step is raised again where its result is read.
      with contextlib.suppress(jax.errors.JaxRuntimeError):
        jax.block_until_ready(result)
      count += 1
      self._finished = count, self._clock()


class Waiting:
  """Measures the steps of a loop, and the waits for batches in them.

  Use it as a context manager around the loop.

  A step begins when its batch is asked for and ends when the next one is. Of
  the time until the batch is there only that counts as a wait in which the
  devices had finished all steps before. What is done within `pause` belongs to
  no step.

  Args:
    clock: gives seconds.
    work: of the devices, by the same clock.
  """

  def __init__(
    self, clock: Clock = time.perf_counter, work: Work | None = None
  ):
    self._clock, self._work = clock, work or Work(clock)
    self._paused = 0.0  # in all pauses
    self._waited = 0.0  # for all batches
    self._steps = collections.deque(maxlen=STEPS)  # length and wait of each
    self._taken = 0, 0.0, 0.0  # step, time without pauses, waits

  def __enter__(self) -> 'Waiting':
    self._work.__enter__()
    return self

  def __exit__(self, *error) -> None:
    self._work.__exit__(*error)

  def started(self, result) -> None:
    """Notes that a step was given to the devices, by a part of its result."""
    self._work.start(result)

  def over(self, batches: Iterable, start: int = 0) -> Iterator:
    """Yields the batches of the steps after `start`, and measures the waits."""
    batches, end = iter(batches), object()
    asked = self._time()
    self._taken = start, asked, self._waited
    while (batch := next(batches, end)) is not end:
      wait = self._measure_wait(asked)
      self._waited += wait
      yield batch
      now = self._time()
      self._steps.append((now - asked, wait))
      asked = now

  def _measure_wait(self, asked: float) -> float:
    idle = self._work.find_idle()
    if idle is None:
      return 0.0
    return max(0.0, self._time() - max(asked, idle - self._paused))

  @contextlib.contextmanager
  def pause(self) -> Iterator[None]:
    """Leaves what is done meanwhile out of the step."""
    start = self._clock()
    try:
      yield
    finally:
      self._paused += self._clock() - start

  def take_means(self, step: int) -> dict[str, float]:
    """Takes the means of the steps since the last call.

    Args:
      step: the last one whose results were read, after that of the last call.

    Returns:
      `step_seconds`, and the part of it that was a wait, `data_seconds`.
    """
    last, before, waited = self._taken
    self._taken = step, self._time(), self._waited
    return {
      'step_seconds': (self._taken[1] - before) / (step - last),
      'data_seconds': (self._waited - waited) / (step - last),
    }

  def find_share(self) -> float | None:
    """Finds the share of the last steps that was waits; None without a step."""
    steps = list(self._steps)  # other threads ask, too
    total = sum(seconds for seconds, _ in steps)
    return sum(wait for _, wait in steps) / total if total else None

  def _time(self) -> float:
    """The time without pauses."""
    return self._clock() - self._paused
