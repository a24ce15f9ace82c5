"""Video models: a frozen image backbone, adapters, and a head."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict

from i2v_jax import adapters
from i2v_jax.vit import ViT, ViTConfig

NORMALIZATION = {  # name -> mean, std of RGB in 0..1
  'clip': (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
  ),
  'imagenet': ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
  'half': ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


class VideoClassifier(nn.Module):
  """Image ViT per frame, adapted; class tokens averaged over frames; head.

  Parameters: `backbone` (the tree of the image ViT, whatever the method),
  `adapters/blocks_i`, `temporal_embedding`, `head`. Dropout acts when a
  `dropout` rng is passed to `apply`; without one the model is deterministic.

  Attributes:
    vit: the image backbone.
    num_classes: width of the head.
    num_frames: T; the temporal embedding has one row per frame.
    adapter: as `adapters.resolve` returns it, or None.
    temporal_embedding: add a learned vector per frame before the pre-norm.
    dropout: before the head (I3D head of the releases).
  """

  vit: ViTConfig
  num_classes: int
  num_frames: int
  adapter: FrozenDict | None = None
  temporal_embedding: bool = True
  dropout: float = 0.5

  def setup(self):
    cfg = self.vit
    self.backbone = ViT(cfg)
    if self.adapter:
      self.adapters = adapters.PerBlock(self.adapter, cfg.depth, cfg.dtype)
    if self.temporal_embedding:
      shape = (self.num_frames, cfg.width)
      self.time = self.param('temporal_embedding', nn.initializers.zeros, shape)
    self.head = nn.Dense(
      self.num_classes, kernel_init=nn.initializers.normal(0.01)
    )
    self.drop = nn.Dropout(self.dropout)

  def __call__(self, video_BxTxHxWxC):
    """Normalised pixels to logits `B x classes`, float32."""
    y_BxTxD = self.features(video_BxTxHxWxC).astype(jnp.float32)
    train = self.has_rng('dropout')
    return self.head(self.drop(y_BxTxD.mean(axis=1), deterministic=not train))

  def features(self, video_BxTxHxWxC):
    """Class token of each frame after the final norm, `B x T x D`."""
    if video_BxTxHxWxC.shape[1] != self.num_frames:
      raise ValueError(
        f'This model takes {self.num_frames} frames, the video has '
        f'{video_BxTxHxWxC.shape[1]}.'
      )
    x_BxTxLxD = self.backbone.embed(video_BxTxHxWxC)
    if self.temporal_embedding:
      x_BxTxLxD += self.time.astype(x_BxTxLxD.dtype)[None, :, None]
    blocks = self.adapters.blocks if self.adapter else None
    x_BxTxLxD = self.backbone.encode(x_BxTxLxD, blocks)
    return self.backbone.ln_post(x_BxTxLxD[:, :, 0])


def build(spec: Mapping[str, Any], num_classes: int, **vit) -> VideoClassifier:
  """A model from the `model` part of a config.

  Args:
    spec: `backbone` (arguments of `ViTConfig.named`), `num_frames`, `adapter`,
      and optionally `temporal_embedding` and `dropout`.
    num_classes: width of the head.
    **vit: fields of `ViTConfig` decided at run time, such as `dtype`.
  """
  spec = dict(spec)
  backbone = ViTConfig.named(**dict(spec.pop('backbone')) | vit)
  adapter = adapters.resolve(spec.pop('adapter', None))
  return VideoClassifier(backbone, num_classes, adapter=adapter, **spec)


def normalize(video_uint8, name: str, dtype=jnp.float32):
  """uint8 RGB to the normalised pixels a backbone was trained on."""
  mean, std = (jnp.asarray(x, jnp.float32) * 255 for x in NORMALIZATION[name])
  shape = (1,) * (video_uint8.ndim - 1) + (3,)
  video = video_uint8.astype(jnp.float32) - mean.reshape(shape)
  return (video / std.reshape(shape)).astype(dtype)


def can_merge(model: VideoClassifier) -> bool:
  """Whether the model's adapters fold into its backbone."""
  name = model.adapter and model.adapter['name']
  return hasattr(adapters.METHODS.get(name), 'merge')


def merge(model: VideoClassifier, params: Mapping):
  """Folds linear adapters into the backbone: same function, plain ViT.

  Args:
    model: a classifier whose method has a `merge`.
    params: its parameters.

  Returns:
    `(model, params)` without adapters, float32; what has no parameters, such
    as head relocation, stays in the model.

  Raises:
    ValueError: the adapter cannot be merged.
  """
  if not can_merge(model):
    name = model.adapter['name'] if model.adapter else 'a model without adapter'
    raise ValueError(f'Only linear adapters can be merged, not {name}.')
  params, method = dict(params), adapters.METHODS[model.adapter['name']]
  spec, backbone = method.merge(
    model.adapter, params['backbone'], params.pop('adapters', {})
  )
  merged = model.clone(adapter=adapters.resolve(spec))
  return merged, params | {'backbone': backbone}
