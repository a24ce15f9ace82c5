"""Hides the differences between releases of PyAV from 14.0 on.

Other modules of this package use only what all releases have.
"""

import codecs
import errno
import io
import os
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from i2v_jax.data.videos import fields

# Titles may be in any encoding and are not used. Later releases decode them
# unconditionally.
_OPEN = {}
if hasattr(av.container.InputContainer, 'metadata_errors'):
  _OPEN['metadata_errors'] = 'replace'

# FFmpeg's names of containers that hold their own content. Scripts, playlists,
# patterns, devices and session descriptions are missing: they open other files.
_CONTAINERS = (
  'apng asf av1 avi cavsvideo dhav dirac dnxhd dv flv gif gxf h261 h263 h264 '
  'hevc ivf live_flv m4v matroska mjpeg mov mpeg mpegts mpegvideo mxf nsv nut '
  'nuv obu ogg rm swf vc1 vc1test vvc wtv yuv4mpegpipe'
)
_ALONE = {
  'format_whitelist': _CONTAINERS.replace(' ', ','),
  # QuickTime: no tracks stored in another file.
  'enable_drefs': '0',
  'use_absolute_path': '0',
}
_STARTS = {
  b'ffconcat': 'an FFmpeg playlist (concat)',
  b'#EXTM3U': 'a playlist (HLS or M3U)',
  b'[playlist]': 'a playlist (PLS)',
  b'v=0': 'the description of a stream (SDP)',
  b'\x89PNG': 'a picture (PNG)',
  b'\xff\xd8\xff': 'a picture (JPEG)',
  b'BM': 'a picture (BMP)',
  b'II*\0': 'a picture (TIFF)',
  b'MM\0*': 'a picture (TIFF)',
  b'version https://git-lfs': 'a pointer of Git LFS (get it by git lfs pull)',
  b'PK\3\4': 'an archive (ZIP)',
  b'\x1f\x8b': 'an archive (gzip)',
}
_INSIDE = {
  b'<mpd': 'a playlist (DASH)',
  b'<smoothstreamingmedia': 'a playlist (Smooth Streaming)',
  b'<asx': 'a playlist (ASX)',
  b'<compositionplaylist': 'a playlist (IMF)',
  b'<html': 'a web page',
  b'<!doctype html': 'a web page',
}
_DAMAGED = 'it is damaged, or not a supported kind of video file'


def open_file(
  file: str | io.BytesIO, timeout: float | None = None
) -> av.container.InputContainer:
  """Opens a video file for reading, if it holds its own content.

  Args:
    file: path, or the content.
    timeout: seconds that FFmpeg may take to open it, and for each read.

  Raises:
    OSError: its container is not supported.
    av.FFmpegError: it cannot be opened.
  """
  source, protocols = file, 'none'
  if isinstance(file, str):
    # Without the prefix FFmpeg takes `a:b.mp4` for a network protocol.
    source, protocols = f'file:{file}', 'file'
  # `options` would also reach each stream, and before 17.0 past their end.
  options = _ALONE | {'protocol_whitelist': protocols}
  try:
    return av.open(source, timeout=timeout, container_options=options, **_OPEN)
  except av.FFmpegError as error:
    reason = _describe_kind(file)
    # FFmpeg's error numbers for unlisted containers and for an absurd size.
    if not reason and error.errno in (errno.EINVAL, errno.EBUSY):
      reason = _DAMAGED
    if not reason:
      raise
    raise OSError(errno.EINVAL, reason) from error


def describe_error(error: OSError | av.FFmpegError) -> str:
  """Says why a file cannot be opened."""
  if isinstance(error, av.FFmpegError) and error.errno == errno.EINVAL:
    return 'its header is damaged, or of an unsupported kind'
  return error.strerror


def _describe_kind(file: str | io.BytesIO) -> str:
  """Describes the kind of a file that FFmpeg does not open, or returns ''."""
  if isinstance(file, io.BytesIO):
    head = file.getvalue()[:4096]
  elif os.path.exists(file):
    with open(file, 'rb') as opened:
      head = opened.read(4096)
  else:
    return ''
  head = head.removeprefix(codecs.BOM_UTF8).lstrip()
  found = [kind for start, kind in _STARTS.items() if head.startswith(start)]
  lower = head.lower()
  found += [kind for part, kind in _INSIDE.items() if part in lower]
  found += ['text'] * _is_text(head)
  return f'it is {found[0]}, not a video' if found else ''


def _is_text(head: bytes) -> bool:
  """Whether the start of a file is UTF-8 without control characters."""
  try:
    text = codecs.getincrementaldecoder('utf-8')().decode(head)
  except ValueError:
    return False
  return bool(text) and all(
    char.isprintable() or char.isspace() for char in text
  )


