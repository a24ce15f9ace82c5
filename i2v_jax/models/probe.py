"""A probe as a classifier: frozen tokens of an image model, a probe, a head."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from i2v_jax import adapters
from i2v_jax.adapters.layers import check_frames
from i2v_jax.backbones.declared import Dense
from i2v_jax.backbones.image_model import make_module
from i2v_jax.models.classifier import FrozenClassifier


class ProbeClassifier(FrozenClassifier):
  """Frames through a frozen image model; a probe over their tokens; a head.

  No gradient enters the backbone, so `features` of a clip can be computed once
  and kept. Parameters: `backbone` (the tree of the image model), `adapters`
  (the probe), `head`. Dropout acts when a `dropout` rng is passed to `apply`.

  Attributes:
    image_model: the image backbone; its `remat` has no effect, as it has no
      backward pass.
    num_classes: width of the head.
    num_frames: T.
    adapter: `name` and options of a `probes.Probe`.
    dropout: before the head.
    head_std: of the head's initial kernel.
  """

  dropout: float = 0.5
  head_std: float = 0.01

  def setup(self):
    cfg, options = self.image_model, dict(self.adapter)
    method = adapters.METHODS[options.pop('name')]
    self.backbone = make_module(cfg)
    self.adapters = method(cfg, self.num_steps, **options, dtype=cfg.dtype)
    self.head = Dense(
      self.num_classes,
      kernel_init=nn.initializers.normal(self.head_std),
      precision='highest',
    )
    self.drop = nn.Dropout(self.dropout)

  def features(self, video_BxTxHxWxC):
    """Tokens that the probe reads, as constants: `B x T x L x D`.

    Raises:
      UserError: another number of frames than `num_frames`.
    """
    check_frames(video_BxTxHxWxC, self.num_frames)
    x_BxTxLxD = self.backbone.encode(self.backbone.embed(video_BxTxHxWxC))
    if self.is_initializing():  # not used, but part of the image model
      self.backbone.pool(x_BxTxLxD)
    return jax.lax.stop_gradient(self.adapters.read(self.backbone, x_BxTxLxD))

  def decode(self, features_BxTxLxD):
    """Features to logits `B x classes`, float32."""
    y_BxD = self.adapters(features_BxTxLxD).astype(jnp.float32)
    train = self.has_rng('dropout')
    return self.head(self.drop(y_BxD, deterministic=not train))
