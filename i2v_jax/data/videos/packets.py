"""The packets of a video file, from a key frame on, and their pictures."""

import io
import itertools
import os
import stat
from collections.abc import Iterator

import av

from i2v_jax.data.videos import index_cache, kept, pyav, scan
from i2v_jax.data.videos.index import Key
from i2v_jax.data.videos.time_limit import TimeLimit
from i2v_jax.runtime.errors import UserError

Source = str | os.PathLike | bytes


class DecodeError(UserError):
  """A video or one of its frames cannot be read; says which and why."""


class Packets:
  """An open file and its index; `load` sets the attributes.

  Attributes:
    index: frames, times and key frames of the file.
    cut: as in the index, which a scan tells before it ends.
    stream: the video stream being read.
    context: its decoder.

  Args:
    source: path of the file, or its bytes.
    name: name of the file in messages; by default its path.
    limit: seconds from now until `check_time` raises; None means never.
  """

  def __init__(self, source: Source, name: str | None, limit: float | None):
    self._source, self._container = source, None
    path = '<bytes>' if isinstance(source, bytes) else os.fspath(source)
    self.name = name or path
    self._limit = TimeLimit(limit)
    self._identity, self._fresh, self._failed = None, False, False
    self.index, self.cut = None, False

  def error(self, reason: str) -> DecodeError:
    self._failed = True
    return DecodeError(f'{self.name}: {reason}')

  def check_time(self, frame: int) -> None:
    """Raises DecodeError after the time limit; `frame` is the next one."""
    if self._limit.has_passed():
      raise self.error(
        f'{self._limit.describe()} at frame {frame}; repair or drop '
        'the file, or allow more time'
      )

  def load(self) -> None:
    """Opens the file, and reads every packet if its index is not known."""
    if not isinstance(self._source, bytes):
      self._identity = index_cache.identify(self._source)
      self.index = index_cache.find(self._identity)
    if self.index is None:
      self.open()
      self.index = scan.scan(self)
      if self._identity:
        index_cache.keep(self._identity, self.index)
    elif opened := kept.take(self._key):
      self._container, self.stream = opened
      self.context = self.stream.codec_context
    else:
      self.open()
    self.cut = self.index.cut

  @property
  def _key(self) -> kept.FileKey:
    return kept.FileKey(self._identity, self._limit.seconds)

  def close(self) -> None:
    """Closes the file, or keeps that of a long video for the next clip."""
    index = self.index
    long = index and self._identity and index.info.frames > index_cache.LONG
    if not (self._container and long) or self._failed:
      self._shut()
      return
    opened = kept.Opened(self._container, self.stream)
    self._container = None
    kept.give(self._key, opened, index.info.frames)

  def _shut(self) -> None:
    if self._container:
      self._container.close()
    self._container = None

  def open(self) -> None:
    """Opens the file; if it is open, reading starts again from its start."""
    self._shut()
    # FFmpeg checks the limit while it searches for a stream or a packet.
    self._container = pyav.open_file(self._find_source(), self._limit.seconds)
    self.stream = pyav.find_video_stream(self._container)
    if self.stream is None:
      raise self.error('has no video stream')
    self.context = self.stream.codec_context
    if self.context is None:
      raise self.error('is in a format that this FFmpeg does not decode')
    self._fresh = True

  def _find_source(self):
    if isinstance(self._source, bytes):
      return io.BytesIO(self._source)
    path = os.fspath(self._source)
    # Opening a pipe would wait for a writer.
    if not stat.S_ISREG(os.stat(path).st_mode):
      raise self.error('is not a regular file; give the path of a video')
    return path

  @property
  def format(self) -> str:
    """FFmpeg's name of the container."""
    return self._container.format.name

  def demux(self) -> Iterator[av.Packet]:
    """Yields the packets from where the file is being read."""
    self._fresh = False
    return self._container.demux(self.stream)

  def start(self, key: Key | None) -> Iterator[av.Packet]:
    """Yields the packets from a key frame, or from the start of the file."""
    # Some containers seek by presentation time, others by decoding time.
    targets = [key.pts, key.dts] if key else []
    for target in (target for target in targets if target is not None):
      self._container.seek(target, stream=self.stream)
      packets = self.demux()
      # Some containers yield earlier packets first, or only parts of them.
      for packet in packets:
        if (packet.pts, packet.size) == (key.pts, key.size):
          return itertools.chain([packet], packets)
        if packet.dts is None or key.dts is None or packet.dts > key.dts:
          break
    if not self._fresh:
      self.open()
    return self.demux()

  def decode(
    self, key: Key | None = None, frame: int = 0
  ) -> Iterator[av.VideoFrame]:
    """Decodes all pictures from a key frame, or from the start of the file.

    A file that starts between key frames begins with the first frame that
    decodes. Raises av.FFmpegError at a broken packet.

    Args:
      key: where to start.
      frame: number of the next frame, for the message after the time limit.
    """
    given = key is not None or not self.cut
    # The HEVC decoder before FFmpeg 8 outputs grey pictures for these packets.
    early = not given and pyav.get_codec_name(self.context) == 'hevc'
    for packet in self.start(key):
      self.check_time(frame)
      early &= not packet.is_keyframe
      if early:
        continue
      self.context.skip_frame = 'DEFAULT'
      try:
        pictures = packet.decode()
      except av.FFmpegError:
        if given:
          raise
        continue
      for picture in pictures:
        if given or not picture.is_corrupt:
          given = True
          yield picture
