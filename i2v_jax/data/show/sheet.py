"""Contact sheets: pictures side by side with words, on a dark background.

A picture is uint8 RGB [H, W, 3].
"""

import os
import pathlib
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import MissingFileError, UserError

BACKGROUND = (22, 24, 29)
BRIGHT, DIM, ACCENT = (236, 238, 242), (150, 156, 168), (120, 190, 255)
GAP = 8  # pixels between neighbours
OPTIONS = {  # of written files
  '.png': [cv2.IMWRITE_PNG_COMPRESSION, 9],
  '.jpg': [cv2.IMWRITE_JPEG_QUALITY, 88],
}
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FINER = 4  # times larger letters are drawn, then shrunk


def make_empty(height: int, width: int) -> np.ndarray:
  """Makes an empty picture of the background colour."""
  return np.full((height, width, 3), BACKGROUND, np.uint8)


def draw_words(
  text: str,
  size: int = 13,
  colour: Sequence[int] = DIM,
  width: int = 0,
) -> np.ndarray:
  """Draws a line of text about `size` pixels high, cut at `width` pixels.

  cv2 has ASCII letters only; others become question marks.
  """
  text = text.encode('ascii', 'replace').decode()
  scale = size * _FINER / 30
  thick = max(round(size * _FINER / 12), 1)
  wide = lambda t: cv2.getTextSize(t, _FONT, scale, thick)[0][0] // _FINER + 2
  if width and wide(text) > width:
    while text and wide(text + '...') > width:
      text = text[:-1]
    text += '...'
  height = round(size * 1.5)
  large = make_empty(height * _FINER, max(wide(text), 1) * _FINER)
  place = (0, round(size * 1.1) * _FINER)
  cv2.putText(large, text, place, _FONT, scale, colour, thick, cv2.LINE_AA)
  return _shrink(large, height, large.shape[1] // _FINER)


def draw_tile(image: np.ndarray, width: int, caption: str = '') -> np.ndarray:
  """Draws a picture in that width with its caption below."""
  height = round(image.shape[0] * width / image.shape[1])
  if image.shape[1] >= width:
    image = _shrink(image, height, width)
  else:  # The model's pixels should not look smoother than they are.
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)
  line = draw_words(caption, 11, width=width) if caption else make_empty(0, 0)
  return make_column([image, line], gap=3)


def make_column(pictures: Iterable[np.ndarray], gap: int = GAP) -> np.ndarray:
  """Puts pictures below each other, flush left."""
  pictures = [p for p in pictures if p.size]
  width = max(p.shape[1] for p in pictures)
  height = sum(p.shape[0] for p in pictures) + gap * (len(pictures) - 1)
  out, top = make_empty(height, width), 0
  for picture in pictures:
    out[top : top + len(picture), : picture.shape[1]] = picture
    top += len(picture) + gap
  return out


def make_row(pictures: Iterable[np.ndarray], gap: int = GAP) -> np.ndarray:
  """Puts pictures next to each other, flush at the top."""
  turned = [p.swapaxes(0, 1) for p in pictures]
  return np.ascontiguousarray(make_column(turned, gap).swapaxes(0, 1))


def put(picture: np.ndarray, small: np.ndarray, top: int, left: int) -> None:
  """Puts a small picture into another, moved to where it fits."""
  height, width = small.shape[:2]
  top = min(max(top, 0), max(len(picture) - height, 0))
  left = min(max(left, 0), max(picture.shape[1] - width, 0))
  there = picture[top : top + height, left : left + width]
  there[:] = small[: there.shape[0], : there.shape[1]]


def wrap(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
  """Puts pictures of one width in lines of `columns`."""
  starts = range(0, len(pictures), columns)
  return make_column([make_row(pictures[i : i + columns]) for i in starts])


def pad(picture: np.ndarray, width: int = 0, border: int = 0) -> np.ndarray:
  """Pads a picture to at least that width, with a border around it."""
  height, own = picture.shape[:2]
  out = make_empty(height + 2 * border, max(width, own) + 2 * border)
  out[border : border + height, border : border + own] = picture
  return out


def check_path(path: str | os.PathLike) -> pathlib.Path:
  """Raises UserError or FileNotFoundError unless a sheet can be written."""
  path = pathlib.Path(path)
  if path.suffix not in OPTIONS:
    raise UserError(
      f'a sheet cannot be written to {path}; end the name in .png or .jpg.'
    )
  if not path.parent.is_dir():
    raise MissingFileError(f'{path.parent} does not exist; make the folder')
  return path


def write(path: str | os.PathLike, picture: np.ndarray) -> None:
  """Writes a picture as PNG or JPEG, according to the extension.

  Raises UserError if the picture is too large for the format, or the file
  cannot be written.
  """
  path = check_path(path)
  bgr = np.ascontiguousarray(picture[..., ::-1])
  done, data = cv2.imencode(path.suffix, bgr, OPTIONS[path.suffix])
  if not done:
    high, wide = picture.shape[:2]
    raise UserError(
      f'{path}: the sheet is {high:,} pixels high and {wide:,} wide, but a '
      'JPEG has at most 65,500 per side; show fewer videos, or write .png.'
    )
  with files.explain_errors(path):
    path.write_bytes(data.tobytes())


def _shrink(image: np.ndarray, height: int, width: int) -> np.ndarray:
  image = np.ascontiguousarray(image)
  return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
