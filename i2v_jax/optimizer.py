"""AdamW over the trainable tree: schedules, clipping, multipliers by prefix."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from i2v_jax import params as params_lib


def warmup_cosine(
  lr: float,
  *,
  total_steps: int,
  steps_per_epoch: float,
  warmup_epochs: float = 2.5,
  warmup_from: float = 0.1,
  by: str = 'step',
) -> Callable[[Any], jnp.ndarray]:
  """Linear warm-up times half a cosine, both counted from step 0.

  Args:
    lr: peak.
    total_steps: where the cosine reaches 0.
    steps_per_epoch: may be a fraction, if batches straddle epochs.
    warmup_epochs: warm-up takes `int(warmup_epochs * steps_per_epoch)` steps.
    warmup_from: factor on `lr` at step 0.
    by: `'step'` for a smooth cosine; `'epoch'` for one that is constant within
      an epoch, as the releases train (two mmengine schedulers multiplied).
  """
  if by not in ('step', 'epoch'):
    raise ValueError(f"A schedule goes by 'step' or 'epoch', not {by!r}.")
  warmup = int(warmup_epochs * steps_per_epoch)
  epochs = total_steps / steps_per_epoch
  # First steps of epochs 1, 2, …; the small term is for 3 * (10 / 3) > 10.
  starts = np.ceil(np.arange(1, epochs + 1) * steps_per_epoch - 1e-6)

  def schedule(step):
    step = jnp.asarray(step, jnp.float32)
    rise = jnp.minimum(step / max(warmup - 1, 1), 1.0) if warmup else 1.0
    if by == 'step':
      done = step / total_steps
    else:
      done = jnp.searchsorted(starts, step, side='right') / epochs
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(done, 1.0)))
    return lr * (warmup_from + (1 - warmup_from) * rise) * cosine

  return schedule


def scale_by_prefix(
  multipliers: Mapping[str, float],
) -> optax.GradientTransformation:
  """Multiplies updates by the factor of their longest matching prefix."""

  def update(updates, params):
    del params
    factors = params_lib.labels(updates, multipliers, default=1.0)
    return jax.tree.map(lambda u, m: u * m, updates, factors)

  return optax.stateless(update)


def decay_weights(
  rate: float, multipliers: Mapping[str, float]
) -> optax.GradientTransformation:
  """Adds `rate * multiplier * parameter` to the updates (decoupled decay)."""

  def update(updates, params):
    factors = params_lib.labels(params, multipliers, default=1.0)
    return jax.tree.map(
      lambda u, p, m: u + rate * m * p, updates, params, factors
    )

  return optax.stateless(update)


def make(
  schedule: Callable,
  *,
  weight_decay: float = 0.05,
  clip_norm: float = 0.0,
  b1: float = 0.9,
  b2: float = 0.999,
  eps: float = 1e-8,
  lr_multipliers: Mapping[str, float] | None = None,
  decay_multipliers: Mapping[str, float] | None = None,
) -> optax.GradientTransformation:
  """AdamW for a tree of trainable parameters; knows nothing of frozen ones.

  Args:
    schedule: step -> learning rate.
    weight_decay: decoupled; scaled by the learning rate and its multiplier.
    clip_norm: global norm of the trainable gradients; 0 does not clip.
    b1: decay of the first moment.
    b2: decay of the second moment.
    eps: added to the root of the second moment.
    lr_multipliers: prefix -> factor on the learning rate.
    decay_multipliers: prefix -> factor on the decay.
  """
  clip = optax.clip_by_global_norm(clip_norm) if clip_norm else optax.identity()
  return optax.chain(
    clip,
    optax.scale_by_adam(b1, b2, eps),
    decay_weights(weight_decay, decay_multipliers or {}),
    scale_by_prefix(lr_multipliers or {}),
    optax.scale_by_learning_rate(schedule),
  )
