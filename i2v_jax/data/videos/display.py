"""How stored pictures are displayed: mirrored, rotated, stretched."""

import math
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np

from i2v_jax.data.videos import pyav
from i2v_jax.runtime.errors import UserError


class Display(NamedTuple):
  """The transform from a stored picture to the displayed one, as in FFmpeg.

  Attributes:
    height: stored, in pixels.
    width: stored, in pixels.
    mirrored: whether left and right are exchanged, before the rotation.
    rotation: clockwise degrees.
    pixel_aspect: width over height of a pixel, after rotation.
  """

  height: int
  width: int
  mirrored: bool
  rotation: int
  pixel_aspect: Fraction

  @property
  def size(self) -> tuple[int, int]:
    """(height, width) of the upright picture."""
    return (self.height, self.width)[:: -1 if self.rotation % 180 else 1]


def turn_upright(
  pixels: np.ndarray, mirrored: bool, rotation: int
) -> np.ndarray:
  """Mirrors, then rotates pixels [H, W, ...] clockwise; returns a view."""
  if mirrored:
    pixels = pixels[:, ::-1]
  return np.rot90(pixels, -rotation // 90)


def read_display(stream: av.VideoStream, picture: av.VideoFrame) -> Display:
  """Reads how a stream is displayed.

  Raises UserError if the rotation is not a multiple of 90 degrees.

  Args:
    stream: an open video stream.
    picture: its first picture.
  """
  mirrored, rotation = _read_orientation(pyav.read_display_matrix(picture))
  aspect = pyav.to_fraction(stream.sample_aspect_ratio) or Fraction(1)
  if rotation % 180:
    aspect = 1 / aspect
  return Display(picture.height, picture.width, mirrored, rotation, aspect)


def _read_orientation(matrix: np.ndarray | None) -> tuple[bool, int]:
  """Reads (mirrored, clockwise degrees) from a display matrix.

  A stored position (x, y) is shown at (a x + c y, b x + d y), y downwards.
  """
  if matrix is None:
    return False, 0
  (a, b), (c, d) = matrix[:2, :2].astype(float)
  if not (a or b) or not (c or d):
    return False, 0  # as FFmpeg does
  mirrored = bool(a * d < b * c)
  sign = -1 if mirrored else 1
  degrees = math.degrees(math.atan2(sign * b, sign * a))
  turns = round(degrees / 90)
  if abs(degrees - 90 * turns) > 1:
    raise UserError(f'is shown rotated by {degrees % 360:.0f} degrees')
  return mirrored, 90 * turns % 360
