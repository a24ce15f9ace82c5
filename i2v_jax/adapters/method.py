"""The base of methods that wire a block, and sums for their cost formulas."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.adapters import block_interface, operators
from i2v_jax.adapters.past import answered_by_streams, none_before
from i2v_jax.backbones.image_model import BlockConfig, ImageModel
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError


def get_option(method: type, spec: Mapping[str, Any], name: str):
  """An option of a resolved spec: as given, or the method's default."""
  return spec.get(name, getattr(method, name))


def adapted_blocks(model) -> list[BlockConfig]:
  """Sizes of each block of a classifier that has an adapter."""
  cfg = model.image_model
  chosen = model.adapter.get('blocks', ()) or range(cfg.num_blocks)
  return [cfg.block(i) for i in chosen]


def sum_tokens(model, cost: Callable[[BlockConfig], int]) -> int:
  """Sums a cost per token over the tokens of a clip in adapted blocks."""
  blocks = adapted_blocks(model)
  return model.num_steps * sum(b.num_tokens * cost(b) for b in blocks)


def sum_patches(model, cost: Callable[[BlockConfig], int]) -> int:
  """Sums a cost per patch over the patches of a clip in adapted blocks."""
  patches = lambda b: b.num_tokens - b.num_prefix
  total = sum(patches(b) * cost(b) for b in adapted_blocks(model))
  return model.num_steps * total


class Method(nn.Module):
  """One layer of a method; by itself the frozen block as it is.

  A method overrides `wire` with its paper's residual equations. It calls
  `block.stream` before attention and MLP, where a temporal operator may
  move tokens; one that does not work with operators says why in `no_operator`.

  Attributes:
    blocks: which blocks have an adapter; none named means all. The others are
      frozen blocks, with the operator or the offsets of the method in them.
    layer: index of the block.
    depth: number of blocks.
    operator: as `operators.resolve` returns it, or None.
    dtype: compute type.
  """

  blocks: Sequence[int] = ()
  layer: int = 0
  depth: int = 1
  operator: Any = None
  dtype: Any = jnp.float32

  # What an option may be; a method adds its own.
  options: ClassVar = dict(blocks=ranges.list_of(ranges.FROM_0))
  no_operator = ''  # why temporal operators make no sense here

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    """Multiply-accumulates that the method adds to a clip, by part.

    Args:
      model: a classifier with this method as its adapter.
    """
    raise NotImplementedError(
      f'{cls.__name__} has no formula; give it a classmethod macs(cls, model).'
    )

  @classmethod
  def fixed_size(cls, spec: Mapping[str, Any]) -> str:
    """Why a spec of this method needs every patch of a frame, or ''."""
    del spec
    return ''

  @classmethod
  def misfit(cls, spec: Mapping[str, Any], cfg: ImageModel) -> str:
    """Why a spec of this method does not fit an image model, or ''."""
    del spec, cfg
    return ''

  @classmethod
  def looks_ahead(cls, spec: Mapping[str, Any]) -> str:
    """How a spec of this method sees later frames and what to set, or ''.

    Offsets and operators aside.
    """
    del spec
    return ''

  def __call__(self, block, x_BxTxLxD):
    if not 0 <= self.layer < self.depth:
      raise UserError(
        f'An adapter of block {self.layer} needs the depth of the model, not '
        f'{self.depth}; adapters.PerBlock gives it.'
      )
    block_interface.check_parts(block)
    return self.wire(self.moved(block), x_BxTxLxD)

  def moved(self, block) -> operators.MovedBlock:
    """The block with the temporal operator in it."""
    if not self.operator:
      return operators.MovedBlock(block)
    return operators.make_operator(self.operator)(block, self.before)

  @answered_by_streams
  def before(self, x_BxTx, count: int | None):
    """The `count` frames before those of x, as a `past.Past`; None in a clip.

    Every frame that a method or an operator takes from before goes through
    here, so that a stream can give it. A count of None is all that it keeps.
    """
    return none_before(x_BxTx, count)

  def wire(self, block, x_BxTxLxD):
    x = block.stream(x_BxTxLxD)
    x += block.attn(block.ln1(x))
    x = block.stream(x)
    return x + block.mlp(block.ln2(x))

  def share_of_depth(self) -> float:
    """From 0 in the first block to 1 in the last."""
    return self.layer / max(self.depth - 1, 1)

  def dropout_rng(self):
    """A fresh key while training, else None."""
    return self.make_rng('dropout') if self.has_rng('dropout') else None
