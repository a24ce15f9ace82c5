"""Position tables for another number of patches."""

import cv2
import numpy as np


def resample_positions(pos_LxD, grid: int, first: int = 1) -> np.ndarray:
  """Resamples a position table to `grid x grid` patches, bicubically.

  With torch's kernel (a = -0.75, no antialiasing), as the published models do.

  Args:
    pos_LxD: table; L - first must be a square.
    grid: patches along a side of the new image.
    first: rows of the result in front of the patches: 1 for a class token.

  Returns:
    float32 `[first + grid**2, D]`; the class token's row is kept as it is.
  """
  pos_LxD = np.asarray(pos_LxD, np.float32)
  cls, patches = pos_LxD[:first], pos_LxD[first:]
  side = round(len(patches) ** 0.5)
  if side**2 != len(patches):
    tokens = 'a class token and ' if first else ''
    raise ValueError(
      f'A position table of {len(pos_LxD)} rows is not {tokens}a square of '
      'patches.'
    )
  if side == grid:
    return pos_LxD
  # The kernel is separable: what it makes of unit vectors is its matrix.
  units = np.eye(side, dtype=np.float32)
  rows = cv2.resize(units, (side, grid), interpolation=cv2.INTER_CUBIC)
  square = patches.reshape(side, side, -1)
  resized = np.einsum('ya,xb,abd->yxd', rows, rows, square, optimize=True)
  return np.concatenate([cls, resized.reshape(grid**2, -1)])
