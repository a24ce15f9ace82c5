"""RandAugment for clips: a few random colour and geometry changes per clip.

The fourteen operations and their strengths are pytorchvideo's, as mmaction2
runs them ("m7 n4"); the arithmetic of each is torchvision's on uint8 frames.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from i2v_jax.data.videos.resize import check_frames
from i2v_jax.runtime.errors import UserError

# cv2 rounds where torchvision truncates. The margins keep blends that are an
# integer up to float error, as in flat areas, from losing a level.
_TRUNCATE = -0.5 + 1e-3
_GREY = np.array([[0.2989, 0.587, 0.114, -0.5 + 5e-5]])
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
_LEVELS = np.arange(256)


def rand_augment(
  frames: np.ndarray,
  rng: np.random.Generator,
  magnitude: float = 7.0,
  num_ops: int = 4,
  fill: int = 0,
) -> np.ndarray:
  """Applies up to `num_ops` different operations of `OPS` in random order.

  Each chosen operation happens with probability 1/2, at a level drawn from
  Normal(magnitude, 0.5) and clipped to 0..10, with a random sign; all frames
  are treated alike. Magnitude 0 still inverts, equalizes and so on: only the
  graded operations become weak.

  Args:
    frames: uint8 [T, H, W, 3], RGB; not changed.
    rng: source of all draws.
    magnitude: mean level, 0..10.
    num_ops: operations chosen, 0..14.
    fill: grey level outside a moved frame; 0 as in the release of ZeroI2V, 128
      as its authors intended.

  Returns:
    uint8 [T, H, W, 3]; `frames` itself if nothing was applied.

  Raises:
    UserError: a setting is out of range.
  """
  check_frames(frames)
  _check_settings(magnitude, num_ops, fill)
  for name in rng.choice(list(OPS), num_ops, replace=False):
    if rng.random() < 0.5:
      level = float(np.clip(rng.normal(magnitude, 0.5), 0, 10))
      sign = int(rng.choice((-1, 1)))
      frames = OPS[name](np.ascontiguousarray(frames), level, sign, fill)
  return frames


def brightness(frames: np.ndarray, factor: float) -> np.ndarray:
  """Blends with black: factor 0 is black, 1 the frames themselves."""
  return _look_up(frames, factor * _LEVELS)


def contrast(frames: np.ndarray, factor: float) -> np.ndarray:
  """Blends each frame with its mean grey: factor 0 is flat."""
  means = _to_grey(frames).mean(axis=(1, 2))
  return _look_up(frames, factor * _LEVELS + (1 - factor) * means[:, None])


def saturation(frames: np.ndarray, factor: float) -> np.ndarray:
  """Blends each pixel with its grey: factor 0 is black and white."""
  grey = cv2.cvtColor(_stack(_to_grey(frames)), cv2.COLOR_GRAY2RGB)
  return _blend(frames, grey.reshape(frames.shape), factor)


def sharpness(frames: np.ndarray, factor: float) -> np.ndarray:
  """Blends with smoothed frames, except on the outermost pixels."""
  # One tall image: pixels smoothed across two frames are border pixels, which
  # are restored.
  smooth = cv2.filter2D(_stack(frames), -1, _SMOOTH).reshape(frames.shape)
  for edge in (0, -1):
    smooth[:, edge] = frames[:, edge]
    smooth[:, :, edge] = frames[:, :, edge]
  return _blend(frames, smooth, factor)


def auto_contrast(frames: np.ndarray) -> np.ndarray:
  """Stretches every channel of every frame to 0..255."""
  counts = _count_levels(frames)
  low = np.argmax(counts > 0, axis=2, keepdims=True)
  span = _find_highest(counts) - low
  stretched = (_LEVELS - low) * 255 / np.maximum(span, 1)
  return _look_up(frames, np.where(span > 0, stretched, _LEVELS))


def equalize(frames: np.ndarray) -> np.ndarray:
  """Flattens the histogram of every channel of every frame."""
  counts = _count_levels(frames)
  at_top = np.take_along_axis(counts, _find_highest(counts), axis=2)
  step = (counts.sum(axis=2, keepdims=True) - at_top) // 255
  below = np.cumsum(counts, axis=2) - counts
  spread = (below + step // 2) // np.maximum(step, 1)
  return _look_up(frames, np.where(step > 0, spread, _LEVELS))


def invert(frames: np.ndarray) -> np.ndarray:
  """Exchanges dark and light."""
  return 255 - frames


def posterize(frames: np.ndarray, bits: int) -> np.ndarray:
  """Keeps the `bits` highest bits of each value, 0..8."""
  return frames & np.uint8(256 - 2 ** (8 - bits))


def solarize(frames: np.ndarray, threshold: int) -> np.ndarray:
  """Inverts values of at least `threshold`, in 0..255."""
  return _look_up(
    frames, np.where(threshold <= _LEVELS, 255 - _LEVELS, _LEVELS)
  )


def affine(frames: np.ndarray, matrix: ArrayLike, fill: int) -> np.ndarray:
  """Warps all frames bilinearly, with grey level `fill` outside of them.

  Args:
    frames: uint8 [T, H, W, 3].
    matrix: [2, 3], from output to input positions (x, y, 1), in pixels from
      the middle of the frame.
    fill: 0..255.
  """
  height, width = frames.shape[1:3]
  middle = np.array([width - 1, height - 1]) / 2
  matrix = np.array(matrix, np.float64)
  matrix[:, 2] += middle - matrix[:, :2] @ middle
  out = np.empty(frames.shape, np.uint8)
  for source, target in zip(frames, out, strict=True):
    cv2.warpAffine(
      source,
      matrix,
      (width, height),
      target,
      flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
      borderValue=(fill, fill, fill),
    )
  return out


def rotate(frames: np.ndarray, degrees: float, fill: int) -> np.ndarray:
  """Rotates about the middle, counter-clockwise for positive `degrees`."""
  cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
  return affine(frames, [[cos, -sin, 0], [sin, cos, 0]], fill)


def shear_x(frames: np.ndarray, slope: float, fill: int) -> np.ndarray:
  """Reads from `slope` pixels further right for each pixel down."""
  offset = slope * frames.shape[1] / 2
  return affine(frames, [[1, slope, offset], [0, 1, 0]], fill)


def shear_y(frames: np.ndarray, slope: float, fill: int) -> np.ndarray:
  """Reads from `slope` pixels further down for each pixel right."""
  offset = slope * frames.shape[2] / 2
  return affine(frames, [[1, 0, 0], [slope, 1, offset]], fill)


def translate_x(frames: np.ndarray, share: float, fill: int) -> np.ndarray:
  """Reads from `share` widths further right."""
  return affine(frames, [[1, 0, share * frames.shape[2]], [0, 1, 0]], fill)


def translate_y(frames: np.ndarray, share: float, fill: int) -> np.ndarray:
  """Reads from `share` heights further down."""
  return affine(frames, [[1, 0, 0], [0, 1, share * frames.shape[1]]], fill)


# Name -> function of (frames, level v in 0..10, sign s, fill c).
OPS = {
  'brightness': lambda x, v, s, c: brightness(x, 1 + s * 0.09 * v),
  'contrast': lambda x, v, s, c: contrast(x, 1 + s * 0.09 * v),
  'saturation': lambda x, v, s, c: saturation(x, 1 + s * 0.09 * v),
  'sharpness': lambda x, v, s, c: sharpness(x, 1 + s * 0.09 * v),
  'auto_contrast': lambda x, v, s, c: auto_contrast(x),
  'equalize': lambda x, v, s, c: equalize(x),
  'invert': lambda x, v, s, c: invert(x),
  'rotate': lambda x, v, s, c: rotate(x, s * 3 * v, c),
  'posterize': lambda x, v, s, c: posterize(x, 4 - int(0.4 * v)),
  'solarize': lambda x, v, s, c: solarize(x, int(255 * (1 - 0.1 * v))),
  'shear_x': lambda x, v, s, c: shear_x(x, s * 0.03 * v, c),
  'shear_y': lambda x, v, s, c: shear_y(x, s * 0.03 * v, c),
  'translate_x': lambda x, v, s, c: translate_x(x, s * 0.045 * v, c),
  'translate_y': lambda x, v, s, c: translate_y(x, s * 0.045 * v, c),
}


def _check_settings(magnitude: float, num_ops: int, fill: int) -> None:
  most = {'magnitude': 10, 'num_ops': len(OPS), 'fill': 255}
  for name, value in zip(most, (magnitude, num_ops, fill), strict=True):
    if not 0 <= value <= most[name]:
      raise UserError(
        f"rand_augment's {name} is {value}; choose one in 0..{most[name]}."
      )


def _stack(frames: np.ndarray) -> np.ndarray:
  """Stacks all frames into one image [T * H, W, 3], for one call of cv2."""
  return frames.reshape(-1, *frames.shape[2:])


def _blend(frames: np.ndarray, other: np.ndarray, factor: float) -> np.ndarray:
  """Computes factor * frames + (1 - factor) * other, truncated and clipped."""
  mixed = cv2.addWeighted(
    _stack(frames), factor, _stack(other), 1 - factor, _TRUNCATE
  )
  return mixed.reshape(frames.shape)


def _to_grey(frames: np.ndarray) -> np.ndarray:
  """Computes the luma, truncated to uint8: [T, H, W]."""
  return cv2.transform(_stack(frames), _GREY).reshape(frames.shape[:3])


def _count_levels(frames: np.ndarray) -> np.ndarray:
  """Counts how often each value occurs: int64 [T, 3, 256]."""
  counts = [
    cv2.calcHist([frame], [channel], None, [256], [0, 256]).ravel()
    for frame in frames
    for channel in range(3)
  ]
  return np.reshape(counts, (len(frames), 3, 256)).astype(np.int64)


def _find_highest(counts: np.ndarray) -> np.ndarray:
  """Finds the highest value in histograms [T, 3, 256]: [T, 3, 1]."""
  return 255 - np.argmax(counts[..., ::-1] > 0, axis=2, keepdims=True)


def _look_up(frames: np.ndarray, table: np.ndarray) -> np.ndarray:
  """Replaces each value by a table's entry, truncated and clipped.

  The table is [256] for all values, [T, 256] per frame, or [T, 3, 256] per
  frame and channel.
  """
  table = np.clip(table, 0, 255).astype(np.uint8)
  if table.ndim == 1:
    return cv2.LUT(_stack(frames), table).reshape(frames.shape)
  if table.ndim == 3:
    table = table.swapaxes(1, 2)[:, None]
  return np.stack(list(map(cv2.LUT, frames, table)))
