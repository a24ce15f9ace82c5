"""ZeroI2V (Li, Zhu, Wang; ECCV 2024): linear adapters and head relocation.

Both cost nothing after training: the adapters merge into the frozen linear
layers, and a head that looks at another frame replaces one that looks at its
own.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.adapters.layers import LinearAdapter, identity

PLACES = {  # number of adapters -> where they stand
  0: (),
  3: ('qkv', 'out', 'fc1'),
  4: ('qkv', 'out', 'fc1', 'fc2'),
  6: ('q', 'k', 'v', 'out', 'fc1', 'fc2'),
}

_RF3_B, _RF3_L = (-1, 1), (-1, -1, 1, 1)
_RF5_B, _RF5_L = (-1, 1, -2, 2), (-1, -1, 1, 1, -2, 2)
_RF6_B, _RF6_L = (-1, 1, -2, 2, -3), (-1, -1, 1, 1, -2, 2, -3)
_RF4_B, _RF4_L = (-1, 1, -2), (-1, -1, 1, 1, -2, -2)

# Offsets of heads 0, 1, 2, … The paper's table survives as receptive fields
# (its appendix); the released configurations give the offsets themselves.
OFFSETS = {
  'k400_B_8f_paper': _RF3_B,
  'k400_B_16f_paper': _RF4_B,
  'k400_B_32f_paper': _RF6_B,
  'k400_L_8f_paper': _RF3_L,
  'k400_L_16f_paper': _RF4_L,
  'k400_L_32f_paper': _RF6_L,
  'ssv2_B_8f_paper': _RF3_B,
  'ssv2_B_16f_paper': _RF5_B,
  'ssv2_B_32f_paper': _RF6_B,
  'ssv2_L_8f_paper': _RF3_L,
  'ssv2_L_16f_paper': _RF5_L,
  'ssv2_L_32f_paper': _RF6_L,
  'k400_B_8f_release': _RF3_B,
  'k400_B_16f_release': _RF3_B,
  'k400_L_8f_release': _RF3_L,
  'k400_L_32f_release': _RF4_L,
  'ssv2_B_16f_release': _RF5_B,
  'ssv2_L_32f_release': _RF6_L,
}
_OTHERS = {  # what differs from 4 adapters and a dropout of 0.1
  'ssv2_B_8f_paper': dict(num_adapters=6),
  'ssv2_B_16f_release': dict(dropout=0.0),
}


class ZeroI2V(nn.Module):
  """The block of ZeroI2V, as ViT_Zero_CLIP of the release wires it.

  Attributes:
    offsets: one frame offset per head (heads left off stay spatial), or
      `(offset, channels)` pairs laid from channel 0 upwards. Frame t of a
      head with offset d takes its keys and values from frame t + d, or from t
      itself where t + d does not exist.
    num_adapters: 4; 3 (none behind the MLP); 6 (q, k, v apart); 0 (merged).
    rank_ratio: rank of an adapter over the width.
    scale: factor on the adapters' branch.
    dropout: inside the adapters, while training.
  """

  offsets: Sequence[int | tuple[int, int]] = ()
  num_adapters: int = 4
  rank_ratio: float = 0.25
  scale: float = 1.0
  dropout: float = 0.1
  dtype: Any = jnp.float32

  def setup(self):
    if self.num_adapters not in PLACES:
      raise ValueError(
        f'ZeroI2V has {sorted(PLACES)} adapters per block, not '
        f'{self.num_adapters}.'
      )
    for place in ('qkv', 'q', 'k', 'v', 'out', 'fc1', 'fc2'):
      here = place in PLACES[self.num_adapters]
      setattr(self, place, self.adapter() if here else identity)

  def adapter(self):
    return LinearAdapter(self.rank_ratio, self.scale, self.dropout, self.dtype)

  def __call__(self, block, x_BxTxLxD):
    x, groups = x_BxTxLxD, channel_groups(self.offsets, block.cfg)
    move = lambda y: relocate(y, groups, block.attn.head_width)
    heads = lambda q, k, v: (q, move(k), move(v))
    u = self.qkv(block.ln1(x))
    x += self.out(block.attn(self.q(u), self.k(u), self.v(u), heads))
    return x + self.fc2(block.mlp(self.fc1(block.ln2(x))))

  @staticmethod
  def merge(
    spec: Mapping[str, Any], backbone: Mapping, adapters: Mapping
  ) -> tuple[dict, dict]:
    """Folds every block's adapters into the backbone: (spec, backbone).

    Head relocation has no parameters: it stays, by the offsets of the spec.
    """
    scale = spec.get('scale', ZeroI2V.scale)
    blocks = {
      name: merge_block(backbone[name], stack, scale)
      for name, stack in adapters.items()
    }
    return dict(spec) | {'num_adapters': 0}, dict(backbone) | blocks

  @staticmethod
  def preset(name: str) -> dict[str, Any]:
    """Options by name, `{k400|ssv2}_{B|L}_{8|16|32}f_{paper|release}`.

    Raises:
      ValueError: nothing was published under that name.
    """
    if name not in OFFSETS:
      raise ValueError(
        f'No ZeroI2V preset {name!r} was published; known: {sorted(OFFSETS)}.'
      )
    dataset = name.partition('_')[0]
    return dict(
      offsets=OFFSETS[name],
      num_adapters=4,
      scale={'k400': 0.5, 'ssv2': 1.0}[dataset],
      dropout=0.1,
    ) | _OTHERS.get(name, {})


def channel_groups(offsets, cfg) -> list[tuple[int, int]]:
  """Offsets as `(offset, channels)` runs that cover the whole width."""
  head = cfg.width // cfg.num_heads
  runs = [o if isinstance(o, Sequence) else (o, head) for o in offsets]
  used = sum(channels for _, channels in runs)
  if used > cfg.width:
    raise ValueError(
      f'Offsets {tuple(offsets)} cover {used} channels, but the model has '
      f'{cfg.num_heads} heads of {head}.'
    )
  runs.append((0, cfg.width - used))
  merged = []
  for offset, channels in runs:
    if merged and merged[-1][0] == offset:
      merged[-1] = (offset, merged[-1][1] + channels)
    elif channels:
      merged.append((offset, channels))
  return merged


def relocate(x_BxTxLxD, groups, head_width: int):
  """Moves each channel group `(offset, channels)` along the frame axis."""
  if x_BxTxLxD.ndim < 4:
    raise ValueError(
      'Head relocation needs a frame axis, B x T x L x D; the tokens have '
      f'shape {x_BxTxLxD.shape}.'
    )
  # Pieces along an axis of (half) heads fuse with the transposition that
  # attention makes anyway; pieces along the channels would be a copy more.
  channels = [count for _, count in groups]
  unit = math.gcd(head_width, *channels)
  x_BxTxLxUxK = x_BxTxLxD.reshape(*x_BxTxLxD.shape[:-1], -1, unit)
  ends = np.cumsum(channels)[:-1] // unit
  pieces = jnp.split(x_BxTxLxUxK, ends, axis=-2)
  moved = [shift(x, d) for x, (d, _) in zip(pieces, groups, strict=True)]
  return jnp.concatenate(moved, axis=-2).reshape(x_BxTxLxD.shape)


def shift(x_BxTxLxUxK, offset: int):
  """Frame t becomes frame t + offset where that exists, else stays."""
  num_frames = x_BxTxLxUxK.shape[1]
  if not 0 < abs(offset) < num_frames:
    return x_BxTxLxUxK
  cut = lambda start, stop: x_BxTxLxUxK[:, start:stop]
  if offset > 0:
    parts = cut(offset, num_frames), cut(num_frames - offset, num_frames)
  else:
    parts = cut(0, -offset), cut(0, num_frames + offset)
  return jnp.concatenate(parts, axis=1)


def merge_block(block: Mapping, adapters: Mapping, scale: float) -> dict:
  """Folds one block's linear adapters into its frozen layers (paper eq. 11).

  Args:
    block: parameters of the frozen block.
    adapters: parameters of its adapters, 3, 4 or 6 of them.
    scale: as in `ZeroI2V`.

  Returns:
    Parameters of a plain block, computed in float64, stored in float32.
  """
  affine = {place: _affine(p, scale) for place, p in adapters.items()}
  attn, mlp = dict(block['attn']), dict(block['mlp'])
  for name in ('q', 'k', 'v'):
    attn[name] = _before(attn[name], affine.get('qkv') or affine[name])
  attn['out'] = _behind(attn['out'], affine['out'])
  mlp['fc1'] = _before(mlp['fc1'], affine['fc1'])
  if 'fc2' in affine:
    mlp['fc2'] = _behind(mlp['fc2'], affine['fc2'])
  return dict(block) | {'attn': attn, 'mlp': mlp}


def _double(layer):
  return tuple(np.asarray(layer[k], np.float64) for k in ('kernel', 'bias'))


def _affine(adapter, scale):
  """A(x) = x M + a."""
  (down, b1), (up, b2) = _double(adapter['down']), _double(adapter['up'])
  return np.eye(len(down)) + scale * down @ up, scale * (b1 @ up + b2)


def _layer(kernel, bias):
  return {'kernel': kernel.astype('f4'), 'bias': bias.astype('f4')}


def _before(layer, affine):
  (kernel, bias), (m, a) = _double(layer), affine
  return _layer(m @ kernel, a @ kernel + bias)


def _behind(layer, affine):
  (kernel, bias), (m, a) = _double(layer), affine
  return _layer(kernel @ m, bias @ m + a)
