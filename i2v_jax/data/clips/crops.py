"""Crops and erases parts of uint8 [T, H, W, 3] clips.

Every transform takes a clip and returns one of the same layout; random ones
draw once per clip. Crops are views of their input.
"""

from typing import NamedTuple

import numpy as np

from i2v_jax.data.videos.resize import check_frames, compute_size, resize
from i2v_jax.runtime.errors import UserError, check_choice


class Window(NamedTuple):
  """A random crop: what is cut from frames after they were resized.

  Attributes:
    resized: height and width of the resized frames, in pixels.
    top: first row of the crop.
    left: first column of the crop.
    height: rows of the crop.
    width: columns of the crop.
  """

  resized: tuple[int, int]
  top: int
  left: int
  height: int
  width: int


def cut(frames: np.ndarray, window: Window, size: int) -> np.ndarray:
  """Cuts a window from all frames and resizes it to size x size pixels."""
  frames = resize(frames, *window.resized)
  rows = slice(window.top, window.top + window.height)
  columns = slice(window.left, window.left + window.width)
  return resize(frames[:, rows, columns], size, size)


def draw_crop_box(
  height: int,
  width: int,
  rng: np.random.Generator,
  area: tuple[float, float] = (0.08, 1.0),
  aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> tuple[int, int, int, int]:
  """Draws (top, left, height, width) in pixels of a random crop.

  As mmaction2's RandomResizedCrop: the first of ten draws that fits into the
  frame, else the centred square (torchvision falls back to another box).

  `area` is the range of the crop's share of the frame, drawn uniformly, and
  `aspect` that of its width / height, drawn log-uniformly.
  """
  ratios = np.exp(rng.uniform(*np.log(aspect), 10))
  areas = rng.uniform(*area, 10) * height * width
  hs = np.round(np.sqrt(areas / ratios)).astype(int)
  ws = np.round(np.sqrt(areas * ratios)).astype(int)
  fits = np.flatnonzero((hs <= height) & (ws <= width) & (hs > 0) & (ws > 0))
  if not len(fits):
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side
  h, w = int(hs[fits[0]]), int(ws[fits[0]])
  left = int(rng.integers(width - w, endpoint=True))
  top = int(rng.integers(height - h, endpoint=True))
  return top, left, h, w


def random_resized_crop(
  frames: np.ndarray,
  size: int,
  rng: np.random.Generator,
  area: tuple[float, float] = (0.08, 1.0),
  aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> np.ndarray:
  """Cuts one random box from all frames and resizes it to size x size pixels.

  `draw_crop_box` draws the box.
  """
  check_frames(frames)
  sides = frames.shape[1:3]
  window = Window(sides, *draw_crop_box(*sides, rng, area, aspect))
  return cut(frames, window, size)


def random_scale_crop(
  frames: np.ndarray,
  size: int,
  rng: np.random.Generator,
  scale: tuple[float, float] = (1.0, 1.15),
) -> np.ndarray:
  """Resizes the short side to `size` times a random scale, crops at random.

  As ST-Adapter on Kinetics; the crop is size x size pixels, a view.
  """
  check_frames(frames)
  window = draw_scale_window(*frames.shape[1:3], size, rng, scale)
  return cut(frames, window, size)


def draw_scale_window(
  height: int,
  width: int,
  size: int,
  rng: np.random.Generator,
  scale: tuple[float, float],
) -> Window:
  """Draws the window of `random_scale_crop` in frames of that size."""
  resized = compute_size(height, width, round(size * rng.uniform(*scale)))
  top = int(rng.integers(resized[0] - size, endpoint=True))
  left = int(rng.integers(resized[1] - size, endpoint=True))
  return Window(resized, top, left, size, size)


def center_crop(frames: np.ndarray, size: int) -> np.ndarray:
  """Cuts the central size x size pixels: a view.

  Odd margins are one pixel wider at the bottom and right, as in mmaction2's
  CenterCrop. Raises UserError if a side is shorter than `size`.
  """
  check_frames(frames)
  height, width = frames.shape[1:3]
  if min(height, width) < size:
    raise UserError(
      f'cannot crop {size} pixels from frames of {height} x {width}; '
      'resize their short side first.'
    )
  return _crop_square(frames, (height - size) // 2, (width - size) // 2, size)


def three_crop(frames: np.ndarray, size: int) -> list[np.ndarray]:
  """Cuts three squares along the long side: views, left, right, middle.

  Tall frames give top, bottom, middle. As mmaction2's ThreeCrop: if the long
  side exceeds `size` by an odd number, the second square ends one pixel short
  of the edge. Raises UserError if the short side is not `size`.
  """
  step = _measure_room(frames, size) // 2
  return _crop_along(frames, [0, 2 * step, step], size)


def release_crops(
  frames: np.ndarray, size: int, count: int
) -> list[np.ndarray]:
  """Cuts squares along the long side as DualPath's release does: views.

  Crop k of `count` starts at int(k * (L - size) / count) of a long side of L
  pixels: one crop is the left or top one, and the last never reaches the edge.
  Raises UserError if the short side is not `size`.
  """
  room = _measure_room(frames, size)
  return _crop_along(frames, [k * room // count for k in range(count)], size)


def random_erasing(
  frames: np.ndarray,
  rng: np.random.Generator,
  probability: float = 0.25,
  mode: str = 'const',
) -> np.ndarray:
  """Covers one rectangle, the same in all frames, as mmaction2's RandomErasing.

  Its area is uniform in 2 % to a third of the frame, its height / width
  log-uniform in 0.3 to 1 / 0.3.

  Args:
    frames: uint8 [T, H, W, 3].
    rng: source of all draws.
    probability: of erasing.
    mode: 'const' fills with grey 128, 'rand' with new noise in every frame.

  Returns:
    A copy with the rectangle, or `frames` itself.

  Raises:
    UserError: `mode` is unknown.
  """
  check_frames(frames)
  check_choice("random_erasing's mode", mode, ('const', 'rand'))
  if rng.random() >= probability:
    return frames
  top, left, h, w = _draw_erase_box(*frames.shape[1:3], rng)
  cover = 128
  if mode == 'rand':
    cover = rng.integers(0, 256, (len(frames), h, w, 3), np.uint8)
  out = frames.copy()
  out[:, top : top + h, left : left + w] = cover
  return out


def _measure_room(frames: np.ndarray, size: int) -> int:
  """Measures by how many pixels the long side exceeds `size`."""
  check_frames(frames)
  height, width = frames.shape[1:3]
  if min(height, width) != size:
    raise UserError(
      f'crops of {size} pixels along the long side need a short side of {size},'
      f' but frames are {height} x {width}; resize their short side first.'
    )
  return max(height, width) - size


def _crop_along(
  frames: np.ndarray, starts: list, size: int
) -> list[np.ndarray]:
  """Cuts squares that start at the given pixels of the long side."""
  tall = frames.shape[1] > frames.shape[2]
  corners = [(start, 0) if tall else (0, start) for start in starts]
  return [_crop_square(frames, *corner, size) for corner in corners]


def _crop_square(
  frames: np.ndarray, top: int, left: int, size: int
) -> np.ndarray:
  return frames[:, top : top + size, left : left + size]


def _draw_erase_box(
  height: int, width: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
  """Draws (top, left, height, width) of the rectangle to erase."""
  ratio = np.exp(rng.uniform(np.log(0.3), np.log(1 / 0.3)))
  area = height * width * rng.uniform(0.02, 1 / 3)
  h = min(round(np.sqrt(area * ratio)), height)
  w = min(round(np.sqrt(area / ratio)), width)
  # The release never draws the last position, hence no endpoint.
  top = int(rng.integers(max(height - h, 1)))
  left = int(rng.integers(max(width - w, 1)))
  return top, left, h, w
