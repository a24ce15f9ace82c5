"""Action detection: classifies boxes, from the tokens inside them."""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from i2v_jax.adapters import METHODS
from i2v_jax.backbones.image_model import ImageModel
from i2v_jax.models.roi_align import roi_align
from i2v_jax.models.video import VideoClassifier
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

CELLS = 7  # along each side of a box
HEADS = {  # how RoIAlign samples: as in VideoMAE, or as corrected later
  'release': dict(sampling=0, aligned=False),
  'aligned': dict(sampling=2, aligned=True),
}
OPTIONS = {  # key of `model.detection` -> what it may be
  'boxes': ranges.COUNT,
  'head': ranges.one_of(*HEADS),
  'context': ranges.flag,
  'mean': ranges.one_of('before', 'after'),
}


def get_fields(options: Mapping[str, Any]) -> dict[str, Any]:
  """Fields of a `Detector` for the options in `model.detection`."""
  names = {'boxes': 'num_boxes', 'head': 'sampler'}
  return {names.get(key, key): value for key, value in options.items()}


class Detector(VideoClassifier):
  """A video classifier of boxes: logits `B x N x classes`, float32.

  Patch tokens after the final norm are averaged over time, cut to each box by
  RoIAlign, and reduced to their maximum; a linear layer follows. As
  VideoMAE-Action-Detection; context and the mean afterwards are our options.
  Parameters are those of `VideoClassifier`.

  Attributes:
    num_boxes: N of `input_shapes`; any other number works as well.
    sampler: one of `HEADS`.
    context: whether the head also gets the pooled features of all frames, such
      as their class tokens.
    mean: over time, `before` RoIAlign or `after` the maximum of each frame.
  """

  num_boxes: int = 16
  sampler: str = 'release'
  context: bool = False
  mean: str = 'before'

  decoded = ()  # features depend on the size of frames, and are large
  inputs = ('video', 'boxes')

  @property
  def input_shapes(self) -> tuple[tuple[int, ...], ...]:
    """Shapes of one clip: `video`, and `boxes` x1, y1, x2, y2 in pixels."""
    return (*super().input_shapes, (self.num_boxes, 4))

  @property
  def map_side(self) -> int:
    """Patches along a side of a square frame, as the last block has them."""
    return find_map_side(self.image_model)

  @property
  def stride(self) -> int:
    """Pixels along a side of a patch of the last block."""
    return find_stride(self.image_model)

  @property
  def num_pooled(self) -> int:
    """How often the image model pools tokens for one clip."""
    return super().num_pooled if self.context else 0

  @property
  def readout_macs(self) -> dict[str, int]:
    """Multiply-accumulates of a clip after the final norm."""
    width = self.image_model.width
    steps = 1 if self.mean == 'before' or self.mean_first else self.num_steps
    return {
      'boxes': steps * self.num_boxes * count_cut_macs(self.image_model),
      'head': self.num_boxes * (1 + self.context) * width * self.num_classes,
    }

  def __call__(self, video_BxTxHxWxC, boxes_BxNx4):
    """Normalised pixels and boxes to logits `B x N x classes`, float32.

    Frames may have another shape than those the image model was made for, with
    sides that are multiples of its patch; its positions are resampled then.
    """
    return self.decode(self.features(video_BxTxHxWxC), boxes_BxNx4)

  def features(self, video_BxTxHxWxC):
    """Maps of patches `B x T x H x W x D`, and pooled features `B x T x D`."""
    high, wide = video_BxTxHxWxC.shape[-3:-1]
    pos = self.fit_positions(high, wide)
    x_BxTxLxD = self.encode(video_BxTxHxWxC, pos=pos)
    patches_BxTxPxD = self.backbone.read_patches(x_BxTxLxD)
    maps_BxTxHxWxD = patches_BxTxPxD.reshape(
      *patches_BxTxPxD.shape[:2], high // self.stride, wide // self.stride, -1
    )
    pooled_BxTxD = None
    if self.context or self.is_initializing():  # which makes its parameters
      pooled_BxTxD = self.backbone.pool(x_BxTxLxD)
    return maps_BxTxHxWxD, pooled_BxTxD if self.context else None

  def fit_positions(self, height: int, width: int):
    """The table of positions for other frames; None for those of the model."""
    cfg = self.image_model
    if (height, width) == cfg.image_shape[:2]:
      return None
    if reason := find_fixed_size(self.adapter):
      raise UserError(
        f'{self.adapter["name"]} takes frames of one size, because {reason}; '
        "set views.frame='squashed'."
      )
    patch = cfg.image_shape[0] // cfg.grid
    return self.backbone.fit_positions(height // patch, width // patch)

  def decode(self, features, boxes_BxNx4):
    """Features and boxes to logits `B x N x classes`, float32."""
    maps_BxTxHxWxD, pooled_BxTxD = features
    y_BxNxD = read_frames(
      maps_BxTxHxWxD, boxes_BxNx4, self.stride, self.sampler, self.mean
    )
    if self.context:
      context_BxD = pooled_BxTxD.astype(jnp.float32).mean(axis=1)
      y_BxNxD = add_context(y_BxNxD, context_BxD)
    train = self.has_rng('dropout')
    return self.head(self.drop(y_BxNxD, deterministic=not train))


def read_frames(maps_BxTxHxWxD, boxes_BxNx4, stride: int, sampler, mean):
  """The maximum of the cells of each box, averaged over time: `B x N x D`.

  Args:
    maps_BxTxHxWxD: patches of each frame.
    boxes_BxNx4: x1, y1, x2, y2 in pixels.
    stride: pixels along a side of a patch.
    sampler: one of `HEADS`.
    mean: over time, `before` RoIAlign or `after` the maximum of each frame.
  """
  maps_BxTxHxWxD = maps_BxTxHxWxD.astype(jnp.float32)
  if mean == 'before':
    maps_BxTxHxWxD = maps_BxTxHxWxD.mean(axis=1, keepdims=True)
  best_BxTxNxD = read_boxes(maps_BxTxHxWxD, boxes_BxNx4, stride, sampler)
  return best_BxTxNxD.mean(axis=1)


def read_boxes(
  maps_BxTxHxWxD, boxes_BxNx4, stride: int, sampler: str, limits_Nx4=None
):
  """The maximum of the cells of each box in each map: `B x T x N x D`, float32.

  `limits_Nx4` are those of `roi_align`; else as `read_frames`.
  """
  batch, steps = maps_BxTxHxWxD.shape[:2]
  cells = roi_align(
    maps_BxTxHxWxD.reshape(-1, *maps_BxTxHxWxD.shape[2:]),
    jnp.repeat(boxes_BxNx4, steps, axis=0),
    1 / stride,
    size=CELLS,
    limits_Nx4=limits_Nx4,
    **HEADS[sampler],
  )
  best = cells.max(axis=(2, 3))
  return best.reshape(batch, steps, *best.shape[1:])


def add_context(y_BxNxD, context_BxE):
  """Adds channels to each box that are the same for all boxes of a clip."""
  shape = (*y_BxNxD.shape[:2], context_BxE.shape[-1])
  context_BxNxE = jnp.broadcast_to(context_BxE[:, None], shape)
  return jnp.concatenate([y_BxNxD, context_BxNxE], axis=-1)


def find_map_side(cfg: ImageModel) -> int:
  """Finds the patches along a side of a square frame after the last block."""
  last = cfg.block(cfg.num_blocks - 1)
  return math.isqrt(last.num_tokens - last.num_prefix)


def find_stride(cfg: ImageModel) -> int:
  """Finds the pixels along a side of a patch of the last block."""
  return cfg.image_shape[0] // find_map_side(cfg)


def count_cut_macs(cfg: ImageModel) -> int:
  """Counts the multiply-accumulates that cut one box from one map."""
  side = find_map_side(cfg)
  return (CELLS * side * side + CELLS * CELLS * side) * cfg.width


def count_boxes(options: Mapping[str, Any] | None) -> int:
  """Counts the boxes of a clip by `model.detection`; 0 without it."""
  return options.get('boxes', Detector.num_boxes) if options else 0


def find_fixed_size(adapter: Mapping[str, Any] | None) -> str:
  """Why a method needs frames of the size that it is built for, or ''."""
  return METHODS[adapter['name']].fixed_size(adapter) if adapter else ''
