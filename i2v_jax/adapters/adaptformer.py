"""AdaptFormer (Chen et al., NeurIPS 2022; arXiv 2205.13535)."""

from typing import ClassVar

from i2v_jax.adapters.layers import Bottleneck, bottleneck_macs, torch_uniform
from i2v_jax.adapters.method import Method, get_option, sum_tokens
from i2v_jax.runtime import ranges


class AdaptFormer(Method):
  """A ReLU bottleneck parallel to the MLP, on the tokens before the norm.

  Attributes:
    rank: channels of the bottleneck.
    scale: factor on it.
    dropout: inside it; 0 for video in the release, 0.1 for images.
  """

  rank: float = 64
  scale: float = 0.1
  dropout: float = 0.0

  options: ClassVar = Method.options | dict(
    rank=ranges.rank,
    scale=ranges.Number(),
    dropout=ranges.RATE,
  )

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    rank = get_option(cls, model.adapter, 'rank')
    each = lambda block: bottleneck_macs(block.width, rank)
    return {'adapters': sum_tokens(model, each)}

  def setup(self):
    self.beside = Bottleneck(
      self.rank,
      'relu',
      scale=self.scale,
      dropout=self.dropout,
      down_init=torch_uniform,
      dtype=self.dtype,
    )

  def wire(self, block, x_BxTxLxD):
    x = block.stream(x_BxTxLxD)
    x += block.attn(block.ln1(x))
    x = block.stream(x)
    return x + block.mlp(block.ln2(x)) + self.beside(x)
