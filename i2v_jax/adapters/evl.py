"""EVL (Lin et al., ECCV 2022, arXiv 2208.03550): a decoder over frozen frames.

Nothing is put into the image transformer. A query reads the tokens of its last
blocks, enriched with time; `i2v_jax.models.evl` is the classifier.

Shapes as in `vit.py`, and P: the patches of a frame, without class token and
registers.
"""

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.adapters.dropout import Dropout
from i2v_jax.adapters.layers import PER_CHANNEL, PerChannelConv
from i2v_jax.adapters.method import get_option
from i2v_jax.backbones.declared import Declared, Dense
from i2v_jax.backbones.macs import attention_macs
from i2v_jax.backbones.vit import ACTIVATIONS, Attention, make_layer_norm
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

# The decoder has these whatever the image model has.
CLIP_LAYERS = dict(activation='quick_gelu', norm_eps=1e-5, layer_scale=False)


class EVL(nn.Module):
  """The decoder: one query through one layer per block that is read.

  Attributes:
    cfg: the image backbone. The decoder has its width and heads, and otherwise
      the layers of CLIP (QuickGELU, eps 1e-5, MLP factor 4), as the release.
    num_frames: T; every layer has one position per frame.
    layers: decoder layers, one for each of the last blocks of the backbone.
    cls_std: deviation of the query at the start. 0 as the release runs, 0.02
      as its initialiser, which is never called, was meant.
    dropout: inside the MLPs, after the activation, while training.
    kernel: frames that the convolution over time sees.
    dtype: compute type.
  """

  cfg: ViTConfig
  num_frames: int
  layers: int = 4
  cls_std: float = 0.0
  dropout: float = 0.5
  kernel: int = 3
  dtype: Any = jnp.float32

  options: ClassVar = dict(
    layers=ranges.COUNT,
    cls_std=ranges.NOT_NEGATIVE,
    dropout=ranges.RATE,
    kernel=ranges.odd,
  )

  no_operator = 'it reads the features of the frozen image model as they are'

  @classmethod
  def misfit(cls, spec, cfg) -> str:
    """As `Method.misfit`."""
    del spec
    alone = 'its decoder reads queries and keys of complete frames, not windows'
    return alone if cfg.block(0).window else ''

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    """As `Method.macs`."""
    cfg, frames, spec = model.image_model, model.num_frames, model.adapter
    width, patches = cfg.width, cfg.num_tokens - cfg.num_prefix
    tokens, layers = frames * cfg.num_tokens, get_option(cls, spec, 'layers')
    # Scores of each frame's patches with those of the frames before and after
    # it, and the displacements that they weight.
    motion = 2 * (frames - 1) * 2 * patches**2 * width
    block = attention_macs(width, 1, tokens) + 8 * width**2  # MLP factor 4
    return {
      'decoder': layers * (motion + block),
      PER_CHANNEL: layers * tokens * get_option(cls, spec, 'kernel') * width,
    }

  @nn.compact
  def __call__(self, features):
    """The query after the last layer, `B x D`.

    Args:
      features: for each block read, the first one first, its output and the
        projected queries and keys of its attention, each `B x T x L x D`.

    Raises:
      UserError: features of another number of blocks or frames.
    """
    self._check(features)
    features = jax.tree.map(lambda x: jnp.asarray(x, self.dtype), features)
    batch, _, _, width = features[0][0].shape
    cfg = dataclasses.replace(
      self.cfg, **CLIP_LAYERS, mlp_dim=4 * width, dtype=self.dtype
    )
    init = nn.initializers.normal(self.cls_std)
    y_D = self.param('cls', init, (width,), jnp.float32).astype(self.dtype)
    y_Bx1xD = jnp.broadcast_to(y_D, (batch, 1, width))
    for i, (x_BxTxLxD, q_BxTxLxD, k_BxTxLxD) in enumerate(features):
      layer = DecoderLayer(
        cfg, self.num_frames, self.kernel, self.dropout, name=f'layers_{i}'
      )
      y_Bx1xD = layer(y_Bx1xD, x_BxTxLxD, q_BxTxLxD, k_BxTxLxD)
    return y_Bx1xD[:, 0]

  def _check(self, features):
    if len(features) != self.layers:
      raise UserError(
        f'This decoder reads {self.layers} blocks, the features are of '
        f'{len(features)}.'
      )
    if (frames := features[0][0].shape[1]) != self.num_frames:
      raise UserError(
        f'This decoder takes {self.num_frames} frames, the features have '
        f'{frames}.'
      )


