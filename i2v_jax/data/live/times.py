"""One axis of seconds from timestamps that may be missing or start over."""

BACK = 0.1  # seconds; less is the jitter of a clock
JUMP = 60.0  # seconds; more is another clock, not a pause, of what is live
LONG_JUMP = 86_400.0  # the same of a recording


class Times:
  """Places timestamps on the seconds of a source, which never go back.

  Attributes:
    seconds: of the last frame, 0 before any.
    epoch: grows whenever frames do not continue those before.
  """

  def __init__(self):
    self.seconds, self.epoch = 0.0, 0
    self._stamp = self._base = None
    self._first = True

  def restart(self, seconds: float) -> None:
    """Begins a new epoch, whose first frame is at `seconds` at least."""
    if self._base is not None:
      self.epoch += 1
    self._base, self._stamp = max(seconds, self.seconds), None
    self._first = True

  def place(
    self,
    stamp: float | None,
    period: float,
    elapsed: float = 0.0,
    jump: float = JUMP,
  ) -> float:
    """Places the next frame; returns its seconds.

    Args:
      stamp: its timestamp in seconds, None if it has none.
      period: seconds from one frame to the next, as stated.
      elapsed: seconds by our own clock, if the source is live.
      jump: seconds that are longer than any pause.
    """
    if self._first:
      self.seconds = self._base or 0.0
      self._base, self._stamp, self._first = self.seconds, stamp, False
      return self.seconds
    if self._stamp is None:  # none had a stamp yet
      self._stamp, self.seconds = stamp, self.seconds + period
      return self.seconds
    if stamp is None:
      stamp = self._stamp + period
    step = stamp - self._stamp
    if -BACK <= step <= 0:
      return self.seconds
    self._stamp = stamp
    if 0 < step <= jump:
      self.seconds += step
    else:
      self.epoch += 1
      self.seconds = max(self.seconds + period, elapsed)
    return self.seconds
