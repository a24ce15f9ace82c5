"""VPT (Jia et al., ECCV 2022; arXiv 2203.12119), prompts per frame."""

import math

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.adapters import blocks
from i2v_jax.adapters.layers import symmetric_uniform
from i2v_jax.adapters.method import Method


class VPT(Method):
  """Learned tokens between the class token and the patches of every frame.

  Deep prompts stand in one block each: put in before it, cut off behind it.
  Shallow ones are put in before the first block and stay. All frames share
  them; they have no position.

  Attributes:
    prompts: number of tokens; 8 in the video baseline of DualPath.
    deep: deep or shallow.
    dropout: on the prompts, while training.

  Prompts start as U(-v, v), v = sqrt(6 / (3 p^2 + D)), as in the release.
  """

  prompts: int = 8
  deep: bool = True
  dropout: float = 0.0

  def setup(self):
    if self.prompts < 1:
      raise ValueError(f'VPT needs 1 prompt or more, not {self.prompts}.')

  @nn.compact
  def wire(self, block, x_BxTxLxD):
    if not self.deep and self.layer:
      return super().wire(block, x_BxTxLxD)
    width = x_BxTxLxD.shape[-1]
    shape = (self.prompts, width)
    patch_size = blocks.config(block, 'VPT', 'patch_size').patch_size
    bound = math.sqrt(6 / (3 * patch_size**2 + width))
    prompts = self.param('prompts', symmetric_uniform(bound), shape)
    drop = nn.Dropout(self.dropout, deterministic=not self.has_rng('dropout'))
    prompts = drop(prompts.astype(x_BxTxLxD.dtype))
    cls, patches = x_BxTxLxD[..., :1, :], x_BxTxLxD[..., 1:, :]
    room = (*x_BxTxLxD.shape[:-2], *shape)
    inside = jnp.broadcast_to(prompts, room)
    x = super().wire(block, jnp.concatenate([cls, inside, patches], axis=-2))
    if not self.deep:
      return x
    patches = x[..., 1 + self.prompts :, :]
    return jnp.concatenate([x[..., :1, :], patches], axis=-2)
