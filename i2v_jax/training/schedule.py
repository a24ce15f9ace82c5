"""The learning rate: a linear warm-up and half a cosine."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

SCHEDULES = ('step', 'epoch', 'after_warmup')
RANGES = {  # key of `optimizer` in a config -> what it may be
  'lr': ranges.NOT_NEGATIVE,
  'schedule': ranges.one_of(*SCHEDULES),
  'warmup_epochs': ranges.NOT_NEGATIVE,
  'warmup_from': ranges.SHARE,
  'lr_end': ranges.SHARE,
}


def make_warmup_cosine(
  lr: float,
  *,
  total_steps: int,
  steps_per_epoch: float,
  warmup_epochs: float = 2.5,
  warmup_from: float = 0.1,
  by: str = 'step',
  lr_end: float = 0.0,
) -> Callable[[Any], jnp.ndarray]:
  """Makes a schedule of a linear warm-up and half a cosine.

  Args:
    lr: peak learning rate.
    total_steps: step at which the cosine reaches 0.
    steps_per_epoch: a fraction if batches straddle epochs.
    warmup_epochs: warm-up takes `int(warmup_epochs * steps_per_epoch)` steps.
    warmup_from: factor on `lr` at step 0.
    by: `'step'` for warm-up times a smooth cosine, both counted from step 0;
      `'epoch'` for the same with a cosine that is constant within an epoch, as
      ZeroI2V was released (two mmengine schedulers multiplied);
      `'after_warmup'` for a cosine that begins where the warm-up ends, as MAE,
      DualPath and ST-Adapter train.
    lr_end: factor on `lr` that the cosine reaches in place of 0.

  Raises:
    UserError: a value is out of its range.
  """
  given = dict(lr=lr, warmup_epochs=warmup_epochs, warmup_from=warmup_from)
  for name, value in (given | dict(schedule=by, lr_end=lr_end)).items():
    RANGES[name](f'optimizer.{name}', value)
  warmup = int(warmup_epochs * steps_per_epoch)
  _check_lengths(epochs=total_steps, warmup_epochs=warmup)
  epochs = total_steps / steps_per_epoch
  if by == 'epoch':
    # First steps of epochs 1, 2, …; the small term is for 3 * (10 / 3) > 10.
    starts = np.ceil(np.arange(1, epochs + 1) * steps_per_epoch - 1e-6)
  apart = by == 'after_warmup'
  last = warmup if apart else warmup - 1  # first step of the full factor

  def schedule(step):
    step = jnp.asarray(step, jnp.float32)
    rise = jnp.minimum(step / max(last, 1), 1.0) if warmup else 1.0
    if by == 'epoch':
      done = jnp.searchsorted(starts, step, side='right') / epochs
    else:
      begin = warmup if apart else 0
      done = (step - begin) / max(total_steps - begin, 1)
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(done, 0.0, 1.0)))
    cosine = lr_end + (1 - lr_end) * cosine
    return lr * (warmup_from + (1 - warmup_from) * rise) * cosine

  return schedule


def _check_lengths(**steps: int) -> None:
  for key, length in steps.items():
    if length > ranges.INT32:
      raise UserError(
        f'{key} comes to {length:.3g} steps; it can be at most {ranges.INT32}.'
      )
