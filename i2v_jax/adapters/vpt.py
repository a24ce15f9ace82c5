"""VPT (Jia et al., ECCV 2022; arXiv 2203.12119), prompts per frame."""

import math
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.adapters import block_interface
from i2v_jax.adapters.dropout import Dropout
from i2v_jax.adapters.layers import symmetric_uniform
from i2v_jax.adapters.method import Method, adapted_blocks, get_option
from i2v_jax.backbones.macs import attention_macs
from i2v_jax.backbones.vit import repeat_tokens
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError


class VPT(Method):
  """Learned tokens before the patches of every frame.

  They come after the class token and registers, are shared by all frames and
  have no position. Each block has its own deep prompts, inserted before it and
  removed after it; shallow ones are inserted before the first block and removed
  after the last.

  Attributes:
    prompts: number of tokens; 8 in the video baseline of DualPath.
    deep: deep or shallow.
    dropout: on the prompts, while training.

  Prompts start as U(-v, v), v = sqrt(6 / (3 p^2 + D)), as in the release.
  """

  prompts: int = 8
  deep: bool = True
  dropout: float = 0.0

  options: ClassVar = Method.options | dict(
    prompts=ranges.COUNT,
    deep=ranges.flag,
    dropout=ranges.RATE,
  )

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    prompts = get_option(cls, model.adapter, 'prompts')

    def added(block):
      cost = lambda tokens: (
        attention_macs(block.width, tokens, tokens) + tokens * block.mlp_macs
      )
      return cost(block.num_tokens + prompts) - cost(block.num_tokens)

    total = sum(map(added, adapted_blocks(model)))
    return {'prompts': model.num_frames * total}

  @classmethod
  def misfit(cls, spec, cfg):
    del spec
    alone = 'a prompt has no place in a map that is cut into windows'
    return alone if cfg.block(0).window else ''

  def setup(self):
    if self.prompts < 1:
      raise UserError(f'VPT needs 1 prompt or more, not {self.prompts}.')
    if self.blocks and not self.deep:
      raise UserError(
        'Shallow prompts of VPT go through all blocks; leave its blocks empty, '
        'or set deep.'
      )

  @nn.compact
  def wire(self, block, x_BxTxLxD):
    x = x_BxTxLxD
    cfg = block_interface.require_config(block, 'VPT', 'patch_size')
    first = block_interface.count_prefix(block)
    if self.deep or self.layer == 0:
      x = self.insert(x, first, cfg.patch_size)
    x = super().wire(block, x)
    if self.deep or self.layer == self.depth - 1:
      patches = x[..., first + self.prompts :, :]
      x = jnp.concatenate([x[..., :first, :], patches], axis=-2)
    return x

  def insert(self, x_BxTxLxD, first, patch_size):
    width = x_BxTxLxD.shape[-1]
    shape = (self.prompts, width)
    bound = math.sqrt(6 / (3 * patch_size**2 + width))
    prompts = self.param('prompts', symmetric_uniform(bound), shape)
    drop = Dropout(self.dropout)
    inside = repeat_tokens(drop(prompts), x_BxTxLxD)
    prefix, patches = jnp.split(x_BxTxLxD, [first], axis=-2)
    return jnp.concatenate([prefix, inside, patches], axis=-2)
