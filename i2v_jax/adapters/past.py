"""The frames before those at hand: none in a clip; a stream gives them.

Whatever looks at earlier frames asks `before(x, count)` of its module for them.
In a clip the answer is None: its first frame is the first of all. While a
stream is read (`i2v_jax.models.streaming`), flax intercepts the methods that
are marked as `answered_by_streams`, and no others of these names.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Past(NamedTuple):
  """Frames along axis 1, with those before them.

  Attributes:
    joined: `B x (count + T) x …`, the frames before, then the T at hand.
    ages: `B x T`, how many frames of its stream come before each frame at hand.
  """

  joined: jax.Array
  ages: jax.Array

  def look_back(self, steps: int, instead):
    """The frame that many steps before each of the T, or else `instead`."""
    frames = self.ages.shape[1]
    start = self.joined.shape[1] - frames - steps
    earlier = self.joined[:, start : start + frames]
    exists = jnp.expand_dims(self.ages >= steps, range(2, earlier.ndim))
    return jnp.where(exists, earlier, instead)


def answered_by_streams(method: Callable) -> Callable:
  """Marks a method that a stream answers in place of the module."""
  method.answered_by_streams = True
  return method


def none_before(x_BxTx, count: int | None) -> None:
  """The `before` of a clip."""
  del x_BxTx, count
