"""Temporal operators: what lets frozen attention look at other frames.

They have no parameters and cost nothing (ZeroI2V, Table 2a). An operator takes
a frozen block and returns it with moved heads or tokens; any adapter may then
wire that block. Frame t with offset d takes its part from frame t + d, or from
t itself where t + d does not exist.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict

from i2v_jax.adapters import blocks
from i2v_jax.adapters.layers import identity
from i2v_jax.vit import keep_heads

NEIGHBOURS = (-1, 1)  # the frame before, then the one after


@dataclasses.dataclass(frozen=True)
class MovedBlock:
  """A block as adapters see it, with moved heads or a moved stream."""

  block: Any
  move_heads: Callable = keep_heads
  stream: Callable = identity

  def __getattr__(self, name):
    return getattr(self.block, name)

  def attn(self, x_q, x_k=None, x_v=None, heads: Callable = keep_heads):
    # Another project's attention may take x alone, and have no hook.
    same = x_k is None and x_v is None
    x = (x_q,) if same else (x_q, x_k, x_v)
    if heads is self.move_heads is keep_heads:
      return blocks.attend(self.block, *x)
    move = lambda q, k, v: self.move_heads(*heads(q, k, v))
    return blocks.attend(self.block, *x, heads=move)


@dataclasses.dataclass(frozen=True)
class HeadRelocation:
  """Whole heads look at other frames (STDHA of ZeroI2V, section 3.2).

  Attributes:
    offsets: one frame offset per head (heads left off stay spatial), or
      `(offset, channels)` pairs laid from channel 0 upwards; half heads are
      pairs such as `((-1, 32), (1, 32))`.
    on: which of q, k, v move. `kv` is STDHA; `qkv` computes another frame's
      attention and mixes it in only behind it; the others are ours.
  """

  offsets: Sequence[int | tuple[int, int]]
  on: str = 'kv'

  def __post_init__(self):
    _check_letters(self)

  def __call__(self, block):
    cfg = blocks.config(block, 'Head relocation', 'num_heads', 'head_width')
    groups = channel_groups(self.offsets, cfg)
    move = lambda y: relocate(y, groups, cfg.head_width)
    return MovedBlock(block, _on(self.on, move))


@dataclasses.dataclass(frozen=True)
class ChannelShift:
  """In every head some channels come from the neighbouring frames.

  Table 2a, "Shift": `head_width // share` channels from the frame before, as
  many from the one after, per head.

  Attributes:
    share: a head's width is cut into so many parts, the first two move.
    on: `kv` or `qkv`, or any other of q, k, v.
  """

  share: int = 12
  on: str = 'kv'

  def __post_init__(self):
    _check_letters(self)
    _check_share(self)

  def __call__(self, block):
    cfg = blocks.config(block, 'Channel shift', 'num_heads', 'head_width')
    fold = cfg.head_width // self.share
    _check_fold(self, fold, f'heads of {cfg.head_width} channels')

    def move(y):
      y_BxTxLxNxK = y.reshape(*y.shape[:-1], cfg.num_heads, cfg.head_width)
      return shift_folds(y_BxTxLxNxK, fold).reshape(y.shape)

    return MovedBlock(block, _on(self.on, move))


@dataclasses.dataclass(frozen=True)
class TokenShift:
  """Part of the class token comes from the neighbouring frames.

  Attributes:
    share: the width is cut into so many parts, the first two move.
    at: `stream` replaces the residual stream before attention and before the
      MLP, as the numbers of Table 2a were made (development code); `kv` shifts
      the class token's keys and values only (released ablation code).
  """

  share: int = 12
  at: str = 'stream'

  def __post_init__(self):
    _check_share(self)
    if self.at not in ('stream', 'kv'):
      raise ValueError(
        f"token_shift acts at 'stream' or at 'kv', not at {self.at!r}."
      )

  def __call__(self, block):
    if not blocks.num_prefix(block):
      raise ValueError(
        'token_shift moves class tokens and this image model has none; choose '
        'another temporal operator.'
      )

    def move(y_BxTxLxD):
      width = y_BxTxLxD.shape[-1]
      fold = width // self.share
      _check_fold(self, fold, f'a width of {width}')
      cls, rest = y_BxTxLxD[:, :, :1], y_BxTxLxD[:, :, 1:]
      return jnp.concatenate([shift_folds(cls, fold), rest], axis=2)

    if self.at == 'stream':
      return MovedBlock(block, stream=_framed(move))
    return MovedBlock(block, _on('kv', _framed(move)))


OPERATORS = {
  'head_relocation': HeadRelocation,
  'channel_shift': ChannelShift,
  'token_shift': TokenShift,
}


def resolve(spec: Mapping[str, Any] | None) -> FrozenDict | None:
  """Checks `{'name': operator, option: value, …}`; None means no operator.

  Raises:
    ValueError: unknown operator or option, or a value that cannot be.
  """
  if not spec:
    return None
  spec = {k: tuples(v) for k, v in spec.items() if v is not None}
  make(spec)
  return FrozenDict(spec)


def make(spec: Mapping[str, Any]):
  """The operator of a spec."""
  options = dict(spec)
  name = options.pop('name', None)
  if name not in OPERATORS:
    raise ValueError(
      f'Unknown temporal operator {name!r}; known: {sorted(OPERATORS)}.'
    )
  operator = OPERATORS[name]
  fields = [field.name for field in dataclasses.fields(operator)]
  if unknown := set(options) - set(fields):
    raise ValueError(
      f'{name} has no option {sorted(unknown)}; it has {fields}.'
    )
  return operator(**options)


def channel_groups(offsets, cfg) -> list[tuple[int, int]]:
  """Offsets as `(offset, channels)` runs that cover the whole width."""
  head, width = cfg.head_width, cfg.num_heads * cfg.head_width
  _check_offsets(offsets)
  runs = [o if isinstance(o, Sequence) else (o, head) for o in offsets]
  used = sum(channels for _, channels in runs)
  if used > width:
    raise ValueError(
      f'Offsets {tuple(offsets)} cover {used} channels, but the model has '
      f'{cfg.num_heads} heads of {head}.'
    )
  runs.append((0, width - used))
  merged = []
  for offset, channels in runs:
    if merged and merged[-1][0] == offset:
      merged[-1] = (offset, merged[-1][1] + channels)
    elif channels:
      merged.append((offset, channels))
  return merged


def _check_offsets(offsets) -> None:
  whole = lambda x: isinstance(x, int | np.integer)
  pair = lambda x: (
    isinstance(x, Sequence) and len(x) == 2 and all(map(whole, x))
  )
  listed = isinstance(offsets, Sequence) and not isinstance(offsets, str)
  if not (listed and all(whole(x) or pair(x) for x in offsets)):
    raise ValueError(
      'offsets are whole numbers, or pairs (offset, channels), not '
      f'{offsets!r}.'
    )


def relocate(x_BxTxLxD, groups, head_width: int):
  """Moves each channel group `(offset, channels)` along the frame axis."""
  # Pieces along an axis of (half) heads fuse with the transposition that
  # attention makes anyway; pieces along the channels would be a copy more.
  unit = math.gcd(head_width, *(count for _, count in groups))
  x_BxTxLxUxK = x_BxTxLxD.reshape(*x_BxTxLxD.shape[:-1], -1, unit)
  units = [(offset, count // unit) for offset, count in groups]
  return move_groups(x_BxTxLxUxK, units, axis=-2).reshape(x_BxTxLxD.shape)


def shift_folds(x, fold: int):
  """The first `fold` channels from the frame before, the next from after."""
  groups = [(offset, fold) for offset in NEIGHBOURS]
  groups.append((0, x.shape[-1] - 2 * fold))
  return move_groups(x, groups, axis=-1)


def move_groups(x, groups, axis: int):
  """Cuts `axis` into groups `(offset, size)` and shifts each along axis 1."""
  ends = np.cumsum([size for _, size in groups])[:-1]
  pieces = jnp.split(x, ends, axis)
  moved = [shift(x, d) for x, (d, _) in zip(pieces, groups, strict=True)]
  return jnp.concatenate(moved, axis)


def shift(x_BxTx, offset: int):
  """Frame t becomes frame t + offset where that exists, else stays."""
  num_frames = x_BxTx.shape[1]
  if not 0 < abs(offset) < num_frames:
    return x_BxTx
  cut = lambda start, stop: x_BxTx[:, start:stop]
  if offset > 0:
    parts = cut(offset, num_frames), cut(num_frames - offset, num_frames)
  else:
    parts = cut(0, -offset), cut(0, num_frames + offset)
  return jnp.concatenate(parts, axis=1)


def _on(letters: str, move: Callable) -> Callable:
  """A hook for `Attention` that moves those of q, k, v that are named."""
  move = _framed(move)

  def heads(q, k, v):
    named = zip('qkv', (q, k, v), strict=True)
    return tuple(move(y) if name in letters else y for name, y in named)

  return heads


def _framed(move: Callable) -> Callable:
  def checked(y):
    if y.ndim != 4:
      raise ValueError(
        'A temporal operator needs a frame axis, B x T x L x D; the tokens '
        f'have shape {y.shape}.'
      )
    return move(y)

  return checked


def tuples(value):
  """Lists, as JSON has them, become tuples; models are hashed by jit."""
  if isinstance(value, list | tuple):
    return tuple(tuples(v) for v in value)
  return value


def _check_letters(operator) -> None:
  if not operator.on or set(operator.on) - set('qkv'):
    raise ValueError(
      f'A temporal operator moves some of q, k and v, such as kv, not '
      f'{operator.on!r}.'
    )


def _check_share(operator) -> None:
  if operator.share < 2:
    raise ValueError(
      f'share is {operator.share}; two parts move, so it is 2 or more.'
    )


def _check_fold(operator, fold: int, what: str) -> None:
  if not fold:
    raise ValueError(
      f'share {operator.share} leaves no channel of {what}; choose a lower one.'
    )
