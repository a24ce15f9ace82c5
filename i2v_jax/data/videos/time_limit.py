"""Time limits that a stopped process does not exceed by standing still."""

import time


class TimeLimit:
  """Seconds for some work, from now on; None for no limit.

  The time between two questions counts at most half of the limit or a second,
  so that a process that was stopped (Ctrl-Z, a paused machine) can resume what
  it read.
  """

  def __init__(self, seconds: float | None):
    self.seconds, self._used, self._asked = seconds, 0.0, time.monotonic()

  def find_left(self) -> float | None:
    """Finds the seconds that are left, 0 or less if none are."""
    if self.seconds is None:
      return None
    now = time.monotonic()
    self._used += min(now - self._asked, max(self.seconds / 2, 1))
    self._asked = now
    return self.seconds - self._used

  def has_passed(self) -> bool:
    """Whether more than these seconds were used."""
    left = self.find_left()
    return left is not None and left < 0

  def describe(self) -> str:
    """Describes that it has passed, for a message."""
    return f'took longer than {self.seconds:g} s'