class DecoderLayer(Declared, nn.Module):
  """Time into the features of one block, then a cross-attention block."""

  cfg: ViTConfig
  num_frames: int
  kernel: int
  dropout: float

  def setup(self):
    cfg, zeros = self.cfg, nn.initializers.zeros
    self.conv = PerChannelConv((self.kernel, 1), dtype=cfg.dtype)
    self.pos = self.param(
      'pos', zeros, (self.num_frames, cfg.width), jnp.float32
    )
    table = ((2 * cfg.grid - 1) ** 2, cfg.width)
    self.w1 = self.param('w1', zeros, table, jnp.float32)
    self.w2 = self.param('w2', zeros, table, jnp.float32)
    self.norm1, self.norm2 = make_layer_norm(cfg), make_layer_norm(cfg)
    self.norm3 = make_layer_norm(cfg)
    # The release draws these kernels from Xavier's uniform distribution; on a
    # square one, Dense's default has the same variance.
    self.attn = Attention(cfg)
    self.mlp = Mlp(cfg, self.dropout)

  def __call__(self, y_Bx1xD, x_BxTxLxD, q_BxTxLxD, k_BxTxLxD):
    x_BxTxLxD = self.mix(x_BxTxLxD, q_BxTxLxD, k_BxTxLxD)
    batch, _, _, width = x_BxTxLxD.shape
    x_BxTLxD = self.norm3(x_BxTxLxD).reshape(batch, -1, width)
    y_Bx1xD += self.attn(self.norm1(y_Bx1xD), x_BxTLxD)
    return y_Bx1xD + self.mlp(self.norm2(y_Bx1xD))

  def mix(self, x_BxTxLxD, q_BxTxLxD, k_BxTxLxD):
    """Features with time: convolution, position, motion (release, in turn)."""
    pos_TxD = self.pos.astype(self.cfg.dtype)
    x_BxTxLxD += self.conv(x_BxTxLxD)
    x_BxTxLxD += pos_TxD[None, :, None]
    return x_BxTxLxD + self.motion(q_BxTxLxD, k_BxTxLxD)

  def motion(self, q_BxTxLxD, k_BxTxLxD):
    """Where each patch is found in the frame before (w1) and after (w2).

    The frozen attention of a patch to those of the other frame weights a table
    of displacements. What is no patch, and a frame that is missing, give zero.
    """
    first, heads = self.cfg.num_prefix, self.cfg.num_heads
    q, k = q_BxTxLxD[:, :, first:], k_BxTxLxD[:, :, first:]
    rows_PxP = index_displacements(self.cfg.grid)

    def look(q_BxTxPxD, k_BxTxPxD, table, frames):
      a_BxTxPxP = compute_cross_weights(q_BxTxPxD, k_BxTxPxD, heads)
      w_PxPxD = table.astype(self.cfg.dtype)[rows_PxP]
      a_BxTxPxP = a_BxTxPxP.astype(self.cfg.dtype)
      y_BxTxPxD = jnp.einsum('btps,psd->btpd', a_BxTxPxP, w_PxPxD)
      return jnp.pad(y_BxTxPxD, ((0, 0), frames, (first, 0), (0, 0)))

    before = look(q[:, 1:], k[:, :-1], self.w1, (1, 0))
    return before + look(q[:, :-1], k[:, 1:], self.w2, (0, 1))


def compute_cross_weights(q_BxTxPxD, k_BxTxPxD, num_heads: int):
  """softmax(q k / sqrt K), mean over heads: float32 `B x T x P x P`."""
  *lead, width = q_BxTxPxD.shape
  head_width = width // num_heads
  cut = lambda x: x.reshape(*lead, num_heads, head_width)
  scores_BxTxNxPxP = jnp.einsum(
    'btpnk,btsnk->btnps',
    cut(q_BxTxPxD),
    cut(k_BxTxPxD),
    preferred_element_type=jnp.float32,
  )
  return nn.softmax(scores_BxTxNxPxP * head_width**-0.5).mean(axis=2)


def index_displacements(grid: int) -> np.ndarray:
  """Rows of a table of displacements, for query and key patch: `P x P`."""
  row, col = np.divmod(np.arange(grid**2), grid)
  apart = lambda x: x[:, None] - x[None] + grid - 1
  return apart(row) * (2 * grid - 1) + apart(col)


class Mlp(nn.Module):
  """The MLP of a decoder layer, with dropout after its activation."""

  cfg: ViTConfig
  dropout: float

  @nn.compact
  def __call__(self, x):
    dense = lambda size, name: Dense(
      size,
      kernel_init=nn.initializers.xavier_uniform(),
      bias_init=nn.initializers.normal(1e-6),
      dtype=self.cfg.dtype,
      name=name,
    )
    drop = Dropout(self.dropout)
    h = ACTIVATIONS[self.cfg.activation](dense(self.cfg.mlp_dim, 'fc1')(x))
    return dense(self.cfg.width, 'fc2')(drop(h))
