"""The packets of a video file: which frame each shows, where to start."""

import io
import itertools
import os
import stat
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import av

from i2v_jax.data import pyav

Source = str | os.PathLike | bytes

# These store no presentation times. FFmpeg guesses some, and guesses wrong
# once there are B-frames, so their frames are counted from the first one.
_UNTIMED = {'asf', 'avi', 'h264', 'hevc', 'm4v', 'mjpeg', 'mpegvideo'}
_UNTIMED |= {'mxf', 'vc1'}


class DecodeError(ValueError):
  """A video or one of its frames cannot be read; says which and why."""


class Key(NamedTuple):
  """A packet where decoding can start."""

  frame: int  # The first frame that decodes when decoding starts here.
  pts: int
  dts: int | None
  size: int  # bytes


class Packets:
  """An open file and what its packets tell; `scan` fills the attributes.

  Attributes:
    stream: the video stream that is read.
    context: its decoder.
    ticks: presentation times of the frames, ascending; empty where the file
      holds none, and frames have to be counted from the start.
    counts: times from the first frame to each, in units of `base` seconds.
    base: a fraction.
    whole: a packet holds a whole frame, and its time is that frame's.
    marked: the stream marks the frames that no other frame needs.

  Args:
    source: path of the file, or its bytes.
    name: of the file in messages; its path if not given.
    limit: seconds from now until `check_time` raises; None means never.
  """

  def __init__(self, source: Source, name: str | None, limit: float | None):
    self._source, self._container, self._limit = source, None, limit
    path = '<bytes>' if isinstance(source, bytes) else os.fspath(source)
    self.name = name or path
    self._end = time.monotonic() + (limit or 0)

  def error(self, reason: str) -> DecodeError:
    return DecodeError(f'{self.name}: {reason}')

  def check_time(self, frame: int) -> None:
    """Raises DecodeError where the time is up; `frame` is the next one."""
    if self._limit is not None and time.monotonic() > self._end:
      raise self.error(
        f'took longer than {self._limit:g} s at frame {frame}; repair or drop '
        'the file, or allow more time'
      )

  def close(self) -> None:
    if self._container:
      self._container.close()

  def open(self) -> None:
    """Opens the file, again if it is open: then reading starts anew."""
    self.close()
    # FFmpeg asks for it while it searches for a stream or for a packet.
    self._container = pyav.open_file(self._file(), self._limit)
    self.stream = pyav.video_stream(self._container)
    if self.stream is None:
      raise self.error('has no video stream')
    self.context = self.stream.codec_context

  def _file(self):
    if isinstance(self._source, bytes):
      return io.BytesIO(self._source)
    path = os.fspath(self._source)
    # Opening a pipe waits for somebody to write.
    if not stat.S_ISREG(os.stat(path).st_mode):
      raise self.error('is no regular file; give the path of a video')
    return path

  def scan(self) -> av.VideoFrame:
    """Reads every packet; returns the first picture."""
    first, shown, keys = None, [], []
    for packet in self._container.demux(self.stream):
      self.check_time(len(shown))
      first = first or self._picture(packet)
      if packet.size and not packet.is_discard:
        shown.append((packet.pts, packet.dts))
      if packet.is_keyframe and packet.pts is not None:
        keys.append((packet.pts, packet.dts, packet.size))
    if first is None or not shown:
      raise self.error('holds no frame that can be decoded')
    self._index(shown, keys)
    self._mark(first)
    return first

  def _picture(self, packet: av.Packet) -> av.VideoFrame | None:
    """The first picture; without the frames that delay its output."""
    pictures = packet.decode()
    if packet.is_keyframe and not pictures and not packet.is_discard:
      pictures = self.context.decode(None)
      self.context.flush_buffers()
    return next(iter(pictures), None)

  def _index(self, shown: list[tuple], keys: list[tuple]) -> None:
    times, order = zip(*shown, strict=True)
    self.ticks, self._keys = [], []
    timed = self._container.format.name not in _UNTIMED
    # Recordings one behind the other may each start at 0.
    ordered = None not in order and list(order) == sorted(order)
    timed &= None not in times and len(set(times)) == len(times)
    if timed and (ordered or None in order):
      self.ticks = order = sorted(times)
      keys.sort(key=lambda key: key[0])
      self._keys = [Key(bisect_left(order, key[0]), *key) for key in keys]
    self.base = pyav.fraction(self.stream.time_base)
    if not self.ticks and not (ordered and order[0] < order[-1]):
      self.base, order = 1 / self.rate, range(len(order))
    self.counts = [tick - order[0] for tick in order]

  @property
  def rate(self):
    """Frames per second, as stated or guessed."""
    found = self.stream.average_rate or self.stream.guessed_rate
    if not found:
      raise self.error('states neither times nor a frame rate; re-encode it')
    return pyav.fraction(found)

  def key(self, frame: int) -> Key | None:
    """Where decoding has to start; None means the start of the file."""
    place = bisect_right(self._keys, frame, key=lambda key: key.frame)
    return self._keys[place - 1] if place else None

  def _mark(self, first: av.VideoFrame) -> None:
    codec = pyav.codec_name(self.context)
    extra = self.context.extradata or b''
    fields = pyav.interlaced(self.context, first)
    self.whole = bool(self.ticks) and not fields
    # Byte 21 of hvcC (ISO/IEC 14496-15, 8.3.3.1.2) counts temporal layers: a
    # frame that its own layer does not need may be needed by the next.
    one_layer = len(extra) > 21 and extra[0] == 1 and extra[21] >> 3 & 7 == 1
    self.marked = self.whole and (
      codec == 'h264' or (codec == 'hevc' and one_layer)
    )

  def start(self, key: Key | None) -> Iterator[av.Packet]:
    """The packets from a key frame on, or from the start of the file."""
    # Some containers seek by presentation time, others by decoding time.
    targets = [key.pts, key.dts] if key else []
    for target in (target for target in targets if target is not None):
      self._container.seek(target, stream=self.stream)
      packets = self._container.demux(self.stream)
      # Before the key some containers give others, or only parts of them.
      for packet in packets:
        if (packet.pts, packet.size) == (key.pts, key.size):
          return itertools.chain([packet], packets)
        if packet.dts is None or key.dts is None or packet.dts > key.dts:
          break
    self.open()
    return self._container.demux(self.stream)
