"""Channels moved along the frame axis, by groups of heads or of channels."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

NEIGHBOURS = (-1, 1)  # the frame before, then the one after


def offsets(name: str, value) -> tuple:
  """Frame offsets as they are written; see `operators.HeadRelocation`.

  Raises:
    UserError: they are not integers or pairs `(offset, channels)`.
  """
  pair = lambda x: (
    isinstance(x, Sequence) and len(x) == 2 and ranges.FROM_0.holds(x[1])
  )
  is_integer = lambda x: ranges.integer().holds(x[0] if pair(x) else x)
  listed = isinstance(value, Sequence) and not isinstance(value, str)
  if not (listed and all(map(is_integer, value))):
    ranges.refuse(name, value, 'integers, or pairs (offset, channels)')
  integers = lambda x: tuple(map(int, x)) if pair(x) else int(x)
  return tuple(map(integers, value))


def check_offsets(name: str, offsets: Sequence, cfg, num_frames: int) -> None:
  """Raises UserError for frames or channels that a model does not have."""
  for offset, _ in channel_groups(offsets, cfg, name):
    if abs(offset) >= num_frames:
      raise UserError(
        f'{name} has {offset}, but clips have {num_frames} frames; offsets can '
        f'be {1 - num_frames} to {num_frames - 1}.'
      )


def channel_groups(
  offsets: Sequence, cfg, name: str = 'offsets'
) -> list[tuple[int, int]]:
  """Offsets as `(offset, channels)` runs that cover the complete width."""
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


def shift_in_heads(x_BxTxLxD, fold: int, num_heads: int):
  """`shift_folds` of every head."""
  x_BxTxLxNxK = x_BxTxLxD.reshape(*x_BxTxLxD.shape[:-1], num_heads, -1)
  return shift_folds(x_BxTxLxNxK, fold).reshape(x_BxTxLxD.shape)


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
