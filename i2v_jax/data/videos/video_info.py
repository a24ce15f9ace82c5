"""Facts of an open video."""

import array
import dataclasses
from collections.abc import Iterable, Sequence


@dataclasses.dataclass(frozen=True)
class VideoInfo:
  """Facts of a video, upright, in stored pixels.

  Players stretch pixels that are not square. Readers of training data do not,
  nor does this one: `pixel_aspect` gives the factor.
  """

  frames: int  # Number of frames that decode.
  height: int  # Pixels, after rotation.
  width: int
  fps: float  # The mean if the rate varies.
  duration: float  # Seconds from the first frame to the end of the last.
  codec: str  # Its name in FFmpeg, such as 'h264'.
  rotation: int  # Clockwise degrees, 0 to 270, that `Video.read` has applied.
  times: Sequence[
    float
  ]  # Seconds from the first frame to each; see `to_times`.
  mirrored: bool = False  # Left and right exchanged, before the rotation.
  pixel_aspect: float = 1.0  # Width over height of a pixel, after rotation.
  interlaced: bool = False  # Frames hold two fields, according to the first.


def to_times(seconds: Iterable[float]) -> Sequence[float]:
  """Makes `VideoInfo.times` of floats, or of an array float64 [n].

  Hours of video have 8 bytes a frame, and numpy takes them without a copy.
  """
  if hasattr(seconds, 'tobytes'):
    return array.array('d', seconds.tobytes())
  return array.array('d', seconds)
