"""DualPath as a detector: boxes in single frames, and in every small frame."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from i2v_jax.models.detection import (
  add_context,
  count_cut_macs,
  find_map_side,
  find_stride,
  read_boxes,
  read_frames,
)
from i2v_jax.models.dualpath import (
  DualPathClassifier,
  average,
  count_head_macs,
  join,
)
from i2v_jax.runtime.errors import UserError


class DualPathDetector(DualPathClassifier):
  """DualPath as a classifier of boxes: logits `B x N x classes`, float32.

  A box is cut from the patches of single frames, as by `Detector`. In a
  frameset it is shrunk into every cell, cut there by RoIAlign, and the maxima
  are averaged over cells and framesets. CLIP's projection and the head follow,
  as for a clip. Source: our design. Parameters are those of
  `DualPathClassifier`.

  Attributes:
    num_boxes: N of `input_shapes`; any other number works as well.
    sampler: one of `detection.HEADS`, for single frames. Framesets are sampled
      as `aligned`: the half patch by which `release` is off is a seventh of a
      cell, if one has 3.5 patches.
    context: whether the head also gets what that of a clip gets.
    mean: of single frames over time, `before` RoIAlign or `after` the maximum
      of each frame; that of cells is always after it.
  """

  num_boxes: int = 16
  sampler: str = 'release'
  context: bool = False
  mean: str = 'before'

  inputs = ('video', 'grid', 'boxes')

  @property
  def input_shapes(self) -> tuple[tuple[int, ...], ...]:
    """Shapes of one clip: `video`, `grid`, and `boxes` x1, y1, x2, y2."""
    grid, side = self.paths(parent=None).grid, find_map_side(self.image_model)
    if max(grid) > side:
      raise UserError(
        f'model.adapter.grid is {tuple(grid)}, but the image model has {side} '
        f'x {side} patches, so a cell has less than one to cut boxes from; '
        'take fewer cells, or larger frames.'
      )
    return (*super().input_shapes, (self.num_boxes, 4))

  @property
  def head_inputs(self) -> int:
    """Channels that the head takes: of both paths, and of the context."""
    return super().head_inputs * (1 + self.context)

  @property
  def num_pooled(self) -> int:
    """How often the image model pools tokens for one clip."""
    return super().num_pooled if self.context else 0

  @property
  def readout_macs(self) -> dict[str, int]:
    """Multiply-accumulates of a clip after the final norm."""
    (frames, *_), (framesets, *_), _ = self.input_shapes
    maps = 1 if self.mean == 'before' else frames
    maps += framesets * math.prod(self.paths(parent=None).grid)
    projected = 2 * self.num_boxes + self.num_pooled
    return {
      'boxes': maps * self.num_boxes * count_cut_macs(self.image_model),
      'projection': projected * self.image_model.width * self.projection,
      'head': self.num_boxes * count_head_macs(self),
    }

  def __call__(self, video_BxTxHxWxC, grid_BxGxHxWxC, boxes_BxNx4):
    """Normalised frames and framesets, and boxes, to logits of each box."""
    features = self.features(video_BxTxHxWxC, grid_BxGxHxWxC)
    return self.decode(features, boxes_BxNx4)

  def features(self, video_BxTxHxWxC, grid_BxGxHxWxC):
    """Maps of both paths `B x T x H x W x D`, and the context `B x 2E`."""
    x_BxTxLxD, z_BxGxLxD = self.encode(video_BxTxHxWxC, grid_BxGxHxWxC)
    maps = self.make_maps(x_BxTxLxD), self.make_maps(z_BxGxLxD)
    if self.is_initializing():  # which makes its parameters
      self.backbone.pool(x_BxTxLxD)
    if not self.context:
      return *maps, None
    return *maps, average(self.read(x_BxTxLxD), self.read(z_BxGxLxD))

  def make_maps(self, x_BxTxLxD):
    """Patches after the final norm, in rows and columns."""
    patches_BxTxPxD = self.backbone.read_patches(x_BxTxLxD)
    side = find_map_side(self.image_model)
    return patches_BxTxPxD.reshape(*x_BxTxLxD.shape[:2], side, side, -1)

  def decode(self, features, boxes_BxNx4):
    """Features and boxes to logits `B x N x classes`, float32."""
    frames_BxTxHxWxD, framesets_BxGxHxWxD, context_BxE = features
    stride, grid = find_stride(self.image_model), self.adapters.grid
    spatial_BxNxD = read_frames(
      frames_BxTxHxWxD, boxes_BxNx4, stride, self.sampler, self.mean
    )
    temporal_BxNxD = read_cells(framesets_BxGxHxWxD, boxes_BxNx4, stride, grid)
    y_BxNxE = join(*map(self.project_boxes, (spatial_BxNxD, temporal_BxNxD)))
    if self.context:
      y_BxNxE = add_context(y_BxNxE, context_BxE)
    return self.head(y_BxNxE)

  def project_boxes(self, y_BxNxD):
    return self.apply_projection(y_BxNxD).astype(jnp.float32)


def read_cells(maps_BxGxHxWxD, boxes_BxNx4, stride: int, grid: Sequence[int]):
  """The maximum of each box in every cell, averaged: `B x N x D`, float32.

  Args:
    maps_BxGxHxWxD: patches of framesets.
    boxes_BxNx4: x1, y1, x2, y2 in pixels of a single frame.
    stride: pixels along a side of a patch.
    grid: rows and columns of a frameset.
  """
  batch, count, _ = boxes_BxNx4.shape
  high, wide = maps_BxGxHxWxD.shape[2:4]
  boxes_BxKxNx4 = shrink(boxes_BxNx4, grid, high * stride, wide * stride)
  limits_Kx4 = find_limits(grid, high, wide)
  limits_KxNx4 = jnp.broadcast_to(limits_Kx4[:, None], boxes_BxKxNx4.shape[1:])
  best_BxGxKNxD = read_boxes(
    maps_BxGxHxWxD,
    boxes_BxKxNx4.reshape(batch, -1, 4),
    stride,
    'aligned',
    limits_KxNx4.reshape(-1, 4),
  )
  best = best_BxGxKNxD.reshape(batch, -1, count, best_BxGxKNxD.shape[-1])
  return best.mean(axis=1)


def shrink(boxes_BxNx4, grid: Sequence[int], height: int, width: int):
  """Shrinks boxes of a frame into every cell of a frameset: `B x K x N x 4`.

  Cells are in the order of the frames, row by row; see `grid.make_framesets`.
  """
  rows, columns = grid
  down, right = np.mgrid[:rows, :columns].reshape(2, -1)
  x, y = right * width / columns, down * height / rows
  corners_Kx4 = np.stack([x, y, x, y], axis=-1).astype(np.float32)
  cells_4 = np.array([columns, rows, columns, rows], np.float32)
  boxes_BxNx4 = boxes_BxNx4 / cells_4[None, None]
  return boxes_BxNx4[:, None] + corners_Kx4[None, :, None]


def find_limits(grid: Sequence[int], high: int, wide: int) -> np.ndarray:
  """Finds the patches whose centre is in each cell: `K x 4` of `roi_align`.

  A patch half in one cell and half in the next belongs to both.
  """
  down, right = np.mgrid[: grid[0], : grid[1]].reshape(2, -1)
  (top, bottom), (left, last) = (
    _find_inside(place, count, side)
    for place, count, side in zip(
      (down, right), grid, (high, wide), strict=True
    )
  )
  return np.stack([left, top, last, bottom], axis=-1).astype(np.float32)


def _find_inside(cell_K, count: int, side: int):
  """First and last of `side` patches with their centre in one of the cells."""
  # In halves of a patch, of which a cell has 2 * side / count: all integers.
  first_K = -((count - 2 * side * cell_K) // (2 * count))
  last_K = (2 * side * (cell_K + 1) - count) // (2 * count)
  return first_K, last_K
