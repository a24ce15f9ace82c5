"""PyAV of any release from 14.0 on: what they do not all have, or name alike.

Other modules of this package may use what every release has.
"""

import io
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

# Titles may be in any encoding, and are nothing to us. Later releases no
# longer ask what is to be done with them.
_OPEN = {}
if hasattr(av.container.InputContainer, 'metadata_errors'):
  _OPEN['metadata_errors'] = 'replace'


def open_file(
  file: str | io.BytesIO, timeout: float | None = None
) -> av.container.InputContainer:
  """Opens a video for reading.

  Args:
    file: path, or the content.
    timeout: seconds that FFmpeg may take to open it, and for each read.

  Raises:
    av.FFmpegError: it cannot be opened.
  """
  if isinstance(file, str):
    # Without the prefix FFmpeg takes `a:b.mp4` for a network protocol.
    file = f'file:{file}'
  return av.open(file, timeout=timeout, **_OPEN)


def video_stream(container: av.container.InputContainer):
  """The video stream to read, set to one thread; None if there is none.

  The cover picture of a song is no video.
  """
  stream = container.streams.best('video')
  if stream is None or _is_cover(stream):
    return None
  stream.thread_count = 1  # Data workers give the parallelism.
  return stream


def _is_cover(stream) -> bool:
  if not hasattr(stream, 'disposition'):  # before 14.1
    return not (stream.frames or stream.average_rate)
  return bool(stream.disposition & av.stream.Disposition.attached_pic)


def codec_name(context: av.CodecContext) -> str:
  """FFmpeg's name of the codec, such as 'av1', not that of its decoder."""
  codec = context.codec
  if hasattr(codec, 'canonical_name'):
    return codec.canonical_name
  return {'libdav1d': 'av1'}.get(codec.name, codec.name)  # before 14.2


def fraction(ratio) -> Fraction | None:
  """A rate or a time base as a fraction; None where it is not known.

  PyAV gives fractions of its own from 19.0 on, with 0/0 for what is not known.
  """
  return Fraction(ratio.numerator, ratio.denominator) if ratio else None


def display_matrix(picture: av.VideoFrame) -> np.ndarray | None:
  """How the file says to show it, as in FFmpeg's display.h: int32 [3, 3]."""
  found = picture.side_data.get('DISPLAYMATRIX')
  return None if found is None else np.frombuffer(found, '<i4').reshape(3, 3)


def interlaced(context: av.CodecContext, first: av.VideoFrame) -> bool:
  """Whether the two fields of a frame may come one by one.

  Args:
    context: of the stream; it knows from 18.1 on.
    first: a picture of the stream.
  """
  # 0 is unknown, 1 progressive.
  return first.interlaced_frame or getattr(context, 'field_order', 0) > 1


def _threads() -> dict[str, int]:
  try:
    VideoReformatter().reformat(av.VideoFrame(2, 2, 'rgb24'), threads=1)
  except TypeError:  # before 17.0: always one
    return {}
  return {'threads': 1}


_REFORMAT = _threads()


def reformat(
  reformatter: VideoReformatter, picture: av.VideoFrame, **wanted
) -> av.VideoFrame:
  """`reformatter.reformat` in one thread."""
  return reformatter.reformat(picture, **wanted, **_REFORMAT)
