"""Resizes uint8 [T, H, W, 3] frames."""

import cv2
import numpy as np

from i2v_jax.runtime.errors import UserError

LARGEST = 2**24  # pixels of an enlarged frame: 4096 x 4096


def check_frames(frames: np.ndarray) -> None:
  """Raises UserError unless `frames` is uint8 [T, H, W, 3]."""
  if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
    raise UserError(
      'frames must be uint8 [T, H, W, 3], but are '
      f'{frames.dtype} {list(frames.shape)}; pass them as decoded.'
    )


def resize(frames: np.ndarray, height: int, width: int) -> np.ndarray:
  """Resizes to uint8 [T, height, width, 3], bilinear without antialiasing.

  As mmaction2's Resize (cv2.INTER_LINEAR). Returns `frames` itself if the
  size is right already. Raises UserError for a side below 1 pixel.
  """
  check_frames(frames)
  if height < 1 or width < 1:
    raise UserError(
      f'cannot resize to {height} x {width}; ask for at least 1 x 1 pixel.'
    )
  if frames.shape[1:3] == (height, width):
    return frames
  out = np.empty((len(frames), height, width, 3), np.uint8)
  for source, target in zip(frames, out, strict=True):
    cv2.resize(source, (width, height), target, interpolation=cv2.INTER_LINEAR)
  return out


def resize_short_side(frames: np.ndarray, size: int) -> np.ndarray:
  """Resizes so that the short side has `size` pixels, keeping the aspect.

  The long side is rounded half up, as in mmaction2's Resize with keep_ratio.
  Raises UserError if frames would become too large; see `compute_size`.
  """
  check_frames(frames)
  return resize(frames, *compute_size(*frames.shape[1:3], size))


def compute_size(height: int, width: int, size: int) -> tuple[int, int]:
  """Computes (height, width) of frames resized to a short side of `size`.

  Raises UserError if that is more than `LARGEST` pixels per frame and more than
  the frame has: narrow ribbons would take gigabytes.
  """
  scale = size / min(height, width)
  sides = int(height * scale + 0.5), int(width * scale + 0.5)
  if sides[0] * sides[1] > max(LARGEST, height * width):
    raise UserError(
      f'frames of {width} x {height} pixels would become {sides[1]} x '
      f'{sides[0]} with a short side of {size}; crop the video, or drop it'
    )
  return sides
