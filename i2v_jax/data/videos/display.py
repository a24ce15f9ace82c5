"""How stored pictures are to be shown: mirrored, turned, stretched."""

import math
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np

from i2v_jax.data.videos import pyav
from i2v_jax.runtime.errors import UserError


class Display(NamedTuple):
  """What FFmpeg's players do with a picture before they show it.

  Attributes:
    height: stored, in pixels.
    width: stored, in pixels.
    mirrored: left and right are exchanged, before anything is turned.
    rotation: clockwise degrees.
    pixel_aspect: width by height of a pixel, after rotation.
  """

  height: int
  width: int
  mirrored: bool
  rotation: int
  pixel_aspect: Fraction

  @property
  def size(self) -> tuple[int, int]:
    """(height, width) of the pixels when they are upright."""
    return (self.height, self.width)[:: -1 if self.rotation % 180 else 1]


def turn_upright(
  pixels: np.ndarray, mirrored: bool, rotation: int
) -> np.ndarray:
  """Mirrors and then turns pixels [H, W, ...] clockwise; a view."""
  if mirrored:
    pixels = pixels[:, ::-1]
  return np.rot90(pixels, -rotation // 90)


def read_display(stream: av.VideoStream, picture: av.VideoFrame) -> Display:
  """How a stream is shown.

  Raises UserError where it is shown turned by no multiple of 90 degrees.

  Args:
    stream: as opened.
    picture: its first.
  """
  mirrored, rotation = _read_orientation(pyav.read_display_matrix(picture))
  aspect = pyav.to_fraction(stream.sample_aspect_ratio) or Fraction(1)
  if rotation % 180:
    aspect = 1 / aspect
  return Display(picture.height, picture.width, mirrored, rotation, aspect)


def _read_orientation(matrix: np.ndarray | None) -> tuple[bool, int]:
  """(mirrored, clockwise degrees) of a display matrix.

  A stored place (x, y) is shown at (a x + c y, b x + d y), y downwards.
  """
  if matrix is None:
    return False, 0
  (a, b), (c, d) = matrix[:2, :2].astype(float)
  if not (a or b) or not (c or d):
    return False, 0  # as FFmpeg has it
  mirrored = bool(a * d < b * c)
  sign = -1 if mirrored else 1
  degrees = math.degrees(math.atan2(sign * b, sign * a))
  turns = round(degrees / 90)
  if abs(degrees - 90 * turns) > 1:
    raise UserError(f'is shown turned by {degrees % 360:.0f} degrees')
  return mirrored, 90 * turns % 360
