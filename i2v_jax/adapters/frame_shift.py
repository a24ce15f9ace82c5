"""Channels moved along the frame axis, by groups of heads or of channels.

`before` gives the frames before those at hand, as `Method.before`.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from i2v_jax.adapters.past import none_before
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

NEIGHBOURS = (-1, 1)  # the frame before, then the one after
QUARTER = 'quarter'  # of the heads of a block, as ZeroI2V has it on Swin
NEAREST = (-1, 1, -2, 2)  # the frames that these look at


def offsets(name: str, value) -> tuple:
  """Frame offsets as they are written; see `operators.HeadRelocation`.

  Raises:
    UserError: they are not `quarter`, integers, pairs `(offset, channels)`, or
      a list of these for each stage.
  """
  if isinstance(value, str) and value == QUARTER:
    return value
  if of_stages(value):
    return tuple(_flat(f'{name}[{i}]', x) for i, x in enumerate(value))
  return _flat(name, value)


def _flat(name: str, value) -> tuple:
  is_integer = lambda x: ranges.integer().holds(x[0] if _pair(x) else x)
  if not (_listed(value) and all(map(is_integer, value))):
    wanted = 'integers, pairs (offset, channels), or a list of these per stage'
    ranges.refuse(name, value, wanted)
  integers = lambda x: tuple(map(int, x)) if _pair(x) else int(x)
  return tuple(map(integers, value))


def of_stages(offsets) -> bool:
  """Whether these are lists of offsets, one for each stage.

  Two numbers are a pair `(offset, channels)` where all lists are such pairs.
  """
  lists = _listed(offsets) and len(offsets) and all(map(_listed, offsets))
  return bool(lists) and not all(map(_pair, offsets))


def _listed(value) -> bool:
  return isinstance(value, Sequence) and not isinstance(value, str)


def _pair(value) -> bool:
  return _listed(value) and len(value) == 2 and ranges.FROM_0.holds(value[1])


def check_stages(name: str, offsets, stages: int) -> None:
  """Raises UserError for lists of offsets that are not one for each stage."""
  if of_stages(offsets):
    if len(offsets) != stages:
      raise UserError(
        f'{name} has lists for {len(offsets)} stages, and the model has '
        f'{stages}; give one list for each, or one for all.'
      )
  elif stages > 1 and len(offsets) == stages and all(map(_pair, offsets)):
    raise UserError(
      f'{name} {tuple(offsets)} may be pairs (offset, channels) or lists of '
      f'offsets for the {stages} stages; end each list with a 0 for stages, or '
      'the pairs with (0, 0).'
    )


def take_quarter(num_heads: int) -> tuple[int, ...]:
  """Offsets of the first quarter of the heads (ZeroI2V on Swin).

  Of 1, 2, 4 and 8 heads, as its appendix has them in stages 1 to 4; other
  numbers are spread over the same frames, the nearest first (our design).
  """
  count = max(num_heads // 4, 1)
  each, rest = divmod(count, len(NEAREST))
  counts = [each + (i < rest) for i in range(len(NEAREST))]
  return tuple(np.repeat(NEAREST, counts).tolist())


def choose_offsets(offsets, cfg) -> Sequence:
  """The offsets of one block, whose sizes are `cfg`."""
  if offsets == QUARTER:
    return take_quarter(cfg.num_heads)
  if not of_stages(offsets):
    return offsets
  return offsets[getattr(cfg, 'stage', 0)]


def check_offsets(name: str, offsets: Sequence, cfg, steps: int) -> None:
  """Raises UserError for frames or channels that a model does not have.

  With `quarter`, heads stay spatial whose frames a short clip does not have.
  """
  if offsets == QUARTER:
    return
  for offset, _ in channel_groups(offsets, cfg, name):
    if abs(offset) >= steps:
      raise UserError(
        f'{name} has {offset}, but clips have {steps} frames; offsets can '
        f'be {1 - steps} to {steps - 1}.'
      )


def channel_groups(
  offsets: Sequence, cfg, name: str = 'offsets'
) -> list[tuple[int, int]]:
  """Offsets as `(offset, channels)` runs that cover the width of a block."""
  offsets = choose_offsets(offsets, cfg)
  head, width = cfg.head_width, cfg.num_heads * cfg.head_width
  runs = [o if isinstance(o, Sequence) else (o, head) for o in offsets]
  used = sum(channels for _, channels in runs)
  if used > width:
    raise UserError(
      f'{name} {tuple(offsets)} cover {used} channels, but the model has '
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


def relocate(x_BxTxLxD, groups, head_width: int, before=none_before):
  """Moves each channel group `(offset, channels)` along the frame axis."""
  # Pieces along an axis of (half) heads fuse with the transposition that
  # attention makes anyway; pieces along the channels would be a copy more.
  unit = math.gcd(head_width, *(count for _, count in groups))
  x_BxTxLxUxK = x_BxTxLxD.reshape(*x_BxTxLxD.shape[:-1], -1, unit)
  units = [(offset, count // unit) for offset, count in groups]
  moved = move_groups(x_BxTxLxUxK, units, axis=-2, before=before)
  return moved.reshape(x_BxTxLxD.shape)


def shift_folds(x, fold: int, causal: bool = False, before=none_before):
  """The first `fold` channels from the frame before, the next from after.

  With `causal` there are none from after.
  """
  neighbours = NEIGHBOURS[:1] if causal else NEIGHBOURS
  groups = [(offset, fold) for offset in neighbours]
  groups.append((0, x.shape[-1] - len(groups) * fold))
  return move_groups(x, groups, axis=-1, before=before)


def shift_in_heads(
  x_BxTxLxD, fold: int, num_heads: int, causal=False, before=none_before
):
  """`shift_folds` of every head."""
  x_BxTxLxNxK = x_BxTxLxD.reshape(*x_BxTxLxD.shape[:-1], num_heads, -1)
  moved = shift_folds(x_BxTxLxNxK, fold, causal, before)
  return moved.reshape(x_BxTxLxD.shape)


def move_groups(x, groups, axis: int, before=none_before):
  """Cuts `axis` into groups `(offset, size)` and shifts each along axis 1."""
  ends = np.cumsum([size for _, size in groups])[:-1]
  pieces = jnp.split(x, ends, axis)
  pairs = zip(pieces, groups, strict=True)
  moved = [shift(piece, offset, before) for piece, (offset, _) in pairs]
  return jnp.concatenate(moved, axis)


def shift(x_BxTx, offset: int, before=none_before):
  """Frame t becomes frame t + offset where that exists, else stays."""
  if offset < 0 and (past := before(x_BxTx, -offset)):
    return past.look_back(-offset, instead=x_BxTx)
  num_frames = x_BxTx.shape[1]
  if not 0 < abs(offset) < num_frames:
    return x_BxTx
  cut = lambda start, stop: x_BxTx[:, start:stop]
  if offset > 0:
    parts = cut(offset, num_frames), cut(num_frames - offset, num_frames)
  else:
    parts = cut(0, -offset), cut(0, num_frames + offset)
  return jnp.concatenate(parts, axis=1)
