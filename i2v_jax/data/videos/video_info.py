"""What is known of a video once it is open."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class VideoInfo:
  """What a video holds, upright, in the pixels that are stored.

  Players stretch pixels that are not square; other readers of training data do
  not, and neither do we: `pixel_aspect` says what would be right.
  """

  frames: int  # Those that decoding gives from the first to the last.
  height: int  # Pixels, after rotation.
  width: int
  fps: float  # The mean where the rate varies.
  duration: float  # Seconds from the first frame to the end of the last.
  codec: str  # FFmpeg's name of it, such as 'h264'.
  rotation: int  # Clockwise degrees, 0 to 270, that `Video.read` has applied.
  times: tuple[float, ...]  # Seconds from the first frame to each.
  mirrored: bool = False  # Left and right exchanged, before the rotation.
  pixel_aspect: float = 1.0  # Width by height of a pixel, after rotation.
  interlaced: bool = False  # Frames hold two fields, as the first picture says.
