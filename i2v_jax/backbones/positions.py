"""Resamples position tables to another number of patches."""

import cv2
import numpy as np

from i2v_jax.runtime.errors import UserError


def bicubic(side: int, grid: int) -> np.ndarray:
  """`grid x side`: torch's kernel (a = -0.75), borders repeated."""
  return _make_matrix(side, grid, cv2.INTER_CUBIC)


def bilinear(side: int, grid: int) -> np.ndarray:
  """`grid x side`, without antialiasing."""
  return _make_matrix(side, grid, cv2.INTER_LINEAR)


def antialiased(side: int, grid: int) -> np.ndarray:
  """`grid x side`: torch's bicubic kernel with antialias=True.

  Its a is -0.5, also where it enlarges; positions outside have no weight.
  """
  scale = side / grid
  centres = (np.arange(grid) + 0.5) * scale - 0.5
  x = np.abs(np.arange(side) - centres[:, None]) / max(scale, 1)
  near, far = (1.5 * x - 2.5) * x * x + 1, ((2.5 - 0.5 * x) * x - 4) * x + 2
  kernel = np.where(x < 1, near, np.where(x < 2, far, 0))
  return (kernel / kernel.sum(1, keepdims=True)).astype(np.float32)


KINDS = {f.__name__: f for f in (bicubic, bilinear, antialiased)}


def _make_matrix(side: int, grid: int, interpolation: int) -> np.ndarray:
  # The kernel is separable: resizing unit vectors gives its matrix.
  units = np.eye(side, dtype=np.float32)
  return cv2.resize(units, (side, grid), interpolation=interpolation)


def resample_positions(
  pos_LxD, grid: int, first: int = 1, kind: str = 'bicubic'
) -> np.ndarray:
  """Resamples a position table to `grid x grid` patches.

  Args:
    pos_LxD: table; L - first must be a square.
    grid: patches along a side of the new image.
    first: rows before the patches: 1 for a class token.
    kind: one of `KINDS`, as used by the library that wrote the weights.

  Returns:
    float32 `[first + grid**2, D]`; the class token's row is kept as it is.
  """
  pos_LxD = np.asarray(pos_LxD, np.float32)
  cls, patches = pos_LxD[:first], pos_LxD[first:]
  side = round(len(patches) ** 0.5)
  if side**2 != len(patches):
    tokens = 'a class token and ' if first else ''
    raise UserError(
      f'A position table of {len(pos_LxD)} rows is not {tokens}a square of '
      'patches.'
    )
  if side == grid:
    return pos_LxD
  rows = KINDS[kind](side, grid)
  square = patches.reshape(side, side, -1)
  resized = np.einsum('ya,xb,abd->yxd', rows, rows, square, optimize=True)
  return np.concatenate([cls, resized.reshape(grid**2, -1)])
