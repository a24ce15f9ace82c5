"""Boxes in frames: float32 [n, 4], x1, y1, x2, y2 in pixels.

Boxes have edges: one over a complete frame of W x H is 0, 0, W, H. Published
code for AVA names the last pixel instead, x2 - 1 and y2 - 1, so that a width is
x2 - x1 + 1; `to_inclusive` makes such boxes, on which `jitter` and `extend`
act. Every function returns new boxes.
"""

from collections.abc import Sequence

import numpy as np


def from_shares(shares: np.ndarray, height: int, width: int) -> np.ndarray:
  """Makes boxes in pixels of shares of a frame, clipped to that frame."""
  scale = np.float32([width, height, width, height])
  boxes = np.asarray(shares, np.float32).reshape(-1, 4) * scale
  return clip(boxes, height, width)


def resize(
  boxes: np.ndarray, before: Sequence[int], after: Sequence[int]
) -> np.ndarray:
  """Resizes boxes as frames of `before` (height, width) become `after`."""
  y, x = np.divide(after, before)
  return (boxes * np.float32([x, y, x, y])).astype(np.float32)


def crop(
  boxes: np.ndarray, top: int, left: int, height: int, width: int
) -> np.ndarray:
  """Cuts boxes at a window; those outside it shrink to a line or a point."""
  moved = boxes - np.float32([left, top, left, top])
  return clip(moved, height, width)


def clip(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
  """Clips boxes to a frame."""
  return np.clip(boxes, 0, np.float32([width, height, width, height]))


def flip(boxes: np.ndarray, width: int) -> np.ndarray:
  """Mirrors boxes left to right in frames of that width."""
  x1, y1, x2, y2 = boxes.T
  return np.stack([width - x2, y1, width - x1, y2], axis=1)


def find_visible(boxes: np.ndarray) -> np.ndarray:
  """Finds boxes of more than a pixel in width and height: bool [n].

  As `remove_empty` of VideoMAE-Action-Detection keeps them, whose rule is
  x2 > x1 and y2 > y1 of the last pixels.
  """
  return ((boxes[:, 2:] - boxes[:, :2]) > 1).all(axis=1)


def to_inclusive(boxes: np.ndarray) -> np.ndarray:
  """Makes boxes that name their last pixels."""
  return boxes - np.float32([0, 0, 1, 1])


def jitter(
  boxes: np.ndarray,
  rng: np.random.Generator,
  shares: Sequence[float],
  height: int,
  width: int,
) -> np.ndarray:
  """Moves each side of each inclusive box at random.

  As `random_aug` of VideoMAE-Action-Detection: each side is drawn on its own,
  and a box has at least two pixels in each direction afterwards.

  Args:
    boxes: inclusive.
    rng: source of four numbers for each box.
    shares: `(x_out, x_in, y_out, y_in)`, how far sides move outwards and
      inwards at most, in shares of the width and height.
    height: of the frame, pixels.
    width: of the frame, pixels.

  Returns:
    Inclusive boxes, within the frame.
  """
  x_out, x_in, y_out, y_in = shares
  low = np.float32([-x_out, -y_out, -x_in, -y_in])
  high = np.float32([x_in, y_in, x_out, y_out])
  sizes = np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)
  moved = boxes + sizes * rng.uniform(low, high, boxes.shape)
  last = np.array([width - 1, height - 1])
  first = np.clip(moved[:, :2], 0, last - 1)
  stop = np.maximum(np.minimum(moved[:, 2:], last), first + 1)
  return np.concatenate([first, stop], axis=1).astype(np.float32)


def extend(
  boxes: np.ndarray, shares: Sequence[float], height: int, width: int
) -> np.ndarray:
  """Extends inclusive boxes by shares of their width and height in total.

  Args:
    boxes: inclusive.
    shares: along x and y; half of each is added at either side.
    height: of the frame, pixels.
    width: of the frame, pixels.

  Returns:
    Inclusive boxes, within the frame.
  """
  sizes = boxes[:, 2:] - boxes[:, :2] + 1
  more = sizes * np.float32(shares) / 2
  grown = boxes + np.concatenate([-more, more], axis=1)
  return clip(grown.astype(np.float32), height - 1, width - 1)


def choose(count: int, most: int, rng: np.random.Generator) -> np.ndarray:
  """Chooses at most so many of `count` boxes at random, in their order."""
  if count <= most:
    return np.arange(count)
  return np.sort(rng.choice(count, most, replace=False))


def pad(
  boxes: np.ndarray, labels: np.ndarray, count: int
) -> dict[str, np.ndarray]:
  """Pads inclusive boxes and their labels to `count` boxes, with zeros.

  Args:
    boxes: float32 [n, 4], n at most `count`.
    labels: bool [n, classes].
    count: N.

  Returns:
    `boxes` float32 [N, 4], `box_labels` uint8 [N, classes], and `box_mask`
    float32 [N], which is 1 for the n boxes.
  """
  found = {
    'boxes': np.zeros((count, 4), np.float32),
    'box_labels': np.zeros((count, labels.shape[1]), np.uint8),
    'box_mask': np.zeros(count, np.float32),
  }
  real = slice(len(boxes))
  found['boxes'][real], found['box_labels'][real] = boxes, labels
  found['box_mask'][real] = 1
  return found
