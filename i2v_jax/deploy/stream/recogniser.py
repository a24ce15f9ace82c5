"""What a live session asks of a model."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime.errors import UserError


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
      fresh: bool [B], whether a stream starts anew with this frame.
      present: bool [B]; a stream without a frame keeps its state, and its row
        of the result means nothing.

    Returns:
      Calibrated probabilities, float [B, classes].
    """


def open_recogniser(trained: Trained, streams: int) -> Recogniser:
  """Opens a trained model for a number of streams.

  Raises:
    UserError: the model cannot stream.
  """
  del streams
  raise UserError(
    f'{trained.path} cannot stream: streaming models are not built yet.'
  )
