"""Converts pictures to the form in which copies of videos are stored."""

import av
import numpy as np
from av.video.reformatter import ColorRange

from i2v_jax.data.videos import decode, display, pyav

_STRETCH = 4  # times; a wider or higher pixel is considered an error


class Shaper:
  """Resizes pictures, upright, to 4:2:0 with even sides.

  Args:
    info: facts of the video.
    short_side: pixels to which larger pictures shrink; None keeps the size.
    square: whether to stretch the width if pixels are not square.
    jpeg: whether to use the full range and colour space of JPEG.
  """

  def __init__(
    self,
    info: decode.VideoInfo,
    short_side: int | None,
    square: bool,
    jpeg: bool,
  ):
    aspect, sides = info.pixel_aspect, [info.height, info.width]
    if square and 1 / _STRETCH <= aspect <= _STRETCH:
      sides[1] *= aspect
    short = min(sides)
    scale = min(1, (short_side or short) / short)
    if info.rotation % 180:
      sides.reverse()
    self._size = [max(2, 2 * int(side * scale / 2 + 1e-6)) for side in sides]
    self._info, self._jpeg = info, jpeg
    self._reformatter = pyav.Reformatter()

  def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
    full = picture.color_range == ColorRange.JPEG
    frame = self._reformatter.reformat(
      picture,
      width=self._size[1],
      height=self._size[0],
      format='yuvj420p' if self._jpeg else 'yuv420p',
      interpolation=pyav.BICUBIC,
      src_color_range='JPEG' if full else 'MPEG',
      dst_color_range='JPEG' if self._jpeg else 'MPEG',
      dst_colorspace='ITU601' if self._jpeg else None,
    )
    if not (self._info.rotation or self._info.mirrored):
      return frame
    planes = self._upright(frame.to_ndarray())
    turned = av.VideoFrame.from_ndarray(planes, format=frame.format.name)
    turned.colorspace, turned.color_range = frame.colorspace, frame.color_range
    return turned

  def _upright(self, planes: np.ndarray) -> np.ndarray:
    """Mirrors and rotates the planes of a 4:2:0 picture [H * 3 / 2, W]."""
    height, width = len(planes) * 2 // 3, planes.shape[1]
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    luma, *chroma = (
      display.turn_upright(plane, self._info.mirrored, self._info.rotation)
      for plane in (planes[:height], *chroma)
    )
    return np.concatenate([luma, np.reshape(chroma, (-1, luma.shape[1]))])
