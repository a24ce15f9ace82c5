"""ST-Adapter (Pan et al., NeurIPS 2022; arXiv 2206.13559)."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from flax import linen as nn

from i2v_jax.adapters import block_interface
from i2v_jax.adapters.layers import (
  PER_CHANNEL,
  PerChannelConv,
  bottleneck_macs,
  change_patches,
  count_channels,
  find_side,
  identity,
  normal,
  torch_uniform,
  zeros,
)
from i2v_jax.adapters.method import Method, get_option, sum_patches, sum_tokens
from i2v_jax.backbones.declared import Dense
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

CENTRED = (
  'its convolution is centred, and sees the frame after; train with '
  'model.adapter.causal=True'
)
LOOKS_AROUND = 'its convolution looks at the patches around each'


class Convolution(nn.Module):
  """x + fc2(conv(fc1(x))) on the patches of frames.

  `conv` runs per channel over frames, rows and columns, with zeros outside. It
  starts at zero, so the layer starts as the identity. No activation, as in the
  release.
  """

  rank: float
  kernel: Sequence[int]
  causal: bool
  dtype: Any

  @nn.compact
  def __call__(self, x_BxTxPxD):
    batch, frames, count, width = x_BxTxPxD.shape
    rank = count_channels(self.rank, width)
    # Over time alone, patches need not form a square.
    rows = find_side(count) if tuple(self.kernel)[1:] != (1, 1) else count
    dense = lambda size, name: Dense(
      size, kernel_init=torch_uniform, dtype=self.dtype, name=name
    )
    conv = PerChannelConv(
      self.kernel, zeros, zeros, self.causal, self.dtype, name='conv'
    )
    h = dense(rank, 'fc1')(x_BxTxPxD)
    h = conv(h.reshape(batch, frames, rows, -1, rank))
    h = h.reshape(batch, frames, count, rank)
    return x_BxTxPxD + dense(width, 'fc2')(h)


class STAdapter(Method):
  """Convolutions over time before attention, of the MLP, or both.

  They change the patches; class token and registers stay.

  Attributes:
    rank: channels of the convolution, or below 1 their share of the width.
    kernel: its size over frames, rows, columns; odd.
    pre_attn: one before attention (SSv2; 24 in a model of 12 blocks).
    pre_mlp: one before the MLP.
    causal: the kernel ends at each frame, instead of being centred (ours).
  """

  rank: float = 384
  kernel: Sequence[int] = (3, 1, 1)
  pre_attn: bool = False
  pre_mlp: bool = True
  causal: bool = False

  options: ClassVar = Method.options | dict(
    rank=ranges.rank,
    kernel=ranges.list_of(ranges.odd, 3),
    pre_attn=ranges.flag,
    pre_mlp=ranges.flag,
    causal=ranges.flag,
  )

  @classmethod
  def looks_ahead(cls, spec) -> str:
    frames, _, _ = get_option(cls, spec, 'kernel')
    causal = frames == 1 or get_option(cls, spec, 'causal')
    return '' if causal else CENTRED

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    spec = model.adapter
    rank, size = (get_option(cls, spec, name) for name in ('rank', 'kernel'))
    places = [get_option(cls, spec, name) for name in ('pre_attn', 'pre_mlp')]
    each = lambda block: bottleneck_macs(block.width, rank)
    conv = lambda block: math.prod(size) * count_channels(rank, block.width)
    return {
      'adapters': sum(places) * sum_patches(model, each),
      PER_CHANNEL: sum(places) * sum_patches(model, conv),
    }

  def setup(self):
    if not (self.pre_attn or self.pre_mlp):
      raise UserError('ST-Adapter needs pre_attn or pre_mlp, or both.')
    conv = lambda: Convolution(self.rank, self.kernel, self.causal, self.dtype)
    self.adapt_attn = conv() if self.pre_attn else identity
    self.adapt_mlp = conv() if self.pre_mlp else identity

  def wire(self, block, x_BxTxLxD):
    first = block_interface.count_prefix(block)
    x = block.stream(change_patches(self.adapt_attn, x_BxTxLxD, first))
    x += block.attn(block.ln1(x))
    x = block.stream(change_patches(self.adapt_mlp, x, first))
    return x + block.mlp(block.ln2(x))

  @classmethod
  def fixed_size(cls, spec):
    around = tuple(spec.get('kernel', cls.kernel))[1:]
    return '' if around == (1, 1) else LOOKS_AROUND


class TokenConvolution(nn.Module):
  """x + fc2(GELU(conv(fc1(x)))) over frames at every token, class token too."""

  rank: float
  causal: bool
  dtype: Any

  @nn.compact
  def __call__(self, x_BxTxLxD):
    dense = lambda size, init, name: Dense(
      size, kernel_init=init, dtype=self.dtype, name=name
    )
    conv = PerChannelConv(
      (3, 1), causal=self.causal, dtype=self.dtype, name='conv'
    )
    rank = count_channels(self.rank, x_BxTxLxD.shape[-1])
    h = conv(dense(rank, normal, 'fc1')(x_BxTxLxD))
    h = nn.gelu(h, approximate=False)
    return x_BxTxLxD + dense(x_BxTxLxD.shape[-1], zeros, 'fc2')(h)


class STAdapterZeroI2V(Method):
  """ST-Adapter as Table 3 of ZeroI2V measured it (its development code).

  Attributes:
    num_adapters: 2, before attention and of the MLP; or 4, also after.
    rank: channels of the convolution; the table has 2 of 384 and 4 of 192.
    causal: the kernel ends at each frame, instead of being centred (ours).
  """

  num_adapters: int = 4
  rank: float = 192
  causal: bool = False

  options: ClassVar = Method.options | dict(
    num_adapters=ranges.one_of(2, 4),
    rank=ranges.rank,
    causal=ranges.flag,
  )

  @classmethod
  def looks_ahead(cls, spec) -> str:
    return '' if get_option(cls, spec, 'causal') else CENTRED

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    rank = get_option(cls, model.adapter, 'rank')
    count = get_option(cls, model.adapter, 'num_adapters')
    each = lambda block: bottleneck_macs(block.width, rank)
    conv = lambda block: 3 * count_channels(rank, block.width)  # frames
    return {
      'adapters': count * sum_tokens(model, each),
      PER_CHANNEL: count * sum_tokens(model, conv),
    }

  def setup(self):
    if self.num_adapters not in (2, 4):
      raise UserError(
        f'st_adapter_zeroi2v has 2 or 4 adapters, not {self.num_adapters}.'
      )
    conv = lambda: TokenConvolution(self.rank, self.causal, self.dtype)
    four = self.num_adapters == 4
    self.adapt_attn, self.adapt_mlp = conv(), conv()
    self.attn_out, self.mlp_out = (conv() if four else identity for _ in '12')

  def wire(self, block, x_BxTxLxD):
    x = block.stream(self.adapt_attn(x_BxTxLxD))
    x += self.attn_out(block.attn(block.ln1(x)))
    x = block.stream(self.adapt_mlp(x))
    return x + self.mlp_out(block.mlp(block.ln2(x)))
