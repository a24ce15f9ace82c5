"""Pro-tuning (Nie et al.; arXiv 2207.14381): experimental, our reading.

Only the abstract could be checked: trainable prompt blocks, plugged in stage
by stage. Their inside here (1x1, 5x5 per channel, 1x1 convolution, added with
a learned factor) is not confirmed by any source.
"""

from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.adapters import block_interface
from i2v_jax.adapters.layers import (
  PER_CHANNEL,
  PerChannelConv,
  bottleneck_macs,
  change_patches,
  count_channels,
  find_side,
  torch_uniform,
  zeros,
)
from i2v_jax.adapters.method import Method, get_option, sum_patches
from i2v_jax.backbones.declared import Declared, Dense
from i2v_jax.runtime import ranges


class PromptBlock(Declared, nn.Module):
  """gate * up(conv(down(patches))) on a square of patches; gate starts at 0."""

  rank: float
  kernel: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, patches_BxTxPxD):
    *batch, count, width = patches_BxTxPxD.shape
    side, rank = find_side(count), count_channels(self.rank, width)
    dense = lambda size, name: Dense(
      size, kernel_init=torch_uniform, dtype=self.dtype, name=name
    )
    sizes = (1,) * (len(batch) - 1) + (self.kernel, self.kernel)
    conv = PerChannelConv(sizes, dtype=self.dtype, name='conv')
    h = dense(rank, 'down')(patches_BxTxPxD)
    h = conv(h.reshape(*batch, side, side, rank))
    y = dense(width, 'up')(h.reshape(*batch, count, rank))
    return self.param('gate', zeros, (), jnp.float32).astype(y.dtype) * y


class ProTuning(Method):
  """A prompt block before every frozen block.

  Attributes:
    rank: channels of its convolutions, or below 1 their share of the width.
    kernel: side of the convolution per channel, in patches.
  """

  rank: float = 64
  kernel: int = 5

  options: ClassVar = Method.options | dict(
    rank=ranges.rank,
    kernel=ranges.odd,
  )

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    rank = get_option(cls, model.adapter, 'rank')
    kernel = get_option(cls, model.adapter, 'kernel')
    each = lambda block: bottleneck_macs(block.width, rank)
    conv = lambda block: kernel**2 * count_channels(rank, block.width)
    return {
      'adapters': sum_patches(model, each),
      PER_CHANNEL: sum_patches(model, conv),
    }

  def setup(self):
    self.prompt = PromptBlock(self.rank, self.kernel, self.dtype)

  @classmethod
  def fixed_size(cls, spec):
    del spec
    return 'its convolution looks at the patches around each'

  def wire(self, block, x_BxTxLxD):
    prompted = lambda patches: patches + self.prompt(patches)
    x = change_patches(prompted, x_BxTxLxD, block_interface.count_prefix(block))
    return super().wire(block, x)
