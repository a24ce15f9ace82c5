"""Video models: a frozen image backbone, adapters, and a head."""

import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict

from i2v_jax import adapters
from i2v_jax.adapters.layers import change_patches, check_frames
from i2v_jax.adapters.past import answered_by_streams
from i2v_jax.backbones.declared import Dense
from i2v_jax.backbones.image_model import make_module
from i2v_jax.models.classifier import Classifier


class VideoClassifier(Classifier):
  """Image model per frame, adapted and pooled; the mean of the frames; head.

  Parameters: `backbone` (the tree of the image model, whatever the method),
  `adapters/blocks_i`, `temporal_embedding`, `head`. Dropout acts when a
  `dropout` rng is passed to `apply`; without one the model is deterministic.

  Attributes:
    num_frames: T; the temporal embedding has one row per step. Without one,
      0 allows any number.
    temporal_operator: as `operators.resolve` returns it, or None.
    temporal_embedding: add a learned vector per step before the blocks.
    mean_first: average frames before the final norm and the pooling, as
      ST-Adapter does.
    time_constant: of the mean over frames, in frames: each weighs exp(1 /
      time_constant) times as much as the one before it. 0: all the same.
    dropout: before the head (I3D head of the releases).
    head_std: of the head's initial kernel.
  """

  temporal_operator: FrozenDict | None = None
  temporal_embedding: bool = True
  mean_first: bool = False
  time_constant: float = 0.0
  dropout: float = 0.5
  head_std: float = 0.01

  decoded = ('head',)  # what `decode` uses

  def setup(self):
    cfg = self.image_model
    self.backbone = make_module(cfg)
    if self.adapter or self.temporal_operator:
      self.adapters = adapters.PerBlock(
        self.adapter, self.temporal_operator, cfg.num_blocks, cfg.dtype
      )
    if self.temporal_embedding:
      shape = (self.num_steps, cfg.block(0).width)
      self.time = self.param(
        'temporal_embedding', nn.initializers.zeros, shape, jnp.float32
      )
    self.head = Dense(
      self.num_classes,
      kernel_init=nn.initializers.normal(self.head_std),
      precision='highest',
    )
    self.drop = nn.Dropout(self.dropout)

  @property
  def num_pooled(self) -> int:
    """How often the image model pools tokens for one clip."""
    return 1 if self.mean_first else self.num_steps

  def __call__(self, video_BxTxHxWxC, kept_BxK=None):
    """Normalised pixels to logits `B x classes`, float32."""
    return self.decode(self.features(video_BxTxHxWxC, kept_BxK))

  def represent(self, video_BxTxHxWxC):
    """A vector for each clip, what the head reads: `B x D`, float32."""
    return self.average(self.features(video_BxTxHxWxC))[:, 0]

  def decode(self, features_BxTxD):
    """Features to logits `B x classes`, float32."""
    y_BxD = self.average(features_BxTxD)[:, 0]
    train = self.has_rng('dropout')
    return self.head(self.drop(y_BxD, deterministic=not train))

  def features(self, video_BxTxHxWxC, kept_BxK=None):
    """Features of each frame, as the backbone pools it: `B x T x D`.

    With `mean_first` those of the mean of all frames, `B x 1 x D`. Only the
    patches at the positions `kept_BxK` of each frame are used, if given.
    """
    return self.backbone.pool(self.encode(video_BxTxHxWxC, kept_BxK))

  def encode(self, video_BxTxHxWxC, kept_BxK=None, pos=None):
    """Tokens after the adapted blocks, before the final norm: `B x T x L x D`.

    With `mean_first` the mean of all frames, `B x 1 x L x D`. `pos` is that of
    the image model's `embed`.
    """
    check_frames(video_BxTxHxWxC, self.num_frames)
    given = () if pos is None else (pos,)
    x_BxTxLxD = self.backbone.embed(video_BxTxHxWxC, *given)
    if kept_BxK is not None:
      first = self.image_model.block(0).num_prefix
      x_BxTxLxD = keep_patches(x_BxTxLxD, kept_BxK, first)
    if self.temporal_embedding:
      x_BxTxLxD += self.time.astype(x_BxTxLxD.dtype)[None, :, None]
    adapted = self.adapter or self.temporal_operator
    blocks = self.adapters.blocks if adapted else None
    x_BxTxLxD = self.backbone.encode(x_BxTxLxD, blocks)
    if self.mean_first:
      x_BxTxLxD = self.average(x_BxTxLxD)
    return x_BxTxLxD

  @answered_by_streams
  def average(self, x_BxTx):
    """The mean over the frames of a clip, `B x 1 x …`, float32."""
    x_BxTx = x_BxTx.astype(jnp.float32)
    if not self.time_constant:
      return x_BxTx.mean(axis=1, keepdims=True)
    age_T = jnp.arange(x_BxTx.shape[1], dtype=jnp.float32)[::-1]
    weights_T = nn.softmax(-age_T / self.time_constant)
    return jnp.tensordot(weights_T, x_BxTx, axes=(0, 1))[:, None]


def keep_patches(x_BxTxLxD, kept_BxK, num_prefix: int):
  """Keeps the tokens before the patches, and the patches at some positions."""
  index = kept_BxK[:, None, :, None]
  take = lambda patches: jnp.take_along_axis(patches, index, axis=2)
  return change_patches(take, x_BxTxLxD, num_prefix)
