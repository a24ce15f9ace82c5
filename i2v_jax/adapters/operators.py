"""Temporal operators: frozen attention looks at other frames.

They have no parameters and cost nothing (ZeroI2V, Table 2a). An operator takes
a frozen block and returns it with moved heads or tokens; any adapter may then
wire that block. Frame t with offset d takes its part from frame t + d, or from
t itself where t + d does not exist. `before` gives the frames before those at
hand, as `Method.before`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import jax.numpy as jnp
from flax.core import FrozenDict

from i2v_jax.adapters import block_interface, frame_shift
from i2v_jax.adapters.frame_shift import (
  channel_groups,
  relocate,
  shift_folds,
  shift_in_heads,
)
from i2v_jax.adapters.layers import identity
from i2v_jax.adapters.past import none_before
from i2v_jax.backbones.image_model import BlockConfig
from i2v_jax.backbones.vit import keep_heads
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

FROM_AFTER = (
  '{} takes channels of the frame after; train with '
  'model.temporal_operator.causal=True'
)


@dataclasses.dataclass(frozen=True)
class MovedBlock:
  """A block as adapters see it, with moved heads or a moved stream."""

  block: Any
  move_heads: Callable = keep_heads
  stream: Callable = identity

  def __getattr__(self, name):
    if name == 'block':  # not set yet in a copy
      raise AttributeError(name)
    return getattr(self.block, name)

  def attn(self, x_q, x_k=None, x_v=None, heads: Callable = keep_heads):
    # Another project's attention may take x alone, and have no hook.
    same = x_k is None and x_v is None
    x = (x_q,) if same else (x_q, x_k, x_v)
    if heads is self.move_heads is keep_heads:
      return block_interface.attend(self.block, *x)
    move = lambda q, k, v: self.move_heads(*heads(q, k, v))
    return block_interface.attend(self.block, *x, heads=move)


def _letters(name: str, value) -> str:
  if not isinstance(value, str) or not value or set(value) - set('qkv'):
    ranges.refuse(name, value, 'some of q, k and v, such as kv')
  return value


def _check(operator) -> None:
  for option, rule in operator.options.items():
    rule(option, getattr(operator, option))


@dataclasses.dataclass(frozen=True)
class HeadRelocation:
  """Whole heads look at other frames (STDHA of ZeroI2V, section 3.2).

  Attributes:
    offsets: one frame offset per head (heads left off stay spatial), or
      `(offset, channels)` pairs laid from channel 0 upwards; half heads are
      pairs such as `((-1, 32), (1, 32))`. A list of these for each stage of
      an image model that has stages; or `quarter`, as ZeroI2V has it on Swin.
    on: which of q, k, v move. `kv` is STDHA; `qkv` computes another frame's
      attention and mixes it in only after it; the others are ours.
  """

  offsets: Sequence | str
  on: str = 'kv'

  options: ClassVar = dict(offsets=frame_shift.offsets, on=_letters)

  def __post_init__(self):
    _check(self)

  def looks_ahead(self, blocks: Sequence[BlockConfig]) -> str:
    """How it sees later frames in a model's blocks, and what to set, or ''."""
    groups = [channel_groups(self.offsets, block) for block in blocks]
    latest = max(offset for runs in groups for offset, _ in runs)
    if latest <= 0:
      return ''
    return (
      f'its offset {latest} points to a later frame; train with offsets of 0 '
      'and below, such as -1'
    )

  def __call__(self, block, before: Callable = none_before):
    cfg = block_interface.require_config(
      block, 'Head relocation', 'num_heads', 'head_width'
    )
    groups = channel_groups(self.offsets, cfg)
    move = partial(
      relocate, groups=groups, head_width=cfg.head_width, before=before
    )
    return MovedBlock(block, _on(self.on, move))


