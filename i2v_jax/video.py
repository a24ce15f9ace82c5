"""Video models: a frozen image backbone, adapters, and a head."""

import contextlib
import difflib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict

from i2v_jax import adapters
from i2v_jax.adapters import operators
from i2v_jax.adapters.layers import check_frames, on_patches
from i2v_jax.dualpath import DualPathClassifier
from i2v_jax.evl import EVLClassifier
from i2v_jax.runtime import ranges
from i2v_jax.vit import ViT
from i2v_jax.vit_config import NORMALIZATION, ViTConfig

RANGES = {  # key of `model` in a config -> what it may be
  'num_frames': ranges.COUNT,
  'temporal_embedding': ranges.flag,
  'mean_first': ranges.flag,
  'dropout': ranges.RATE,
  'head_std': ranges.NOT_NEGATIVE,
  'projection': ranges.FROM_0,
}
INPUTS = ('video', 'grid')  # of a model, in this order; most take the first


class VideoClassifier(nn.Module):
  """Image ViT per frame, adapted and pooled; the mean of the frames; head.

  Parameters: `backbone` (the tree of the image ViT, whatever the method),
  `adapters/blocks_i`, `temporal_embedding`, `head`. Dropout acts when a
  `dropout` rng is passed to `apply`; without one the model is deterministic.

  Attributes:
    vit: the image backbone.
    num_classes: width of the head.
    num_frames: T; the temporal embedding has one row per frame. Without one,
      0 stands for any number.
    adapter: as `adapters.resolve` returns it, or None.
    temporal_operator: as `operators.resolve` returns it, or None.
    temporal_embedding: add a learned vector per frame before the pre-norm.
    mean_first: average frames before the final norm and the pooling, as
      ST-Adapter does.
    dropout: before the head (I3D head of the releases).
    head_std: of the head's initial kernel.
  """

  vit: ViTConfig
  num_classes: int
  num_frames: int
  adapter: FrozenDict | None = None
  temporal_operator: FrozenDict | None = None
  temporal_embedding: bool = True
  mean_first: bool = False
  dropout: float = 0.5
  head_std: float = 0.01

  decoded = ('head',)  # what `decode` uses

  def setup(self):
    cfg = self.vit
    self.backbone = ViT(cfg)
    if self.adapter or self.temporal_operator:
      self.adapters = adapters.PerBlock(
        self.adapter, self.temporal_operator, cfg.depth, cfg.dtype
      )
    if self.temporal_embedding:
      shape = (self.num_frames, cfg.width)
      self.time = self.param(
        'temporal_embedding', nn.initializers.zeros, shape, jnp.float32
      )
    self.head = nn.Dense(
      self.num_classes,
      kernel_init=nn.initializers.normal(self.head_std),
      precision='highest',
    )
    self.drop = nn.Dropout(self.dropout)

  @property
  def input_shapes(self) -> tuple[tuple[int, ...], ...]:
    """Shape of each array of one clip, without the batch axis."""
    return ((self.num_frames, *self.vit.image_shape),)

  def __call__(self, video_BxTxHxWxC, kept_BxK=None):
    """Normalised pixels to logits `B x classes`, float32."""
    return self.decode(self.features(video_BxTxHxWxC, kept_BxK))

  def decode(self, features_BxTxD):
    """Features to logits `B x classes`, float32."""
    y_BxD = features_BxTxD.astype(jnp.float32).mean(axis=1)
    train = self.has_rng('dropout')
    return self.head(self.drop(y_BxD, deterministic=not train))

  def features(self, video_BxTxHxWxC, kept_BxK=None):
    """What stands for each frame, as the backbone pools it: `B x T x D`.

    With `mean_first` for the mean of all frames, `B x 1 x D`. Of the patches of
    a frame, only those at the positions `kept_BxK` are looked at, if given.
    """
    check_frames(video_BxTxHxWxC, self.num_frames)
    x_BxTxLxD = self.backbone.embed(video_BxTxHxWxC)
    if kept_BxK is not None:
      x_BxTxLxD = keep(x_BxTxLxD, kept_BxK, self.vit.num_prefix)
    if self.temporal_embedding:
      x_BxTxLxD += self.time.astype(x_BxTxLxD.dtype)[None, :, None]
    adapted = self.adapter or self.temporal_operator
    blocks = self.adapters.blocks if adapted else None
    x_BxTxLxD = self.backbone.encode(x_BxTxLxD, blocks)
    if self.mean_first:
      x_BxTxLxD = x_BxTxLxD.astype(jnp.float32).mean(axis=1, keepdims=True)
    return self.backbone.pool(x_BxTxLxD)


def keep(x_BxTxLxD, kept_BxK, num_prefix: int):
  """The tokens in front of the patches, and of these the ones kept."""
  index = kept_BxK[:, None, :, None]
  take = lambda patches: jnp.take_along_axis(patches, index, axis=2)
  return on_patches(take, x_BxTxLxD, num_prefix)


# Methods that are more than adapters in the blocks.
CLASSIFIERS = {'dualpath': DualPathClassifier, 'evl': EVLClassifier}


