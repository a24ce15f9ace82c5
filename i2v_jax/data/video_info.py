"""What is known of a video once it is open."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class VideoInfo:
  """What a video holds, as it is displayed."""

  frames: int  # Those the container really lists.
  height: int  # Pixels, after rotation.
  width: int
  fps: float  # The mean where the rate varies.
  duration: float  # Seconds from the first frame to the end of the last.
  codec: str  # FFmpeg's name of it, such as 'h264'.
  rotation: int  # Clockwise degrees, 0 to 270, that `Video.read` has applied.
  times: tuple[float, ...]  # Seconds from the first frame to each.
