"""What a live session asks of a model, and a trained model that gives it."""

import functools
from collections.abc import Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax.deploy.trained import Trained
from i2v_jax.models import streaming
from i2v_jax.models.classifier import make_probabilities
from i2v_jax.models.inputs import normalize_clips
from i2v_jax.runtime import sharding


class Recogniser(Protocol):
  """A model with the state of a batch of streams.

  Attributes:
    class_names: in label order.
  """

  class_names: Sequence[str]

  def step(
    self, frames: np.ndarray, fresh: np.ndarray, present: np.ndarray
  ) -> np.ndarray:
    """Takes the next frame of each stream.

    Args:
      frames: uint8 [B, H, W, 3], as the model's clips have them before they
        are normalised.
      fresh: bool [B], whether a stream starts over with this frame.
      present: bool [B]; a stream without a frame keeps its state, and its row
        of the result means nothing.

    Returns:
      Calibrated probabilities, float [B, classes].
    """


class TrainedRecogniser:
  """A trained model that reads streams.

  Args:
    trained: the model.
    streams: their number.

  Raises:
    UserError: the model cannot stream.
  """

  def __init__(self, trained: Trained, streams: int):
    self.class_names, self._trained = trained.class_names, trained
    # As the step returns it, or it would be compiled twice.
    replicated = sharding.replicated(trained.mesh)
    state = streaming.init(trained.model, streams)
    self._state = jax.device_put(state, replicated)
    advance = functools.partial(
      _advance,
      functools.partial(streaming.step, trained.model),
      trained.model.image_model.dtype,
      trained.config['data']['normalization'],
      trained.config['task'],
    )
    self._advance = jax.jit(advance, donate_argnums=1, out_shardings=replicated)

  def step(
    self, frames: np.ndarray, fresh: np.ndarray, present: np.ndarray
  ) -> np.ndarray:
    """See `Recogniser`."""
    self._state, probabilities = self._advance(
      self._trained.params, self._state, frames, fresh, present
    )
    return self._trained.calibrate(jax.device_get(probabilities))


def _advance(
  step, dtype, normalization, task, params, state, frames, fresh, present
):
  """The next state, and probabilities `B x classes`."""
  clips = {'video': frames[:, None]}
  (pixels_Bx1xHxWx3,) = normalize_clips(clips, normalization, dtype)
  new, logits = step(params, state, pixels_Bx1xHxWx3[:, 0], fresh)
  keep = lambda new, old: jnp.where(
    jnp.expand_dims(present, range(1, new.ndim)), new, old
  )
  return jax.tree.map(keep, new, state), make_probabilities(logits, task)