def build(spec: Mapping[str, Any], num_classes: int, **vit) -> nn.Module:
  """A model from the `model` part of a config.

  Args:
    spec: `backbone` (arguments of `ViTConfig.named`), `num_frames`, `adapter`
      (a name, or `{'name': …, option: value, …}`), and optionally further
      fields of the classifier.
    num_classes: width of the head.
    **vit: fields of `ViTConfig` decided at run time, such as `dtype`.

  Raises:
    ValueError: unknown names or options, or parts that do not go together.
  """
  num_classes = ranges.COUNT('num_classes', num_classes)
  if missing := sorted({'backbone', 'num_frames'} - set(spec)):
    raise ValueError(
      f'The spec of a model has no {" and no ".join(missing)}; an example is '
      "dict(backbone=dict(variant='B/16'), num_frames=8, adapter='aim')."
    )
  spec = {
    k: RANGES.get(k, ranges.anything)(f'model.{k}', v) for k, v in spec.items()
  }
  cfg = _backbone(spec.pop('backbone'), vit)
  spec['adapter'] = adapters.resolve(spec.get('adapter'))
  spec['temporal_operator'] = operators.resolve(spec.get('temporal_operator'))
  operator = spec['temporal_operator']
  adapters.check_operator(spec['adapter'], operator)
  kind = classifier(spec['adapter'])
  for option in sorted(spec.keys() - kind.__dataclass_fields__.keys()):
    _check_off(option, spec.pop(option), spec['adapter'])
  adapters.check_fit(spec['adapter'], operator, cfg, spec['num_frames'])
  return kind(cfg, num_classes, **spec)


def _backbone(sizes, vit: Mapping) -> ViTConfig:
  ranges.table(ranges.anything)('model.backbone', sizes)
  fields = {'variant', 'family', *ViTConfig.__dataclass_fields__}
  if unknown := sorted({*sizes, *vit} - fields):
    raise ValueError(
      f'model.backbone has no {", ".join(unknown)}; it has '
      f'{", ".join(sorted(fields))}. What is no part of the image model, such '
      'as adapter, belongs in the spec.'
    )
  try:
    return ViTConfig.named(**dict(sizes) | vit)
  except (TypeError, ValueError) as error:
    raise ValueError(f'model.backbone: {error}') from error


def classifier(adapter: Mapping | None) -> type[nn.Module]:
  """The module that a method is used through."""
  return CLASSIFIERS.get(adapter and adapter['name'], VideoClassifier)


def _check_off(option: str, value, adapter: Mapping | None) -> None:
  """What a classifier does not have may be said, if it is off."""
  classifiers = (VideoClassifier, *CLASSIFIERS.values())
  known = set().union(*(c.__dataclass_fields__ for c in classifiers))
  if option not in known:
    near = difflib.get_close_matches(option, known, 1, 0.0)[0]
    raise ValueError(f'There is no model.{option}; did you mean {near!r}?')
  if value:
    name = adapter['name'] if adapter else 'no adapter'
    raise ValueError(f'model.{option} does not go with {name}; switch it off.')


def precise(model) -> contextlib.AbstractContextManager:
  """While open, what is traced of a float32 model is float32 everywhere.

  TPUs and GPUs else round the inputs of matrix products to bfloat16 or TF32.
  A precision that is set for all of JAX (JAX_DEFAULT_MATMUL_PRECISION) stays.
  """
  if jax.config.jax_default_matmul_precision or model.vit.dtype != jnp.float32:
    return contextlib.nullcontext()
  return jax.default_matmul_precision('highest')


def pixels(batch: Mapping, name: str, dtype=jnp.float32) -> tuple:
  """The uint8 arrays of a batch of clips, normalised, as the model takes them.

  Args:
    batch: `video` and, where a model looks at framesets, `grid`.
    name: of the normalisation.
    dtype: of the result.
  """
  here = [key for key in INPUTS if key in batch]
  return tuple(normalize(batch[key], name, dtype) for key in here)


def example(model, batch: int = 1, dtype=jnp.float32) -> tuple:
  """Shapes of the arrays that `model` takes for a batch of clips."""
  return tuple(
    jax.ShapeDtypeStruct((batch, *shape), dtype) for shape in model.input_shapes
  )


def shapes(model) -> dict:
  """The parameter tree of a classifier as shapes, without memory."""
  init = lambda *clip: model.init(jax.random.key(0), *clip)['params']
  return jax.eval_shape(init, *example(model))


def normalize(video_uint8, name: str, dtype=jnp.float32):
  """uint8 RGB to the normalised pixels a backbone was trained on.

  Args:
    video_uint8: values 0 to 255, `... x 3`.
    name: of the mean and deviation: `clip`, `imagenet`, or `half`.
    dtype: of the result.

  Returns:
    (pixels / 255 - mean) / deviation, in the shape of the input.

  Raises:
    ValueError: an unknown name.
  """
  ranges.one_of(*NORMALIZATION)('normalization', name)
  mean, std = (jnp.asarray(x, jnp.float32) * 255 for x in NORMALIZATION[name])
  shape = (1,) * (video_uint8.ndim - 1) + (3,)
  video = video_uint8.astype(jnp.float32) - mean.reshape(shape)
  return (video / std.reshape(shape)).astype(dtype)


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
  if not adapters.can_merge(model.adapter):
    name = model.adapter['name'] if model.adapter else 'a model without adapter'
    raise ValueError(
      f'{name} cannot be folded into the frozen weights; nothing was merged.'
    )
  params, method = dict(params), adapters.METHODS[model.adapter['name']]
  spec, backbone = method.merge(
    model.adapter, params['backbone'], params.pop('adapters', {})
  )
  merged = model.clone(adapter=adapters.resolve(spec))
  return merged, params | {'backbone': backbone}
