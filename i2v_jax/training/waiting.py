"""How long training waits for its batches."""

import collections
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator

from i2v_jax.training.workdir.heartbeat import STEPS


class Waiting:
  """Measures the steps of a loop, and in them the waits for batches.

  A step begins when its batch is asked for and ends when the next one is. What
  is done within `pause` belongs to no step.

  Args:
    clock: gives seconds.
  """

  def __init__(self, clock: Callable[[], float] = time.perf_counter):
    self._clock = clock
    self._paused = 0.0  # in all pauses
    self._waited = 0.0  # for all batches
    self._steps = collections.deque(maxlen=STEPS)  # length and wait of each
    self._taken = 0, 0.0, 0.0  # step, time without pauses, waits

  def over(self, batches: Iterable, start: int = 0) -> Iterator:
    """Yields the batches of the steps after `start`, and measures the waits."""
    batches, end = iter(batches), object()
    asked = self._time()
    self._taken = start, asked, self._waited
    while (batch := next(batches, end)) is not end:
      wait = self._time() - asked
      self._waited += wait
      yield batch
      now = self._time()
      self._steps.append((now - asked, wait))
      asked = now

  @contextlib.contextmanager
  def pause(self) -> Iterator[None]:
    """Leaves what is done meanwhile out of the step."""
    start = self._clock()
    try:
      yield
    finally:
      self._paused += self._clock() - start

  def take_means(self, step: int) -> dict[str, float]:
    """Takes the means of a step since the last call.

    Args:
      step: the last one whose results are there, after that of the last call.

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
    steps = list(self._steps)  # as other threads ask
    total = sum(seconds for seconds, _ in steps)
    return sum(wait for _, wait in steps) / total if total else None

  def _time(self) -> float:
    """The time without pauses."""
    return self._clock() - self._paused
