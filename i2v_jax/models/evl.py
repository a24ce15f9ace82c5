"""EVL as a classifier: frozen features of an image ViT, a decoder, a head."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.adapters.evl import CLIP_LAYERS, EVL
from i2v_jax.adapters.layers import check_frames, torch_dense
from i2v_jax.backbones.image_model import make_module
from i2v_jax.backbones.vit import make_layer_norm, shard_over_data
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.models.classifier import FrozenClassifier
from i2v_jax.runtime.errors import UserError


class EVLClassifier(FrozenClassifier):
  """Frames through a frozen image ViT; a decoder over its last blocks; a head.

  No gradient enters the backbone, so `features` of a clip can be computed once
  and kept. Parameters: `backbone` (the tree of the image ViT), `adapters` (the
  decoder), `head`. Dropout acts when a `dropout` rng is passed to `apply`.

  Attributes:
    image_model: the image backbone; its `remat` has no effect, as it has no
      backward pass.
    num_classes: width of the head.
    num_frames: T.
    adapter: `name` and options of `EVL`.
    dropout: in the head, after its norm.
  """

  dropout: float = 0.5

  def setup(self):
    cfg = self.image_model
    options = {k: v for k, v in self.adapter.items() if k != 'name'}
    self.backbone = make_module(cfg)
    self.adapters = EVL(cfg, self.num_frames, **options, dtype=cfg.dtype)
    if not 1 <= self.adapters.layers <= cfg.num_blocks:
      raise UserError(
        f'EVL cannot read the last {self.adapters.layers} blocks of '
        f'{cfg.num_blocks}; choose layers from 1 to {cfg.num_blocks}.'
      )
    self.head = Head(cfg, self.num_classes, self.dropout)

  def features(self, video_BxTxHxWxC):
    """What the decoder reads: the `features` of `EVL.__call__`, as constants.

    Raises:
      UserError: another number of frames than `num_frames`.
    """
    check_frames(video_BxTxHxWxC, self.num_frames)
    x_BxTxLxD = self.backbone.embed(video_BxTxHxWxC)
    if self.image_model.pre_norm:
      x_BxTxLxD = self.backbone.ln_pre(x_BxTxLxD)
    features = []
    for block in self.backbone.blocks:
      features.append(read_block(block, shard_over_data(x_BxTxLxD)))
      x_BxTxLxD = features[-1][0]
    if self.is_initializing():  # not used, but part of the image model
      self.backbone.pool(x_BxTxLxD)
    return jax.lax.stop_gradient(tuple(features[-self.adapters.layers :]))

  def decode(self, features):
    """Features to logits `B x classes`, float32."""
    return self.head(self.adapters(features))


def read_block(block, x_BxTxLxD):
  """Output of a block, and the queries and keys of its attention."""
  seen = []

  def heads(q, k, v):
    seen.extend((q, k))
    return q, k, v

  x_BxTxLxD += block.attn(block.ln1(x_BxTxLxD), heads=heads)
  x_BxTxLxD += block.mlp(block.ln2(x_BxTxLxD))
  return x_BxTxLxD, *seen


class Head(nn.Module):
  """Norm, dropout, linear; in float32, starting as torch's."""

  cfg: ViTConfig
  num_classes: int
  dropout: float

  def setup(self):
    cfg = dataclasses.replace(self.cfg, **CLIP_LAYERS, dtype=jnp.float32)
    self.norm = make_layer_norm(cfg)
    self.drop = nn.Dropout(self.dropout)
    self.fc = torch_dense(self.num_classes, cfg.width)

  def __call__(self, y_BxD):
    train = self.has_rng('dropout')
    return self.fc(self.drop(self.norm(y_BxD), deterministic=not train))