@dataclasses.dataclass(frozen=True)
class ChannelShift:
  """In every head some channels come from the neighbouring frames.

  Table 2a, "Shift": `head_width // share` channels from the frame before, as
  many from the one after, per head.

  Attributes:
    share: 1 / share of a head's channels come from each neighbour.
    on: `kv` or `qkv`, or any other of q, k, v.
    causal: none come from the frame after (ours).
  """

  share: int = 12
  on: str = 'kv'
  causal: bool = False

  options: ClassVar = dict(
    share=ranges.integer(2), on=_letters, causal=ranges.flag
  )

  def __post_init__(self):
    _check(self)

  def looks_ahead(self, blocks: Sequence[BlockConfig]) -> str:
    """How it sees later frames and what to set, or ''."""
    del blocks
    return '' if self.causal else FROM_AFTER.format('channel_shift')

  def __call__(self, block, before: Callable = none_before):
    cfg = block_interface.require_config(
      block, 'Channel shift', 'num_heads', 'head_width'
    )
    fold = cfg.head_width // self.share
    _check_fold(self, fold, f'heads of {cfg.head_width} channels')
    move = partial(
      shift_in_heads,
      fold=fold,
      num_heads=cfg.num_heads,
      causal=self.causal,
      before=before,
    )
    return MovedBlock(block, _on(self.on, move))


@dataclasses.dataclass(frozen=True)
class TokenShift:
  """Part of the class token comes from the neighbouring frames.

  Attributes:
    share: 1 / share of the channels come from each neighbour.
    at: `stream` replaces the residual stream before attention and before the
      MLP, as the numbers of Table 2a were made (development code); `kv` shifts
      the class token's keys and values only (released ablation code).
    causal: none come from the frame after (ours).
  """

  share: int = 12
  at: str = 'stream'
  causal: bool = False

  options: ClassVar = dict(
    share=ranges.integer(2),
    at=ranges.one_of('stream', 'kv'),
    causal=ranges.flag,
  )

  def __post_init__(self):
    _check(self)

  def looks_ahead(self, blocks: Sequence[BlockConfig]) -> str:
    """How it sees later frames and what to set, or ''."""
    del blocks
    return '' if self.causal else FROM_AFTER.format('token_shift')

  def __call__(self, block, before: Callable = none_before):
    if not block_interface.count_prefix(block):
      raise UserError(
        'token_shift moves class tokens and this image model has none; choose '
        'another temporal operator.'
      )
    move = partial(self.move, before=before)
    if self.at == 'stream':
      return MovedBlock(block, stream=partial(_framed, move))
    return MovedBlock(block, _on('kv', move))

  def move(self, y_BxTxLxD, before: Callable = none_before):
    width = y_BxTxLxD.shape[-1]
    fold = width // self.share
    _check_fold(self, fold, f'a width of {width}')
    cls, rest = y_BxTxLxD[:, :, :1], y_BxTxLxD[:, :, 1:]
    cls = shift_folds(cls, fold, self.causal, before)
    return jnp.concatenate([cls, rest], axis=2)


OPERATORS = {
  'head_relocation': HeadRelocation,
  'channel_shift': ChannelShift,
  'token_shift': TokenShift,
}


def resolve(spec: Mapping[str, Any] | None) -> FrozenDict | None:
  """Checks `{'name': operator, option: value, …}`; None means no operator.

  Raises:
    UserError: unknown operator or option, one that is missing, or a value that
      is invalid.
  """
  if spec is None or spec == {}:
    return None
  spec = ranges.check_named('model.temporal_operator', spec, OPERATORS)
  for field in dataclasses.fields(OPERATORS[spec['name']]):
    if field.default is dataclasses.MISSING and field.name not in spec:
      raise UserError(
        f'model.temporal_operator {spec["name"]} needs {field.name}; add '
        f'model.temporal_operator.{field.name}.'
      )
  make_operator(spec)
  return FrozenDict(spec)


def make_operator(spec: Mapping[str, Any]):
  """The operator of a spec."""
  options = dict(spec)
  return OPERATORS[options.pop('name')](**options)


# Functions with their arguments, not closures: blocks can be pickled.
def _on(letters: str, move: Callable) -> Callable:
  """A hook for `Attention` that moves those of q, k, v that are named."""
  return partial(_named, letters, partial(_framed, move))


def _named(letters, move, q, k, v):
  named = zip('qkv', (q, k, v), strict=True)
  return tuple(move(y) if name in letters else y for name, y in named)


def _framed(move, y):
  if y.ndim != 4:
    raise UserError(
      'A temporal operator needs a frame axis, B x T x L x D; the tokens '
      f'have shape {y.shape}.'
    )
  return move(y)


def _check_fold(operator, fold: int, what: str) -> None:
  if not fold:
    raise UserError(
      f'share {operator.share} leaves no channel of {what}; choose a lower one.'
    )
