"""Where the tokens of a model lie, and which of them are the query."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from i2v_jax.adapters.dualpath import DualPath
from i2v_jax.models.classifier import Classifier
from i2v_jax.models.dualpath import DualPathClassifier
from i2v_jax.runtime.errors import UserError


class Layout(NamedTuple):
  """The frames and places of a model's inputs.

  Attributes:
    cfg: of the image model.
    high, wide: patches along the sides of a frame.
    steps: images or tubelets that the blocks see; of DualPath single frames.
    stride: frames of the clip from one step to the next.
    grid: rows and columns of a frameset; 1 x 1 where there are none.
  """

  cfg: object
  high: int
  wide: int
  steps: int
  stride: int
  grid: tuple[int, int] = (1, 1)

  @property
  def num_frames(self) -> int:
    """Frames of the clip."""
    return self.steps * self.stride

  def map_shape(self, block) -> tuple[int, int]:
    """Rows and columns of the tokens that a block sees, given its sizes."""
    scale = 2**block.stage
    return self.high // scale, self.wide // scale


def make_layout(model, clips) -> Layout:
  """The layout of a model, given the arrays that it takes."""
  cfg = find_image_config(model)
  patch = cfg.image_shape[0] // cfg.grid
  high, wide = (side // patch for side in clips[0].shape[-3:-1])
  frames = clips[0].shape[1] if clips[0].ndim == 5 else 1
  layout = Layout(cfg, high, wide, frames // cfg.tubelet, cfg.tubelet)
  if not isinstance(model, DualPathClassifier):
    return layout
  grid = find_grid(model)
  every = clips[1].shape[1] * grid[0] * grid[1] // frames
  return layout._replace(stride=every, grid=grid)


def find_image_config(model):
  """The config of a classifier's image model, or of an image model."""
  return model.image_model if isinstance(model, Classifier) else model.cfg


def find_grid(model: DualPathClassifier) -> tuple[int, int]:
  """Rows and columns of a model's framesets."""
  return tuple(model.adapter.get('grid', DualPath.grid))


class Query(NamedTuple):
  """Whose attention is shown: the mean of these tokens.

  Attributes:
    steps: which images or tubelets are shown, or None for all.
    rows: of the tokens of each.
  """

  steps: tuple[int, ...] | None
  rows: tuple[int, ...]


def find_query(layout: Layout, block, path: str, at, num_tokens: int) -> Query:
  """The query in one attention.

  Args:
    layout: of the model.
    block: sizes of the block.
    path: of DualPath, else ''.
    at: as `check_place` returns it.
    num_tokens: L, of the tokens that attend.
  """
  high, wide = layout.map_shape(block)
  first = num_tokens - high * wide
  if at is None:
    has_class = getattr(block, 'class_token', False)
    return Query(None, (0,) if has_class else (*range(first, num_tokens),))
  x, y, frame = at
  cells = [(0, 0)]
  grid, stride = (1, 1), layout.stride
  if path == 'framesets':
    grid, stride = layout.grid, layout.grid[0] * layout.grid[1]
    cells = [*np.ndindex(*grid)]
    cells = cells if frame is None else [cells[frame % stride]]
  inside = lambda cell, place, side, count: int(
    (cell + (place + 0.5) / side) * side / count
  )
  rows = [
    first + wide * inside(a, y, high, grid[0]) + inside(b, x, wide, grid[1])
    for a, b in cells
  ]
  return Query(None if frame is None else (frame // stride,), tuple(rows))


def check_place(at, layout: Layout, block) -> tuple | None:
  """Returns `at` as `(x, y, frame or None)`, or None.

  Raises:
    UserError: it is no patch or frame of the clip.
  """
  if at is None:
    return None
  high, wide = layout.map_shape(block)
  listed = isinstance(at, Sequence) and len(at) in (2, 3)
  place = (*at, None)[:3] if listed else ()
  limits = (wide, high, layout.num_frames)
  names = ('column', 'row', 'frame')
  if not place:
    raise UserError(
      f'at is {at!r}; give the column and row of a patch, and a frame or None.'
    )
  for name, value, limit in zip(names, place, limits, strict=True):
    if value is None and name == 'frame':
      continue
    if not isinstance(value, int | np.integer) or not 0 <= value < limit:
      raise UserError(
        f'The {name} of at is {value}; this block sees {wide} x {high} patches '
        f'of {layout.num_frames} frames, so give 0 to {limit - 1}.'
      )
  return tuple(place)


def check_block(index: int, cfg) -> int:
  """Counts a block from the first one.

  Raises:
    UserError: there is no such block.
  """
  count = cfg.num_blocks
  if not -count <= index < count:
    raise UserError(
      f'There is no block {index}; the image model has {count}: give 0 to '
      f'{count - 1}, or -1 for the last.'
    )
  return index % count


def cut_framesets(map_BxGxNxHxW: np.ndarray, grid) -> np.ndarray:
  """Maps of framesets as those of their frames: `B x G*K x N x h x w`.

  The weight of a patch that lies in several cells is divided by area, so that
  the sum over the frames of a frameset is that of its map.
  """
  batch, framesets, heads, *sides = map_BxGxNxHxW.shape
  x = map_BxGxNxHxW
  for axis, side, count in zip((3, 4), sides, grid, strict=True):
    pieces = np.lcm(side, count) // side
    x = np.repeat(x, pieces, axis) / np.float32(pieces)
  (rows, columns), (high, wide) = grid, x.shape[3:]
  shape = (rows, high // rows, columns, wide // columns)
  x = x.reshape(batch, framesets, heads, *shape).transpose(0, 1, 3, 5, 2, 4, 6)
  return x.reshape(batch, -1, heads, shape[1], shape[3])
