"""Which frames of a source a model sees: at a rate, by their times."""

import math
from typing import Protocol

from i2v_jax.data.clips.spec import ClipSpec
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


class Rates(Protocol):
  """What says how many frames a second a model sees.

  Attributes:
    rate: frames a second that were asked for, or None.
    training_fps: median frames a second of the training videos; None if the
      run does not say it.
    segment: median seconds of the segments the model was trained on, 0 if it
      was trained on complete videos.
  """

  rate: float | None
  training_fps: float | None
  segment: float


def find_rate(spec: ClipSpec, stated: float, rates: Rates, name: str) -> float:
  """Finds how many frames a second a model sees of a source.

  Args:
    spec: how the model's clips were sampled.
    stated: frames a second of the source, 0 if unknown.
    rates: what else says it.
    name: of the source.

  Raises:
    UserError: nothing says it.
  """
  if rates.rate is not None:
    return ranges.POSITIVE('--rate', rates.rate)
  if spec.sampling == 'uniform':
    if rates.segment:
      return spec.num_frames / rates.segment
    raise UserError(
      'The clips of this model are spread over complete videos of any length, '
      'so it has no rate; give --rate, frames a second.'
    )
  fps = rates.training_fps or stated
  if not fps:
    raise UserError(
      f'{name} does not say how many frames a second it has; give --rate, '
      'frames a second that the model sees, or --fps for stdin.'
    )
  return fps / spec.stride
