"""Colour augmentation of uint8 RGB clips [T, H, W, 3]: lighting and jitter.

Each function draws once per clip and returns a clip of the same layout.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from i2v_jax.data.videos.resize import check_frames

# ImageNet's principal components of RGB in 0..255 (columns) and their weights.
_COLOURS = np.array(
  [
    [-0.5675, 0.7192, 0.4009],
    [-0.5808, -0.0045, -0.8140],
    [-0.5836, -0.6948, 0.4203],
  ]
) * [55.46, 4.794, 1.148]
_GREY = np.array([0.299, 0.587, 0.114])  # OpenCV's, as mmaction2 uses them.
_HUES = 180  # OpenCV's hue of uint8 images, 2 degrees each.


def add_lighting_noise(
  frames: np.ndarray, rng: np.random.Generator, std: float = 0.1
) -> np.ndarray:
  """Adds one random colour to all pixels of RGB frames: AlexNet's PCA noise.

  As AIM's ColorJitter by default, except that values are rounded and clipped to
  0..255. `std` is the standard deviation of the three components' amplitudes.
  """
  check_frames(frames)
  colour = _COLOURS @ rng.normal(0, std, 3)
  levels = np.clip(np.rint(np.arange(256)[:, None] + colour), 0, 255)
  tall = np.ascontiguousarray(frames).reshape(-1, *frames.shape[2:])
  return cv2.LUT(tall, levels.astype(np.uint8)[None]).reshape(frames.shape)


def jitter(
  frames: np.ndarray,
  rng: np.random.Generator,
  strength: Sequence[float] = (0.5, 0.5, 0.5, 0.1),
) -> np.ndarray:
  """Changes brightness, contrast, saturation and hue: mmaction2's ColorJitter.

  The factors of the first three are uniform in 1 - s to 1 + s, the turn of the
  hue in -s to s, where OpenCV's hue moves by int(255 turn) of its 180 steps.
  The four act in random order, drawn for every clip; mmaction2 draws it once
  per process.

  Args:
    frames: uint8 [T, H, W, 3], RGB.
    rng: source of all draws.
    strength: s of brightness, contrast, saturation and hue; 0 leaves one alone.

  Returns:
    uint8 [T, H, W, 3], never a view of `frames`.
  """
  check_frames(frames)
  *factors, turn = rng.uniform(-1.0, 1.0, 4) * strength
  factors = [1 + factor for factor in factors]
  return adjust(frames, *factors, turn, order=rng.permutation(4))


def adjust(
  frames: np.ndarray,
  brightness: float,
  contrast: float,
  saturation: float,
  hue: float,
  order: Sequence[int] = (0, 1, 2, 3),
) -> np.ndarray:
  """Applies the values drawn by `jitter`.

  Brightness blends with black, contrast with the mean grey of each frame,
  saturation with each pixel's grey: f x + (1 - f) other. Values are clipped to
  0..255 and rounded, where mmaction2 truncates, only before the hue turns and
  at the end.

  Args:
    frames: uint8 [T, H, W, 3], RGB.
    brightness: factor f.
    contrast: factor f.
    saturation: factor f.
    hue: share of 255 by which OpenCV's hue, of 180 steps, turns.
    order: order of the four, by their places above.
  """
  factors, place = (brightness, contrast, saturation), list(order).index(3)
  frames = _blend(frames, factors, order[:place])
  if steps := int(hue * 255) % _HUES:
    frames = _turn_hue(frames, steps)
  return _blend(frames, factors, order[place + 1 :])


def jitter_hsv(
  frames: np.ndarray, rng: np.random.Generator, limits: Sequence[int]
) -> np.ndarray:
  """Adds one number each to hue, saturation and value of all pixels.

  As VideoMAE-Action-Detection, with limits (10, 26, 26): integers, uniform in
  -x to x for a limit of x, in the units of OpenCV, where a hue has 180 steps
  and the others 256. The hue turns; the others are clipped to 0..255.

  Args:
    frames: uint8 [T, H, W, 3], RGB.
    rng: source of three numbers.
    limits: of hue, saturation and value.

  Returns:
    uint8 [T, H, W, 3], never a view of `frames`.
  """
  check_frames(frames)
  limits = np.asarray(limits)
  hue, *others = rng.integers(-limits, limits, endpoint=True)
  levels = np.arange(256)
  tables = [(levels + hue) % _HUES]
  tables += [np.clip(levels + more, 0, 255) for more in others]
  return _change_hsv(frames, np.stack(tables, axis=1))


def _blend(frames, factors, order) -> np.ndarray:
  """Blends in the given order by one affine map of RGB per frame."""
  out = np.empty(frames.shape, np.uint8)
  for source, target in zip(frames, out, strict=True):
    cv2.transform(
      source, _make_map(cv2.mean(source)[:3], factors, order), target
    )
  return out


def _make_map(mean, factors, order) -> np.ndarray:
  """Makes the map [3, 4] of a frame with this mean colour."""
  matrix, offset = np.eye(3), np.zeros(3)
  for which in order:
    factor = factors[which]
    blend, shift = factor * np.eye(3), np.zeros(3)
    if which == 1:
      shift += (1 - factor) * _GREY @ (matrix @ mean + offset)
    if which == 2:
      blend += (1 - factor) * _GREY
    matrix, offset = blend @ matrix, blend @ offset + shift
  return np.column_stack([matrix, offset])


def _turn_hue(frames: np.ndarray, steps: int) -> np.ndarray:
  """Turns OpenCV's hue."""
  levels = np.arange(256)
  return _change_hsv(
    frames, np.stack([(levels + steps) % _HUES, levels, levels], axis=1)
  )


def _change_hsv(frames: np.ndarray, tables: np.ndarray) -> np.ndarray:
  """Looks up hue, saturation and value in the columns of a table [256, 3]."""
  tall = np.ascontiguousarray(frames).reshape(-1, *frames.shape[2:])
  colours = cv2.cvtColor(tall, cv2.COLOR_RGB2HSV)
  colours = cv2.LUT(colours, tables.astype(np.uint8)[None])
  return cv2.cvtColor(colours, cv2.COLOR_HSV2RGB).reshape(frames.shape)
