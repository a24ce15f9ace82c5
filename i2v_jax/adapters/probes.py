"""Probes of a frozen image model: one query reads the tokens of all frames.

The attentive probe as VideoEval has it (V-JEPA and VideoPrism evaluate frozen
models in the same manner), and STEP (arXiv 2503.24298). Nothing is put into
the image model; `i2v_jax.models.probe` is the classifier.

Shapes as in `vit.py`, and M: the tokens of a clip.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.backbones.custom_vjp import LayerNorm, gelu
from i2v_jax.backbones.declared import Dense
from i2v_jax.backbones.image_model import BlockConfig, ImageModel
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

MLP_FACTOR = 4  # of the attentive probe
truncated = nn.initializers.truncated_normal
normal = truncated(0.02)
# VideoEval divides the last layer of each branch by sqrt(2).
normal_of_branch = truncated(0.02 / 2**0.5)


class QueryAttention(nn.Module):
  """Multi-head attention of one query, the same for all clips: `B x D`.

  As the query is no clip's own, keys and values of the tokens are not computed:
  q (W x) is (q W) x, and the weighted sum of W x is W times that of x. For each
  token that leaves two products with N vectors, in place of two with D. Keys
  have no bias, which would cancel in the softmax.

  Attributes:
    num_heads: N.
    out_init: of the kernel of the output layer.
    dtype: compute type; the softmax is float32.
  """

  num_heads: int
  out_init: Any = normal
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, query_D, x_BxMxD):
    width, options = query_D.size, dict(dtype=self.dtype, kernel_init=normal)
    sizes = (width, self.num_heads, width // self.num_heads)
    q_NxK = Dense(width, **options, name='q')(query_D).reshape(sizes[1:])
    key = nn.Einsum(sizes, 'nk,dnk->dn', False, **options, name='k')
    value = nn.Einsum(sizes, 'bnd,dnk->bnk', **options, name='v')
    look_DxN = key(q_NxK) * sizes[2] ** -0.5
    scores_BxMxN = jnp.einsum('bmd,dn->bmn', x_BxMxD, look_DxN)
    a_BxMxN = nn.softmax(scores_BxMxN.astype(jnp.float32), axis=1).astype(
      self.dtype
    )
    read_BxNxK = value(jnp.einsum('bmn,bmd->bnd', a_BxMxN, x_BxMxD))
    options |= dict(kernel_init=self.out_init)
    out = Dense(width, **options, name='out')
    return out(read_BxNxK.reshape(-1, width))

  @staticmethod
  def macs(width: int, num_heads: int, tokens: int) -> int:
    """Multiply-accumulates of one clip."""
    return 4 * width**2 + 2 * tokens * num_heads * width


def _find_last(cfg: ImageModel) -> BlockConfig:
  return cfg.block(cfg.num_blocks - 1)


class Probe(nn.Module):
  """What both probes have.

  Attributes:
    cfg: the image backbone, whose last width and number of heads a probe has.
    num_steps: T', frames or tubelets of a clip.
    positions: add a learned vector per frame; without it a probe sees the same
      in frames of any order.
    final_norm: tokens are read after the final norm of the image model.
    dtype: compute type.
  """

  cfg: ImageModel
  num_steps: int
  positions: bool = True
  final_norm: bool = True
  dtype: Any = jnp.float32

  options: ClassVar = dict(positions=ranges.flag, final_norm=ranges.flag)
  no_operator = 'it reads the features of the frozen image model as they are'
  patches_only = False  # of the tokens of a frame

  @classmethod
  def misfit(cls, spec, cfg) -> str:
    """As `Method.misfit`; a probe fits every image model."""
    del spec, cfg
    return ''

  @property
  def num_heads(self) -> int:
    """N, those of the last block of the image model."""
    return _find_last(self.cfg).num_heads

  def read(self, backbone, x_BxTxLxD):
    """What the probe reads of the tokens after the last block."""
    if self.patches_only:
      x_BxTxLxD = x_BxTxLxD[..., _find_last(self.cfg).num_prefix :, :]
    return backbone.ln_post(x_BxTxLxD) if self.final_norm else x_BxTxLxD

  def flatten(self, x_BxTxLxD, init):
    """Tokens of a clip with their positions, `B x M x D`.

    Raises:
      UserError: features of another number of frames.
    """
    batch, steps, _, width = x_BxTxLxD.shape
    if steps != self.num_steps:
      raise UserError(
        f'This probe takes {self.num_steps} frames, the features have {steps}.'
      )
    x_BxTxLxD = jnp.asarray(x_BxTxLxD, self.dtype)
    if self.positions:
      shape = (self.num_steps, width)
      pos_TxD = self.param('pos', init, shape, jnp.float32)
      x_BxTxLxD += pos_TxD.astype(self.dtype)[None, :, None]
    return x_BxTxLxD.reshape(batch, -1, width)


class AttentiveProbe(Probe):
  """A learned query through a block of cross-attention and an MLP (VideoEval).

  Only the tokens are normed before the attention, not the query.
  """

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    """As `Method.macs`."""
    width, block = model.image_model.width, _find_last(model.image_model)
    tokens = model.num_steps * block.num_tokens
    attention = QueryAttention.macs(width, block.num_heads, tokens)
    return {'probe': attention + 2 * MLP_FACTOR * width**2}

  @nn.compact
  def __call__(self, x_BxTxLxD):
    """The query after the block, `B x D`."""
    x_BxMxD = self.flatten(x_BxTxLxD, nn.initializers.zeros)
    width, dtype = x_BxMxD.shape[-1], self.dtype
    query_D = self.param('query', normal, (width,), jnp.float32).astype(dtype)
    norm = lambda name: LayerNorm(1e-5, dtype=dtype, name=name)
    attn = QueryAttention(
      self.num_heads, normal_of_branch, dtype=dtype, name='attn'
    )
    dense = lambda size, init, name: Dense(
      size, kernel_init=init, dtype=dtype, name=name
    )
    y_BxD = query_D[None] + attn(query_D, norm('norm1')(x_BxMxD))
    h_BxF = dense(MLP_FACTOR * width, normal, 'fc1')(norm('norm2')(y_BxD))
    return y_BxD + dense(width, normal_of_branch, 'fc2')(gelu(h_BxF))


class StepProbe(Probe):
  """One class token for all frames, which attends to itself and all patches.

  Frames have positions, all patches of one the same. The layer is attention
  alone, without skip, norm and MLP.
  """

  patches_only = True

  @classmethod
  def macs(cls, model) -> dict[str, int]:
    """As `Method.macs`."""
    width, block = model.image_model.width, _find_last(model.image_model)
    patches = block.num_tokens - block.num_prefix
    tokens = 1 + model.num_steps * patches
    return {'probe': QueryAttention.macs(width, block.num_heads, tokens)}

  @nn.compact
  def __call__(self, x_BxTxPxD):
    """The class token after the layer, `B x D`."""
    x_BxMxD = self.flatten(x_BxTxPxD, normal)
    batch, _, width = x_BxMxD.shape
    cls_D = self.param('cls', normal, (width,), jnp.float32)
    cls_D = cls_D.astype(self.dtype)
    cls_Bx1xD = jnp.broadcast_to(cls_D, (batch, 1, width))
    attn = QueryAttention(self.num_heads, dtype=self.dtype, name='attn')
    return attn(cls_D, jnp.concatenate([cls_Bx1xD, x_BxMxD], axis=1))
