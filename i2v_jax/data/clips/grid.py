"""Tiles consecutive frames into one image, for an image model."""

import cv2
import numpy as np

from i2v_jax.runtime.errors import UserError


def make_framesets(
  frames: np.ndarray, rows: int, columns: int, antialias: bool = False
) -> np.ndarray:
  """Tiles every rows * columns consecutive frames, scaled down, into an image.

  Frameset g shows frame rows * columns * g + columns * a + b in row a, column b
  of its cells. Every frame is resized separately, so none leaks into the next
  cell. DualPath's grid-like framesets (arXiv 2303.09857), in the order of its
  release, which tiles first; without antialiasing the result is the same.

  Args:
    frames: uint8 or float32 [T, H, W, 3], in any unit.
    rows: cells of a frameset from top to bottom.
    columns: cells of a frameset from left to right.
    antialias: average all pixels that become one, instead of interpolating
      bilinearly at its centre (cv2.INTER_LINEAR, half-pixel centres: at a
      quarter of the size the mean of the central 2 x 2 pixels).

  Returns:
    [T / (rows * columns), H, W, 3] in the type of `frames`.

  Raises:
    UserError: frames have another type or layout, or T, H, W do not divide.
  """
  if frames.dtype not in (np.uint8, np.float32) or frames.shape[3:] != (3,):
    raise UserError(
      'frames must be uint8 or float32 [T, H, W, 3], but are '
      f'{frames.dtype} {list(frames.shape)}; pass them as decoded or scaled.'
    )
  num_frames, height, width, _ = frames.shape
  check(num_frames, height, width, rows, columns)
  h, w = height // rows, width // columns
  shape = (num_frames // (rows * columns), height, width, 3)
  out = np.empty(shape, frames.dtype)
  cells = out.reshape(len(out), rows, h, columns, w, 3).swapaxes(2, 3)
  scheme = cv2.INTER_AREA if antialias else cv2.INTER_LINEAR
  places = np.ndindex(cells.shape[:3])
  for frame, place in zip(frames, places, strict=True):
    cv2.resize(frame, (w, h), cells[place], interpolation=scheme)
  return out


def check(
  num_frames: int, height: int, width: int, rows: int, columns: int
) -> None:
  """Raises UserError unless the frames divide evenly into grids."""
  if rows < 1 or columns < 1:
    raise UserError(
      f'a grid of {rows} x {columns} has no cells; take at least 1 x 1.'
    )
  if num_frames % (rows * columns):
    raise UserError(
      f'{num_frames} frames do not fill grids of {rows} x {columns}; take a '
      f'multiple of {rows * columns} frames.'
    )
  if height % rows or width % columns:
    raise UserError(
      f'frames of {height} x {width} pixels do not divide into {rows} x '
      f'{columns} cells; make the height a multiple of {rows} and the width '
      f'one of {columns}.'
    )
