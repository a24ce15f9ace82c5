"""Files, cameras and addresses, opened by PyAV."""

import functools
import time
from collections.abc import Iterator

import av
import numpy as np

from i2v_jax.data.live.connections import Connection, Damaged, SourceFrame
from i2v_jax.data.live.sources import PROTOCOLS, Source
from i2v_jax.data.videos import display, pyav
from i2v_jax.data.videos.packets import DecodeError
from i2v_jax.data.videos.scan import UNTIMED

OPEN, READ = 10.0, 10.0  # seconds after which a network counts as gone
FASTEST = 1000.0  # frames a second; more is a unit of time, not a rate
# FFmpeg numbers the frames of these as if there were 25 a second.
NUMBERED = {'mpjpeg'}
SHORT = 0.95  # of the stated duration, below which a file counts as cut


class ContainerConnection(Connection):
  """A file, a camera (v4l2) or an address.

  Raises:
    DecodeError, OSError, av.FFmpegError: it cannot be opened.
  """

  def __init__(self, source: Source):
    self._name = source.name
    self._container = _open(source)
    try:
      self._stream = pyav.find_video_stream(self._container)
      if self._stream is None or self._stream.codec_context is None:
        raise DecodeError(
          f'{source.name}: has no video stream that FFmpeg decodes'
        )
      endless = self._container.duration is None
      self.lasting = source.kind == 'camera' or (
        source.kind == 'address' and endless
      )
      self.recorded = not self.lasting
      self._timed = self._container.format.name not in UNTIMED | NUMBERED
      self.rate = self._find_rate() if self._timed or self.recorded else 0.0
    except BaseException:
      self.close()
      raise
    self._reformatter, self._display = pyav.Reformatter(), None
    self._reformatter.codec = pyav.get_codec_name(self._stream.codec_context)

  def close(self) -> None:
    if self._container:
      self._container.close()
    self._container = None

  def read(self, damaged: Damaged) -> Iterator[SourceFrame]:
    # The HEVC decoder before FFmpeg 8 outputs grey pictures before a key frame.
    early = self._reformatter.codec == 'hevc'
    for packet in self._container.demux(self._stream):
      early &= not packet.is_keyframe
      if early:
        continue
      try:
        pictures = packet.decode()
      except av.FFmpegError as error:
        damaged(error.strerror)
        continue
      for picture in pictures:
        if picture.is_corrupt:
          damaged('a picture is incomplete')
          continue
        yield self._show(picture)

  def describe_end(self, seconds: float) -> str:
    stated = self._stream.duration if self._stream else None
    if not (self.recorded and stated and self._stream.time_base):
      return ''
    stated = float(stated * pyav.to_fraction(self._stream.time_base))
    if seconds >= SHORT * stated:
      return ''
    return f'ended at {seconds:.1f} s of {stated:.1f} s; the file may be cut'

  def _find_rate(self) -> float:
    for rate in (self._stream.average_rate, self._stream.guessed_rate):
      rate = pyav.to_fraction(rate)
      if rate and 0 < rate <= FASTEST:
        return float(rate)
    return 0.0

  def _show(self, picture: av.VideoFrame) -> SourceFrame:
    size = picture.height, picture.width
    if self._display is None or self._display[:2] != size:
      self._display = display.read_display(self._stream, picture)
    convert = functools.partial(self._convert, picture)
    return SourceFrame(self._read_stamp(picture), convert)

  def _read_stamp(self, picture: av.VideoFrame) -> float | None:
    if not self._timed and self.lasting:
      return time.monotonic()
    if not self._timed or picture.pts is None or not picture.time_base:
      return None  # never our clock among the times of a stream
    return float(picture.pts * pyav.to_fraction(picture.time_base))

  def _convert(self, picture: av.VideoFrame) -> np.ndarray:
    shown = self._display
    image = self._reformatter.to_rgb(picture)
    return display.turn_upright(image, shown.mirrored, shown.rotation)


def _open(source: Source) -> av.container.InputContainer:
  if source.kind == 'file':
    return pyav.open_file(source.path)
  if source.kind == 'camera':
    return av.open(source.path, format='v4l2', timeout=(OPEN, READ))
  scheme = source.path.partition('://')[0].lower()
  options = {'protocol_whitelist': PROTOCOLS[scheme]}
  if scheme in ('rtsp', 'rtsps'):
    options['rtsp_flags'] = 'prefer_tcp'  # UDP loses parts of pictures
  return av.open(source.path, container_options=options, timeout=(OPEN, READ))