def find_video_stream(container: av.container.InputContainer):
  """Finds the video stream and sets it to one thread; None if there is none.

  The cover picture of a song is not a video.
  """
  stream = container.streams.best('video')
  if stream is None or _is_cover(stream):
    return None
  stream.thread_count = 1  # Data workers run in parallel.
  return stream


def _is_cover(stream) -> bool:
  if not hasattr(stream, 'disposition'):  # before 14.1
    still = get_codec_name(stream.codec_context) in ('bmp', 'mjpeg', 'png')
    return still and not (stream.frames or stream.average_rate)
  return bool(stream.disposition & av.stream.Disposition.attached_pic)


def get_codec_name(context: av.CodecContext) -> str:
  """Returns FFmpeg's name of the codec, such as 'av1', not of its decoder."""
  codec = context.codec
  if hasattr(codec, 'canonical_name'):
    return codec.canonical_name
  others = {'libdav1d': 'av1', 'flv': 'flv1'}
  return others.get(codec.name, codec.name)  # before 14.2


def to_fraction(ratio) -> Fraction | None:
  """Converts a rate or time base to a fraction; None if it is unknown.

  From 19.0 on PyAV has its own fractions, with 0/0 for unknown ones.
  """
  return Fraction(ratio.numerator, ratio.denominator) if ratio else None


def read_display_matrix(picture: av.VideoFrame) -> np.ndarray | None:
  """Reads the display matrix, as in FFmpeg's display.h: int32 [3, 3]."""
  found = picture.side_data.get('DISPLAYMATRIX')
  return None if found is None else np.frombuffer(found, '<i4').reshape(3, 3)


def is_interlaced(context: av.CodecContext, first: av.VideoFrame) -> bool:
  """Whether the two fields of a frame may be coded one by one.

  Args:
    context: of the stream; knows the order of fields from 18.1 on.
    first: the first picture of the stream.
  """
  # 0 is unknown, 1 progressive.
  return first.interlaced_frame or getattr(context, 'field_order', 0) > 1


# Releases before 14.1 know values by name only, and before 18.0 no flags.
BICUBIC = 'BICUBIC'
if hasattr(Interpolation, 'ACCURATE_RND'):
  BICUBIC = Interpolation.BICUBIC | Interpolation.ACCURATE_RND


def _find_threads() -> dict[str, int]:
  try:
    VideoReformatter().reformat(av.VideoFrame(2, 2, 'rgb24'), threads=1)
  except TypeError:  # before 17.0: always one
    return {}
  return {'threads': 1}


_THREADS = _find_threads()


class Reformatter:
  """Changes size and pixel format of pictures, in one thread."""

  def __init__(self):
    self._reformatter, self._graph, self._kind = VideoReformatter(), None, None
    self._progressive = fields.Progressive()
    self.codec = ''  # of the pictures, if known

  def reformat(self, picture: av.VideoFrame, **wanted) -> av.VideoFrame:
    """Does the same as PyAV's VideoReformatter; enums are given by name.

    The two fields of an interlaced picture are converted as one.
    """
    picture = self._progressive(picture)
    return self._reformatter.reformat(picture, **wanted, **_THREADS)

  def to_rgb(self, picture: av.VideoFrame) -> np.ndarray:
    """Converts a picture to uint8 RGB [H, W, 3] by its stated colour space."""
    if not _THREADS:
      return self._filter(picture).to_ndarray()
    return self.reformat(picture, format='rgb24').to_ndarray()

  def _filter(self, picture: av.VideoFrame) -> av.VideoFrame:
    """Converts to RGB in releases whose reformatter assumes BT.601."""
    kind = (picture.width, picture.height, picture.format.name)
    kind += (picture.colorspace, picture.color_range)
    if kind != self._kind:
      self._kind, self._graph = kind, _make_rgb_graph(picture, self.codec)
    self._graph.push(picture)
    return self._graph.pull()


def _make_rgb_graph(picture: av.VideoFrame, codec: str) -> av.filter.Graph:
  graph = av.filter.Graph()
  size = {'width': picture.width, 'height': picture.height}
  base = picture.time_base or Fraction(1, 90_000)
  options = 'flags=bilinear:threads=1:interl=0'
  # Their decoders state where chroma is sampled, which the filter ignores.
  if codec in ('h264', 'hevc') and '420' in picture.format.name:
    options += ':in_chroma_loc=left'
  graph.link_nodes(
    graph.add_buffer(**size, format=picture.format, time_base=base),
    graph.add('scale', options),
    graph.add('format', 'pix_fmts=rgb24'),
    graph.add('buffersink'),
  )
  graph.configure()
  return graph
