"""Which frames of a source a model sees: at a rate, by their times."""

import math

from i2v_jax.data.live.frames import ReadOptions
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

NEAR = 0.5  # of the time between two frames of a source


class Sampler:
  """Takes the frame nearest to each multiple of a period, from the first on.

  A source that is slower gives all of its frames.

  Args:
    rate: frames a second that are taken.
    of: frames a second of the source.
  """

  def __init__(self, rate: float, of: float):
    self._rate = rate
    self._near = NEAR * min(rate / of, 1.0)
    self._origin, self._last = None, 0

  def restart(self) -> None:
    """Takes the next frame, and counts from its time."""
    self._origin = None

  def begin(self, seconds: float) -> None:
    """Counts from the frame at `seconds`, which has been taken."""
    self._origin, self._last = seconds, 0

  def take(self, seconds: float) -> bool:
    """Whether the frame at `seconds`, after all before it, is taken."""
    if self._origin is None:
      self.begin(seconds)
      return True
    number = math.floor((seconds - self._origin) * self._rate + self._near)
    if number <= self._last:
      return False
    self._last = number
    return True


def find_rate(options: ReadOptions, stated: float, name: str) -> float:
  """Finds how many frames a second a model sees of a source.

  Args:
    options: how it is read.
    stated: frames a second of the source, 0 if unknown.
    name: of the source.

  Raises:
    UserError: nothing says it.
  """
  spec = options.spec
  if options.rate is not None:
    return ranges.POSITIVE('--rate', options.rate)
  if spec.sampling == 'uniform':
    if options.segment:
      return spec.num_frames / options.segment
    raise UserError(
      'The clips of this model are spread over complete videos of any length, '
      'so it has no rate; give --rate, frames a second.'
    )
  fps = options.training_fps or stated
  if not fps:
    raise UserError(
      f'{name} does not say how many frames a second it has; give --rate, '
      'frames a second that the model sees, or --fps for stdin.'
    )
  return fps / spec.stride
