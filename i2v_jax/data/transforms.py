"""Resizing, cropping, flipping and erasing clips of uint8 frames [T, H, W, 3].

Every transform takes a clip and returns one of the same layout; random ones
draw once per clip. Crops and flips are views of what they are given.
"""

import re
from collections.abc import Iterable, Mapping

import cv2
import numpy as np

# The longer alternative comes first, so that 'left and right' stays together.
_SIDES = re.compile(r'\b((left|right)( and | or )(left|right)|left|right)\b')
_OTHER_SIDE = {'left': 'right', 'right': 'left'}


def check_frames(frames: np.ndarray) -> None:
  """Raises ValueError unless `frames` is uint8 [T, H, W, 3]."""
  if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
    raise ValueError(
      'frames must be uint8 [T, H, W, 3], but are '
      f'{frames.dtype} {list(frames.shape)}; pass them as decoded.'
    )


def resize(frames: np.ndarray, height: int, width: int) -> np.ndarray:
  """Resizes to uint8 [T, height, width, 3], bilinear without antialiasing.

  As mmaction2's Resize (cv2.INTER_LINEAR). Returns `frames` itself where the
  size is right already. Raises ValueError for a side below 1 pixel.
  """
  check_frames(frames)
  if height < 1 or width < 1:
    raise ValueError(
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
  """
  check_frames(frames)
  height, width = frames.shape[1:3]
  scale = size / min(height, width)
  return resize(frames, int(height * scale + 0.5), int(width * scale + 0.5))


def crop_box(
  height: int,
  width: int,
  rng: np.random.Generator,
  area: tuple[float, float] = (0.08, 1.0),
  aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> tuple[int, int, int, int]:
  """Draws (top, left, height, width) in pixels of a random crop.

  As mmaction2's RandomResizedCrop: the first of ten draws that fits inside the
  frame, else the centred square (torchvision falls back to another box).

  `area` is the range of the crop's share of the frame, drawn uniformly;
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

  `crop_box` tells how the box is drawn.
  """
  check_frames(frames)
  top, left, h, w = crop_box(*frames.shape[1:3], rng, area, aspect)
  return resize(frames[:, top : top + h, left : left + w], size, size)


def center_crop(frames: np.ndarray, size: int) -> np.ndarray:
  """Cuts the central size x size pixels: a view.

  Odd margins are one pixel wider at the bottom and right, as in mmaction2's
  CenterCrop. Raises ValueError where a side is shorter than `size`.
  """
  check_frames(frames)
  height, width = frames.shape[1:3]
  if min(height, width) < size:
    raise ValueError(
      f'cannot crop {size} pixels from frames of {height} x {width}; '
      'resize their short side first.'
    )
  return _square(frames, (height - size) // 2, (width - size) // 2, size)


def three_crop(frames: np.ndarray, size: int) -> list[np.ndarray]:
  """Cuts three squares along the long side: views, left, right, middle.

  Tall frames give top, bottom, middle. As mmaction2's ThreeCrop: where the
  long side exceeds `size` by an odd number, the second square ends one pixel
  short of the edge.
  Raises ValueError where the short side is not `size`.
  """
  check_frames(frames)
  height, width = frames.shape[1:3]
  if min(height, width) != size:
    raise ValueError(
      f'three crops of {size} pixels need frames with a short side of {size}, '
      f'but these are {height} x {width}; resize their short side first.'
    )
  dy, dx = (height - size) // 2, (width - size) // 2
  return [_square(frames, k * dy, k * dx, size) for k in (0, 2, 1)]


def random_flip(
  frames: np.ndarray,
  label: int,
  rng: np.random.Generator,
  probability: float = 0.5,
  label_map: Mapping[int, int] | None = None,
) -> tuple[np.ndarray, int]:
  """Mirrors all frames left to right, or none: a view.

  Args:
    frames: uint8 [T, H, W, 3].
    label: class of the clip.
    rng: source of the one coin.
    probability: of mirroring.
    label_map: classes that mirroring exchanges, from `flip_label_map`.

  Returns:
    The frames and the label, both exchanged or both as given.
  """
  check_frames(frames)
  if rng.random() >= probability:
    return frames, label
  return frames[:, :, ::-1], (label_map or {}).get(label, label)


def flip_label_map(class_names: Iterable[str]) -> dict[int, int]:
  """Finds the classes that a mirrored video exchanges, by their names.

  Two classes belong together when their names differ in the words left and
  right only, such as Something-Something V2's "Pulling something from left to
  right" and "... from right to left". A name that says "left and right" or
  "left or right" is its own mirror and has no entry.

  Takes one name per class, in the order of the labels. Returns label ->
  mirrored label, in both directions. Raises ValueError where a name has no
  mirror image or occurs twice: flipped videos would get a wrong label.
  """
  names = enumerate(map(str.casefold, class_names))
  sided = [(label, name) for label, name in names if _mirror(name) != name]
  labels = {name: label for label, name in sided}
  for label, name in sided:
    if labels[name] != label or _mirror(name) not in labels:
      raise ValueError(
        f'class {label} "{name}" needs exactly one mirror image '
        f'"{_mirror(name)}" among the classes; correct the class names, or '
        'train without flipping.'
      )
  return {label: labels[_mirror(name)] for label, name in sided}


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
    probability: of erasing at all.
    mode: 'const' covers with grey 128, 'rand' with noise of its own per frame.

  Returns:
    A copy with the rectangle, or `frames` itself.

  Raises:
    ValueError: `mode` is another word.
  """
  check_frames(frames)
  if mode not in ('const', 'rand'):
    raise ValueError(
      f"random_erasing has no mode '{mode}'; choose 'const' or 'rand'."
    )
  if rng.random() >= probability:
    return frames
  top, left, h, w = _erase_box(*frames.shape[1:3], rng)
  cover = 128
  if mode == 'rand':
    cover = rng.integers(0, 256, (len(frames), h, w, 3), np.uint8)
  out = frames.copy()
  out[:, top : top + h, left : left + w] = cover
  return out


def _square(frames: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
  return frames[:, top : top + size, left : left + size]


def _mirror(name: str) -> str:
  """Exchanges left and right in a case-folded name, if not 'left and right'."""
  return _SIDES.sub(lambda match: _OTHER_SIDE.get(match[0], match[0]), name)


def _erase_box(
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
