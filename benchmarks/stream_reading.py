"""Streams of frames that are in memory, for measurements of accuracy."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from i2v_jax import normalize, streaming
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime.errors import UserError


def make_reader(trained: Trained) -> Callable[..., np.ndarray]:
  """Makes a function that reads streams to their ends, in one program.

  It takes uint8 frames `[N, F, H, W, 3]` of N streams, of the size that the
  model sees, and bool `[N, F]`, where each starts over, or None. It returns
  logits `[N, F, classes]`. F is a multiple of the model's T frames.
  """
  model, chunk = trained.model, trained.spec.num_frames
  steps = jax.jit(functools.partial(streaming.steps, model), donate_argnums=1)
  streaming.check(model)

  def read(frames: np.ndarray, resets: np.ndarray | None = None) -> np.ndarray:
    check_size(trained, frames)
    count, length = frames.shape[:2]
    if resets is None:
      resets = np.zeros((count, length), bool)
    state, found = streaming.init(model, count), []
    for first in range(0, length, chunk):
      part = slice(first, first + chunk)
      pixels = normalize(
        frames[:, part], trained.config['data']['normalization']
      )
      state, logits = steps(trained.params, state, pixels, resets[:, part])
      found.append(np.asarray(logits))
    return np.concatenate(found, axis=1)

  return read


def check_size(trained: Trained, frames: np.ndarray) -> None:
  """Raises UserError unless frames have the size that the model sees."""
  size = trained.spec.image_size
  if frames.shape[2:4] != (size, size):
    height, width = frames.shape[2:4]
    raise UserError(
      f'The frames have {width} x {height} pixels and the model sees {size} x '
      f'{size}; this measurement crops and resizes none.'
    )
