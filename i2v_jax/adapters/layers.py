"""Small trainable layers that adapters are made of."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn


def identity(x):
  return x


class LinearAdapter(nn.Module):
  """A(x) = x + scale * up(dropout(down(x))), no activation.

  The LinearAdapter of the ZeroI2V release. `up` starts at zero, so A starts as
  the identity. Being affine, it merges into the linear layer before or behind
  it. Dropout acts when the caller of the model passes a `dropout` rng.
  """

  rank_ratio: float
  scale: float = 1.0
  dropout: float = 0.0
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    width = x.shape[-1]
    down = nn.Dense(
      int(width * self.rank_ratio),
      kernel_init=nn.initializers.normal(0.02),
      dtype=self.dtype,
      name='down',
    )
    up = nn.Dense(
      width, kernel_init=nn.initializers.zeros, dtype=self.dtype, name='up'
    )
    train = self.has_rng('dropout')
    h = nn.Dropout(self.dropout, deterministic=not train)(down(x))
    return x + self.scale * up(h)
