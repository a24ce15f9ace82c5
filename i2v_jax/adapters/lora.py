"""LoRA (Hu et al., ICLR 2022; arXiv 2106.09685) on any frozen linear layer."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flax import linen as nn

from i2v_jax.adapters import block_interface, merging
from i2v_jax.adapters.layers import LowRank, normal
from i2v_jax.adapters.method import Method, get_option, sum_tokens
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

LAYERS = {  # layer -> its part of the block
  'q': 'attn',
  'k': 'attn',
  'v': 'attn',
  'out': 'attn',
  'fc1': 'mlp',
  'fc2': 'mlp',
}
INITS = {
  'standard': {},
  # The development code of ZeroI2V redraws both factors, so the image model is
  # disturbed from the start; for study only.
  'zeroi2v_dev': dict(down_init=normal, up_init=normal),
}


class LoRA(Method):
  """y = W x + b + alpha / rank * up(down(x)), merged after training.

  Attributes:
    on: which of the layers q, k, v, out, fc1, fc2.
    rank: channels of an update.
    alpha: 0 for the rank, so that the scale is 1.
    init_scheme: `standard` (up starts at zero) or `zeroi2v_dev`.
  """

  on: Sequence[str] = ('q', 'v')
  rank: int = 192
  alpha: float = 0.0
  init_scheme: str = 'standard'

  options: ClassVar = Method.options | dict(
    on=ranges.list_of(ranges.one_of(*LAYERS)),
    rank=ranges.COUNT,
    alpha=ranges.NOT_NEGATIVE,
    init_scheme=ranges.one_of(*INITS),
  )

  def setup(self):
    if not self.on or set(self.on) - set(LAYERS):
      raise UserError(
        f'LoRA acts on some of {list(LAYERS)}, not on {list(self.on)}.'
      )
    ranges.one_of(*INITS)('init_scheme', self.init_scheme)
    ranges.COUNT('rank', self.rank)
    scale, options = _scale(self.rank, self.alpha), INITS[self.init_scheme]
    for name in self.on:
      update = LowRank(self.rank, scale, dtype=self.dtype, **options)
      setattr(self, name, update)

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    rank = get_option(cls, model.adapter, 'rank')
    layers = get_option(cls, model.adapter, 'on')
    ends = {  # inputs and outputs of each layer
      'fc1': lambda block: block.width + block.fc1_width,
      'fc2': lambda block: block.mlp_dim + block.width,
    }
    square = lambda block: 2 * block.width
    each = lambda block: sum(ends.get(on, square)(block) for on in layers)
    return {'adapters': rank * sum_tokens(model, each)}

  def wire(self, block, x_BxTxLxD):
    add = lambda name, x, y: y + getattr(self, name)(x, y.shape[-1])
    dense = (nn.Dense,)
    with block_interface.change_layers(block, 'LoRA', self.on, dense, add):
      return super().wire(block, x_BxTxLxD)

  @staticmethod
  def merge(
    spec: Mapping[str, Any], backbone: Mapping, adapters: Mapping
  ) -> tuple[None, dict]:
    """Adds every update to its frozen layer: (no adapter, backbone)."""
    scale = _scale(spec.get('rank', LoRA.rank), spec.get('alpha', LoRA.alpha))
    merged = dict(backbone)
    for block, updates in adapters.items():
      parts = {part: dict(backbone[block][part]) for part in ('attn', 'mlp')}
      for name, update in updates.items():
        part = parts[LAYERS[name]]
        part[name] = merging.add_low_rank(part[name], update, scale)
      merged[block] = dict(backbone[block]) | parts
    return None, merged


def _scale(rank: int, alpha: float) -> float:
  return (alpha or rank) / rank
