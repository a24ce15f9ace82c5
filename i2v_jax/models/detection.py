"""Action detection: classifies boxes, from the tokens inside them."""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from i2v_jax.adapters import METHODS
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
    last = self.image_model.block(self.image_model.num_blocks - 1)
    return math.isqrt(last.num_tokens - last.num_prefix)

  @property
  def stride(self) -> int:
    """Pixels along a side of a patch of the last block."""
    return self.image_model.image_shape[0] // self.map_side

  @property
  def num_pooled(self) -> int:
    """How often the image model pools tokens for one clip."""
    return super().num_pooled if self.context else 0

  @property
  def readout_macs(self) -> dict[str, int]:
    """Multiply-accumulates of a clip after the final norm."""
    width, side = self.image_model.width, self.map_side
    steps = 1 if self.mean == 'before' or self.mean_first else self.num_steps
    cells = CELLS * side * side + CELLS * CELLS * side
    return {
      'boxes': steps * self.num_boxes * cells * width,
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
    y_BxNxD = self.read_boxes(maps_BxTxHxWxD, boxes_BxNx4)
    if self.context:
      context_BxD = pooled_BxTxD.astype(jnp.float32).mean(axis=1)
      context_BxNxD = jnp.broadcast_to(context_BxD[:, None], y_BxNxD.shape)
      y_BxNxD = jnp.concatenate([y_BxNxD, context_BxNxD], axis=-1)
    train = self.has_rng('dropout')
    return self.head(self.drop(y_BxNxD, deterministic=not train))

  def read_boxes(self, maps_BxTxHxWxD, boxes_BxNx4):
    """The maximum of the cells of each box, `B x N x D`, float32."""
    maps = maps_BxTxHxWxD.astype(jnp.float32)
    if self.mean == 'before':
      maps = maps.mean(axis=1, keepdims=True)
    batch, steps = maps.shape[:2]
    boxes = jnp.repeat(boxes_BxNx4, steps, axis=0)
    cells = roi_align(
      maps.reshape(-1, *maps.shape[2:]),
      boxes,
      1 / self.stride,
      size=CELLS,
      **HEADS[self.sampler],
    )
    best = cells.max(axis=(2, 3))
    return best.reshape(batch, steps, *best.shape[1:]).mean(axis=1)


def count_boxes(options: Mapping[str, Any] | None) -> int:
  """Counts the boxes of a clip by `model.detection`; 0 without it."""
  return options.get('boxes', Detector.num_boxes) if options else 0


def find_fixed_size(adapter: Mapping[str, Any] | None) -> str:
  """Why a method needs frames of the size that it is built for, or ''."""
  return METHODS[adapter['name']].fixed_size(adapter) if adapter else ''
