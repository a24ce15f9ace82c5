"""Draws a map of attention on a frame."""

import cv2
import numpy as np

from i2v_jax.data.show import sheet
from i2v_jax.deploy.attention.rows import Cell

_PALETTE = cv2.COLORMAP_INFERNO  # from black to white, for grey prints too
_SCALE = 7, 120  # pixels of a scale
_FRAME = 0.25  # share of the frame in a drawn map, the rest is the colour


def draw_map(frame: np.ndarray, cell: Cell, most: float) -> np.ndarray:
  """Draws a map on a frame: bright where the attention is, dark elsewhere.

  The frame becomes grey and dim below the colours, so that attention can be
  told from what is bright in the frame, in grey prints too.

  Args:
    frame: uint8 RGB [H, W, 3], in the size of the picture.
    cell: what is drawn.
    most: attention that is drawn brightest.
  """
  if cell.weights is None:
    return frame
  size = frame.shape[1], frame.shape[0]
  share = np.asarray(cell.weights, np.float32) / (most or 1.0)
  # Cubic interpolation would make dark rings around what is bright.
  share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
  colours = _paint(share)
  grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
  mixed = _FRAME * grey[..., None] + (1 - _FRAME) * colours
  return mixed.round().astype(np.uint8)


def draw_scale(even: float) -> np.ndarray:
  """Draws the colours from none to the brightest, with a mark at a share."""
  high, wide = _SCALE
  share = np.linspace(0, 1, wide, dtype=np.float32)
  bar = _paint(np.broadcast_to(share, _SCALE))
  scale = sheet.pad(bar, border=4)
  left = 4 + round(even * (wide - 1))
  scale[1 : high + 7, left - 1 : left + 1] = sheet.BRIGHT
  return scale[:, 4:]


def _paint(share: np.ndarray) -> np.ndarray:
  """Colours of shares of the brightest, 0 to 1: uint8 RGB [H, W, 3]."""
  levels = (share * 255).round().astype(np.uint8)
  return np.ascontiguousarray(cv2.applyColorMap(levels, _PALETTE)[..., ::-1])


def draw_square(
  picture: np.ndarray, at: tuple[int, int, int], grid: tuple[int, int]
) -> None:
  """Outlines the query patch.

  Args:
    picture: uint8 RGB, changed in place.
    at: its column, row and frame.
    grid: rows and columns of patches.
  """
  high, wide = picture.shape[0] / grid[0], picture.shape[1] / grid[1]
  first = round(at[0] * wide), round(at[1] * high)
  last = round((at[0] + 1) * wide) - 1, round((at[1] + 1) * high) - 1
  cv2.rectangle(picture, first, last, sheet.BACKGROUND, 3)
  cv2.rectangle(picture, first, last, sheet.BRIGHT, 1)
