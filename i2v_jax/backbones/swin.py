"""The image model Swin (arXiv 2103.14030), and its patches over frames.

Names of shapes are those of `vit.py`, with W windows of a map, and S steps of
a clip that have a table of relative positions. Tokens are rows of a square
map; modules act on the last axes and leave the others alone.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.backbones.attention import attend
from i2v_jax.backbones.custom_vjp import LayerNorm
from i2v_jax.backbones.declared import Declared, Dense
from i2v_jax.backbones.swin_config import SwinBlockConfig, SwinConfig
from i2v_jax.backbones.vit import (
  REMAT,
  Block,
  Mlp,
  check_pixels,
  keep_heads,
  make_layer_norm,
  shard_over_data,
)
from i2v_jax.runtime.errors import UserError

FORBIDDEN = -100.0  # added to the logits of pairs that a mask forbids


def cut_windows(x_BxLxD, cfg: SwinBlockConfig):
  """Rolls a map by the shift and orders its tokens by windows, row by row."""
  side, count = cfg.side, cfg.side // cfg.window
  if count == 1:
    return x_BxLxD
  x = x_BxLxD.reshape(-1, side, side, x_BxLxD.shape[-1])
  x = jnp.roll(x, (-cfg.shift, -cfg.shift), axis=(1, 2))
  x = x.reshape(-1, count, cfg.window, count, cfg.window, x.shape[-1])
  return x.swapaxes(2, 3).reshape(x_BxLxD.shape)


def join_windows(x_BxLxD, cfg: SwinBlockConfig):
  """The inverse of `cut_windows`."""
  side, count = cfg.side, cfg.side // cfg.window
  if count == 1:
    return x_BxLxD
  x = x_BxLxD.reshape(
    -1, count, count, cfg.window, cfg.window, x_BxLxD.shape[-1]
  )
  x = x.swapaxes(2, 3).reshape(-1, side, side, x.shape[-1])
  x = jnp.roll(x, (cfg.shift, cfg.shift), axis=(1, 2))
  return x.reshape(x_BxLxD.shape)


def index_offsets(window: int) -> np.ndarray:
  """Row of a table for each pair of tokens of a window, query first.

  Offsets of rows, then of columns, each from `1 - window`.
  """
  place = np.stack(np.divmod(np.arange(window**2), window))
  dy, dx = place[:, :, None] - place[:, None, :] + window - 1
  return dy * (2 * window - 1) + dx


def make_mask(cfg: SwinBlockConfig) -> np.ndarray:
  """What to add to the logits of a rolled map, `W x L x L`.

  A roll brings together the ends of a map; tokens from different bands of it
  must not see each other.
  """
  side, window, shift = cfg.side, cfg.window, cfg.shift
  band = np.digitize(np.arange(side), [side - window, side - shift])
  regions = (3 * band[:, None] + band[None]).reshape(-1, window)
  count = side // window
  regions = regions.reshape(count, window, count, window).swapaxes(1, 2)
  regions_WxL = regions.reshape(count**2, -1)
  apart = regions_WxL[:, :, None] != regions_WxL[:, None, :]
  return np.where(apart, np.float32(FORBIDDEN), np.float32(0))


class WindowAttention(Declared, nn.Module):
  """Multi-head attention within windows; `vit.Attention` over a map.

  `heads` is the hook of `vit.Attention`; q, k and v come to it with their
  tokens ordered by windows. Under `per_frame` a bias follows the keys that the
  hook moves between frames.
  """

  cfg: SwinBlockConfig

  def setup(self):
    cfg = self.cfg
    self.q, self.k, self.v, self.out = (
      Dense(cfg.width, dtype=cfg.dtype) for _ in range(4)
    )
    shape = (cfg.num_offsets, cfg.num_heads)
    if cfg.steps:
      shape = (2 * cfg.steps - 1, *shape)
    init = nn.initializers.truncated_normal(0.02)
    self.bias = self.param('bias', init, shape, jnp.float32)

  def __call__(self, x_q, x_k=None, x_v=None, heads: Callable = keep_heads):
    cfg, cut = self.cfg, lambda x: cut_windows(x, self.cfg)
    u_q = cut(x_q)
    u_k = u_q if x_k is None else cut(x_k)
    u_v = u_k if x_v is None else cut(x_v)
    q, k, v = heads(self.q(u_q), self.k(u_k), self.v(u_v))
    biases = [self.relative_positions(q.shape, heads)]
    if cfg.shift:
      biases.append(jnp.asarray(make_mask(cfg))[None, None, :, None])
    return join_windows(self.attend(q, k, v, cfg.window**2, biases), cfg)

  def over_time(self, x_BxLxTxD, bias_NxTxT):
    """The same layers over frames, with relative times for positions."""
    q, k, v = self.q(x_BxLxTxD), self.k(x_BxLxTxD), self.v(x_BxLxTxD)
    return self.attend(q, k, v, q.shape[-2], [bias_NxTxT[None, None, None]])

  def attend(self, q, k, v, tokens: int, biases):
    """Attention within groups of tokens that follow one another."""
    cfg, steps = self.cfg, biases[0].shape[1]
    shape = (-1, steps, q.shape[-2] // tokens, tokens)
    cut = lambda y: y.reshape(*shape, cfg.num_heads, cfg.head_width)
    return self.out(attend(cut(q), cut(k), cut(v), *biases).reshape(q.shape))

  def relative_positions(self, shape, heads: Callable):
    """What positions add to the logits, `1 x S x 1 x N x L x L`."""
    cfg, index = self.cfg, index_offsets(self.cfg.window)
    if not cfg.steps:
      return self.bias[index].transpose(2, 0, 1)[None, None, None]
    if len(shape) != 4 or shape[1] != cfg.steps:
      raise UserError(
        f'This Swin has tables for {cfg.steps} steps of a clip and gets tokens '
        f"of shape {shape}; build it for that number, or with bias='shared'."
      )
    slices_SxN = find_frames(cfg, heads) + cfg.steps - 1
    table_SxNxR = self.bias[slices_SxN, :, np.arange(cfg.num_heads)]
    return table_SxNxR[..., index][None, :, None]


def find_frames(cfg: SwinBlockConfig, heads: Callable) -> np.ndarray:
  """The frame that the keys of each head come from under a hook, `S x N`."""
  frames = np.arange(cfg.steps, dtype=np.float32)[None, :, None, None]
  with jax.ensure_compile_time_eval():
    frames = jnp.broadcast_to(frames, (1, cfg.steps, 1, cfg.width))
    _, found, _ = heads(frames, frames, frames)
  found = np.asarray(found, int).reshape(cfg.steps, cfg.num_heads, -1)
  if (found != found[..., :1]).any():
    raise UserError(
      "bias='per_frame' takes the table of a head from the frame of its keys, "
      "and these are of several frames; move complete heads, or take 'shared'."
    )
  return found[..., 0]


class SwinBlock(Block):
  """A block of Swin: the pre-norm block with attention within windows."""

  cfg: SwinBlockConfig

  def setup(self):
    self.ln1, self.attn = make_layer_norm(self.cfg), WindowAttention(self.cfg)
    self.ln2, self.mlp = make_layer_norm(self.cfg), Mlp(self.cfg)


class Merging(nn.Module):
  """Between stages: 2 x 2 tokens become one of twice the width."""

  cfg: SwinBlockConfig  # of the stage before

  @nn.compact
  def __call__(self, x_BxLxD):
    cfg, half = self.cfg, self.cfg.side // 2
    x = x_BxLxD.reshape(-1, half, 2, half, 2, cfg.width)
    # Of the four, the one below comes second, as published.
    x = x.transpose(0, 1, 3, 4, 2, 5)
    x = x.reshape(*x_BxLxD.shape[:-2], half**2, 4 * cfg.width)
    x = LayerNorm(cfg.norm_eps, dtype=cfg.dtype, name='ln')(x)
    dense = Dense(2 * cfg.width, use_bias=False, dtype=cfg.dtype, name='fc')
    return dense(x)


def check_tubelets(shape, tubelet: int) -> None:
  """Raises UserError for clips that patches of several frames do not fill."""
  if tubelet > 1 and (len(shape) < 5 or shape[-4] % tubelet or not shape[-4]):
    raise UserError(
      f'Patches of this model span {tubelet} frames: it takes clips B x T x H '
      f'x W x 3 with a multiple of {tubelet} frames, not {tuple(shape)}.'
    )


class Swin(nn.Module):
  """Image Swin: `B x H x W x 3` normalised pixels to `B x L x D` tokens.

  After the final norm; with `pooled`, one vector `B x D` per image. From a
  tubelet of 2 frames on it takes `B x T x H x W x 3`, and gives `B x T' x …`.
  """

  cfg: SwinConfig

  def setup(self):
    cfg = self.cfg
    frames = (cfg.tubelet,) if cfg.tubelet > 1 else ()
    size = (*frames, cfg.patch_size, cfg.patch_size)
    self.patch = nn.Conv(
      cfg.embed_dim, size, strides=size, padding='VALID', dtype=cfg.dtype
    )
    self.ln_patch = make_layer_norm(cfg)
    block, sizes = REMAT[cfg.remat](SwinBlock), range(cfg.num_blocks)
    self.blocks = [block(cfg.block(i)) for i in sizes]
    ends = np.cumsum(cfg.depths)[:-1].tolist()
    self.merges = [Merging(cfg.block(end - 1)) for end in ends]
    self.ln_post = make_layer_norm(cfg)

  def embed(self, image_BxHxWxC, pos=None):
    """Pixels to tokens after the norm of the patches.

    `pos` is added to them; its shape broadcasts against the tokens' by the
    number of axes it has.
    """
    cfg = self.cfg
    check_pixels(image_BxHxWxC, cfg)
    check_tubelets(image_BxHxWxC.shape, cfg.tubelet)
    x = self.ln_patch(self.patch(image_BxHxWxC))
    x_BxLxD = x.reshape(*x.shape[:-3], -1, cfg.embed_dim)
    if pos is None:
      return x_BxLxD
    pos = jnp.expand_dims(pos, range(x_BxLxD.ndim - pos.ndim))
    return x_BxLxD + pos.astype(cfg.dtype)

  def encode(self, x, adapters: Sequence[nn.Module | None] | None = None):
    """Tokens through all stages, one adapter per block."""
    adapters, merges = adapters or [None] * len(self.blocks), iter(self.merges)
    for block, adapter in zip(self.blocks, adapters, strict=True):
      if block.cfg.stage and not block.cfg.index:
        x = next(merges)(x)
      x = block(shard_over_data(x), adapter)
    return x

  def pool(self, x_BxLxD):
    """Features of each image, `B x D`: the mean after the final norm."""
    return self.ln_post(x_BxLxD).mean(axis=-2)

  def fit_positions(self, height: int, width: int):
    """None: positions are those within windows, and images of one size."""

  def read_patches(self, x_BxLxD):
    """Tokens of the patches after the final norm, `B x P x D`."""
    return self.ln_post(x_BxLxD)

  def __call__(self, image_BxHxWxC, pooled: bool = False):
    x_BxLxD = self.encode(self.embed(image_BxHxWxC))
    return self.pool(x_BxLxD) if pooled else self.ln_post(x_BxLxD)
