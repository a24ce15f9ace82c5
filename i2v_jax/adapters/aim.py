"""AIM (Yang et al., ICLR 2023; arXiv 2302.03024)."""

from typing import ClassVar

from i2v_jax.adapters import block_interface
from i2v_jax.adapters.layers import (
  Bottleneck,
  bottleneck_macs,
  drop_path,
  identity,
)
from i2v_jax.adapters.method import (
  Method,
  adapted_blocks,
  get_option,
  sum_tokens,
)
from i2v_jax.backbones.macs import attention_macs
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

# The release draws stochastic depth along the first axis of whatever layout
# the tokens have: CLIP's is L x BT x D, the ImageNet ViT's BT x L x D.
RELEASE_AXES = {'clip': (2,), 'imagenet': (0, 1)}


class AIM(Method):
  """The block of AIM: the frozen attention over time, over space, then the MLP.

  At the start it is the image model, frame by frame.

  Attributes:
    num_adapters: 3; or 4, one more before the attention over time.
    rank: channels of an adapter, or below 1 their share of the width.
    scale: factor on the adapter parallel to the MLP.
    drop_path: rate of the last block; it grows linearly from 0.
    drop_path_axis: `sample` draws once per video; `release` as the release
      does: per token index over the complete batch on CLIP, per frame on the
      ImageNet ViT.
  """

  num_adapters: int = 3
  rank: float = 0.25
  scale: float = 1.0
  drop_path: float = 0.2
  drop_path_axis: str = 'sample'

  options: ClassVar = Method.options | dict(
    num_adapters=ranges.one_of(3, 4),
    rank=ranges.rank,
    scale=ranges.Number(),
    drop_path=ranges.RATE,
    drop_path_axis=ranges.one_of('sample', 'release'),
  )

  no_operator = 'it uses the frozen attention over time already'

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    rank = get_option(cls, model.adapter, 'rank')
    frames = model.num_frames
    over_time = lambda block: (
      block.num_tokens * attention_macs(block.width, frames, frames)
    )
    each = lambda block: bottleneck_macs(block.width, rank)
    count = get_option(cls, model.adapter, 'num_adapters')
    return {
      'attention over time': sum(map(over_time, adapted_blocks(model))),
      'adapters': count * sum_tokens(model, each),
    }

  def setup(self):
    if self.num_adapters not in (3, 4):
      raise UserError(
        f'AIM has 3 or 4 adapters per block, not {self.num_adapters}.'
      )
    if self.drop_path_axis not in ('sample', 'release'):
      raise UserError(
        f"drop_path_axis is 'sample' or 'release', not {self.drop_path_axis!r}."
      )
    self.time_in = self.adapter(True) if self.num_adapters == 4 else identity
    self.time = self.adapter(False)
    self.space = self.adapter(True)
    self.joint = self.adapter(False)

  def adapter(self, skip):
    return Bottleneck(self.rank, 'gelu', skip, dtype=self.dtype)

  def wire(self, block, x_BxTxLxD):
    x, across_frames = x_BxTxLxD, lambda y: y.swapaxes(1, 2)
    drop = lambda y: self.drop(y, block)
    u = self.time_in(block.ln1(across_frames(x)))
    x += drop(across_frames(self.time(block.attn(u))))
    x += self.space(block.attn(block.ln1(x)))
    u = block.ln2(x)
    return x + block.mlp(u) + drop(self.scale * self.joint(u))

  def drop(self, y_BxTxLxD, block):
    rate = self.drop_path * self.layer / max(self.depth - 1, 1)
    axes = (0,)
    if self.drop_path_axis == 'release':
      cfg = block_interface.require_config(
        block, "AIM with drop_path_axis='release'", 'pre_norm'
      )
      axes = RELEASE_AXES['clip' if cfg.pre_norm else 'imagenet']
    return drop_path(y_BxTxLxD, rate, self.dropout_rng(), axes)
