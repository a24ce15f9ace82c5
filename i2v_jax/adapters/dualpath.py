"""DualPath (Park, Lee, Sohn; CVPR 2023; arXiv 2303.09857).

Two paths through the same frozen blocks: single frames with adapters parallel
to attention and MLP, and framesets (grids of small frames) with adapters after
them. The paths meet in the head only.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.adapters.layers import (
  Bottleneck,
  bottleneck_macs,
  identity,
  torch_uniform,
)
from i2v_jax.adapters.method import Method, get_option
from i2v_jax.backbones.image_model import ImageModel
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

PRESETS = {
  'paper': dict(num_adapters=4, rank=128, positions='fixed_3d'),
  'release': dict(num_adapters=5, rank=0.25, positions='release'),
}


class SpatialPath(Method):
  """Adapters parallel to attention and MLP; starts as the image model."""

  rank: float = 128
  dropout: float = 0.1

  def setup(self):
    self.attn = make_bottleneck(self)
    self.mlp = make_bottleneck(self)

  def wire(self, block, x_BxTxLxD):
    x, u = x_BxTxLxD, block.ln1(x_BxTxLxD)
    x += block.attn(u) + self.attn(u)
    u = block.ln2(x)
    return x + block.mlp(u) + self.mlp(u)


class TemporalPath(Method):
  """Adapters after attention and MLP; starts as the identity."""

  rank: float = 128
  dropout: float = 0.1
  adapt_input: bool = False

  def setup(self):
    self.attn_in = make_bottleneck(self) if self.adapt_input else identity
    self.attn = make_bottleneck(self)
    self.mlp = make_bottleneck(self)

  def wire(self, block, x_BxTxLxD):
    x = x_BxTxLxD
    x += self.attn(block.attn(self.attn_in(block.ln1(x))))
    return x + self.mlp(block.mlp(block.ln2(x)))


def make_bottleneck(path):
  return Bottleneck(
    path.rank,
    'gelu',
    dropout=path.dropout,
    down_init=torch_uniform,
    dtype=path.dtype,
  )


class DualPath(nn.Module):
  """Both stacks of adapters and the positions of the framesets.

  Attributes:
    cfg: the image model.
    grid: rows and columns of a frameset.
    spatial_frames: frames of the spatial path.
    num_adapters: 4 per block, or 5 with one before the temporal path's
      attention (`release`).
    rank: channels of an adapter, or below 1 their share of the width.
    dropout: inside the adapters, while training.
    positions: of framesets: `release`, the number of the frame as a sinusoid
      plus a learned table; `fixed_3d`, sinusoids of frame, row and column, our
      reading of the paper.
    dtype: compute type.
  """

  cfg: ImageModel
  grid: Sequence[int] = (4, 4)
  spatial_frames: int = 8
  num_adapters: int = 4
  rank: float = 128
  dropout: float = 0.1
  positions: str = 'fixed_3d'
  dtype: Any = jnp.float32

  options: ClassVar = dict(
    grid=ranges.list_of(ranges.COUNT, 2),
    spatial_frames=ranges.COUNT,
    num_adapters=ranges.one_of(4, 5),
    rank=ranges.rank,
    dropout=ranges.RATE,
    positions=ranges.one_of('release', 'fixed_3d'),
  )

  no_operator = (
    'a frameset holds several frames already, so its neighbours are not the '
    'neighbouring frames'
  )

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    """As `Method.macs`."""
    cfg, spec = model.image_model, model.adapter
    (frames, *_), (framesets, *_), *_ = model.input_shapes
    places = 2 * frames
    places += (get_option(cls, spec, 'num_adapters') - 2) * framesets
    rank = get_option(cls, spec, 'rank')
    blocks = [cfg.block(i) for i in range(cfg.num_blocks)]
    each = sum(b.num_tokens * bottleneck_macs(b.width, rank) for b in blocks)
    return {'adapters': places * each}

  @classmethod
  def misfit(cls, spec, cfg) -> str:
    """As `Method.misfit`: of Swin, where our reading needs whole windows."""
    window = cfg.block(0).window
    if cfg.tubelet > 1:
      return 'a patch must lie in one frame (model.backbone.tubelet 1)'
    if cfg.steps:
      return "framesets share their tables (model.backbone.bias 'shared')"
    for count in spec.get('grid', cls.grid) if window else ():
      if cfg.grid % (count * window):
        return (
          f'{count} cells along {cfg.grid} patches do not align with windows '
          f'of {window} (model.adapter.grid)'
        )
    return ''

  def setup(self):
    if self.num_adapters not in (4, 5):
      raise UserError(
        f'DualPath has 4 or 5 adapters per block, not {self.num_adapters}.'
      )
    if self.positions not in ('release', 'fixed_3d'):
      raise UserError(
        f"positions are 'release' or 'fixed_3d', not {self.positions!r}."
      )
    depth = self.cfg.num_blocks
    options = dict(rank=self.rank, dropout=self.dropout, dtype=self.dtype)
    stack = lambda path, **more: [
      path(layer=i, depth=depth, **options, **more) for i in range(depth)
    ]
    self.spatial = stack(SpatialPath)
    self.temporal = stack(TemporalPath, adapt_input=self.num_adapters == 5)
    if self.positions == 'release':
      shape = (self.cfg.num_positions, width := self.cfg.block(0).width)
      init = nn.initializers.normal(width**-0.5)
      self.table = self.param('table', init, shape, jnp.float32)

  def position_code(self, framesets: int):
    """Makes the positions of the tokens of framesets, `G x L x D`."""
    if self.positions == 'release':
      code = encode_frames(framesets, self.grid, self.cfg)
      return jnp.asarray(code) + self.table[None]
    return jnp.asarray(encode_cells(framesets, self.grid, self.cfg))

  @staticmethod
  def preset(name: str) -> dict[str, Any]:
    """Options of the `paper`, as we read it, or of the `release`."""
    if name not in PRESETS:
      raise UserError(f'DualPath has presets {list(PRESETS)}, not {name!r}.')
    return dict(PRESETS[name])


def number_frames(framesets: int, grid, side: int) -> np.ndarray:
  """Number of the frame at every patch, `G x side x side`, from 0.

  Patches that straddle two cells get a number in between, as the release
  resizes a map of four pixels per cell, bilinearly.
  """
  rows, columns = grid
  row, column = (_cells(count, side) for count in grid)
  inside = columns * row[:, None] + column[None, :]
  first = rows * columns * np.arange(framesets)
  return first[:, None, None] + inside[None]


def _cells(count: int, side: int) -> np.ndarray:
  """Cell along one side of each of `side` patches, `count` cells in all."""
  fine = np.repeat(np.arange(count, dtype=np.float64), 4)
  at = (np.arange(side) + 0.5) * len(fine) / side - 0.5
  return np.interp(at, np.arange(len(fine)), fine)


def encode_frames(framesets: int, grid, cfg: ImageModel) -> np.ndarray:
  """The release's fixed part of the positions, `G x L x D` float32.

  Interleaved sin and cos of the frame's number, counted from 1 through all
  framesets; the class token has number 0.
  """
  numbers = 1 + number_frames(framesets, grid, cfg.grid)
  numbers = numbers.reshape(framesets, -1)
  numbers = np.pad(numbers, ((0, 0), (_count_first(cfg), 0)))
  return make_sinusoids(numbers, cfg.block(0).width)


def encode_cells(framesets: int, grid, cfg: ImageModel) -> np.ndarray:
  """Fixed sinusoids of frame, row and column in its cell, `G x L x D`.

  Our reading of the "fixed 3D positional encodings" of the paper: a third of
  the width (rounded to even) for the row, as much for the column, the rest for
  the frame; zeros for the class token.
  """
  side, width = cfg.grid, cfg.block(0).width
  third = 2 * (width // 6)
  frame = number_frames(framesets, grid, side)
  inside = [np.arange(side) % (side / count) for count in grid]
  row, column = np.meshgrid(*inside, indexing='ij')
  spread = lambda part: np.broadcast_to(part, frame.shape)
  code = np.concatenate(
    [
      make_sinusoids(frame, width - 2 * third),
      make_sinusoids(spread(row), third),
      make_sinusoids(spread(column), third),
    ],
    axis=-1,
  ).reshape(framesets, -1, width)
  return np.pad(code, ((0, 0), (_count_first(cfg), 0), (0, 0)))


def _count_first(cfg: ImageModel) -> int:
  """Positions before those of the patches: a class token's, or none."""
  return cfg.num_positions - cfg.grid**2


def make_sinusoids(positions: np.ndarray, width: int) -> np.ndarray:
  """sin(p w_0), cos(p w_0), sin(p w_1), … with w_i = 10000^(-2i / width)."""
  rates = 10000.0 ** (-2 * np.arange(width // 2) / width)
  angles = np.asarray(positions, np.float64)[..., None] * rates
  pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
  return pairs.reshape(*angles.shape[:-1], -1).astype(np.float32)
