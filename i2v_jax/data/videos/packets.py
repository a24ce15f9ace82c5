"""The packets of a video file: the frame that each shows, where to start."""

import io
import itertools
import os
import stat
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import av
import numpy as np

from i2v_jax.data.videos import pyav
from i2v_jax.data.videos.order import Order
from i2v_jax.runtime.errors import UserError

Source = str | os.PathLike | bytes

# These store no presentation times. FFmpeg guesses them, wrongly if there are
# B-frames, so their frames are counted from the first one.
_UNTIMED = {'asf', 'avi', 'h264', 'hevc', 'm4v', 'mjpeg', 'mpegvideo'}
_UNTIMED |= {'mxf', 'vc1'}
_EMPTY = 'holds no frame that can be decoded; record it again, or leave it out'


class DecodeError(UserError):
  """A video or one of its frames cannot be read; says which and why."""


class Key(NamedTuple):
  """A packet where decoding can start."""

  frame: int  # The first frame that decodes when decoding starts here.
  pts: int
  dts: int | None
  size: int  # bytes


class Packets:
  """An open file and the facts of its packets; `scan` sets the attributes.

  Attributes:
    stream: the video stream being read.
    context: its decoder.
    ticks: presentation times of the frames, ascending; empty if the file has
      none and frames must be counted from the start.
    counts: times from the first frame to each, in units of `base` seconds.
    base: a fraction.
    one_to_one: whether a packet holds one complete frame and that frame's time.
    listed: number of packets to be displayed.
    counted: whether packets do not determine the decoder's output, so that the
      frames were counted by decoding the complete file.
    marked: whether the stream marks frames that no other frame references.

  Args:
    source: path of the file, or its bytes.
    name: name of the file in messages; by default its path.
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
    """Raises DecodeError after the time limit; `frame` is the next one."""
    if self._limit is not None and time.monotonic() > self._end:
      raise self.error(
        f'took longer than {self._limit:g} s at frame {frame}; repair or drop '
        'the file, or allow more time'
      )

  def close(self) -> None:
    if self._container:
      self._container.close()

  def open(self) -> None:
    """Opens the file; if it is open, reading starts again from its start."""
    self.close()
    # FFmpeg checks the limit while it searches for a stream or a packet.
    self._container = pyav.open_file(self._find_source(), self._limit)
    self.stream = pyav.find_video_stream(self._container)
    if self.stream is None:
      raise self.error('has no video stream')
    self.context = self.stream.codec_context
    if self.context is None:
      raise self.error('is in a format that this FFmpeg does not decode')

  def _find_source(self):
    if isinstance(self._source, bytes):
      return io.BytesIO(self._source)
    path = os.fspath(self._source)
    # Opening a pipe would wait for a writer.
    if not stat.S_ISREG(os.stat(path).st_mode):
      raise self.error('is not a regular file; give the path of a video')
    return path

  def scan(self) -> av.VideoFrame:
    """Reads every packet; returns the first picture."""
    first, shown, keys = None, [], []
    self._order = Order(
      pyav.get_codec_name(self.context),
      bytes(self.context.extradata or b''),
      self.context.codec.reorder,
      self.context.has_b_frames,
    )
    for packet in self._container.demux(self.stream):
      self.check_time(len(shown))
      if packet.size:
        header = self._order.add(bytes(packet), packet.pts, packet.is_keyframe)
        if not (header.hidden or packet.is_discard):
          shown.append((packet.pts, packet.dts))
        if header.enters and packet.pts is not None:
          keys.append((packet.pts, packet.dts, packet.size))
      first = first or self._decode_first(packet)
    if not shown:
      raise self.error(_EMPTY)
    self.listed = len(shown)
    return self._index(first, shown, keys)

  def _decode_first(self, packet: av.Packet) -> av.VideoFrame | None:
    """Decodes the first picture, without the frames that delay its output."""
    try:
      pictures = packet.decode()
    except av.FFmpegError:
      if self._order.cut:
        return None
      raise
    if packet.is_keyframe and not pictures and not packet.is_discard:
      pictures = self.context.decode(None)
      self.context.flush_buffers()
    return next(iter(pictures), None)

  def _index(self, first, shown: list[tuple], keys: list) -> av.VideoFrame:
    """Numbers the frames; returns the first."""
    times, order = zip(*shown, strict=True)
    # Concatenated recordings may each start at 0.
    ordered = None not in order and list(order) == sorted(order)
    timed = None not in times and len(set(times)) == len(times)
    timed &= self._container.format.name not in _UNTIMED
    timed &= ordered or None in order
    trusted = self._order.agrees() if timed else not self._order.cut
    given = None
    if not (first and trusted and self._order.plain and not self._order.cut):
      first, given = self._decode_all()
    self.counted = bool(given) or not trusted
    if not self.counted:
      self._number(sorted(times) if timed else (), order, keys)
    elif given and None not in given and len(set(given)) == len(given):
      # The result of a seek is known only if the headers are.
      timed = self._order.plain_later and given == sorted(given)
      timed &= self._container.format.name not in _UNTIMED
      self._number(given if timed else (), sorted(given), keys)
    else:
      self._number((), [None] * len(given or shown), keys)
    self._mark(first)
    return first

  def _decode_all(self) -> tuple[av.VideoFrame, list]:
    """Decodes all pictures; returns the first and all times.

    There are no times if a packet is broken.
    """
    first, times = None, []
    try:
      for picture in self.decode():
        first = first or picture
        times.append(picture.pts)
    except av.FFmpegError:
      times = []
    if first is None:
      raise self.error(_EMPTY)
    return first, times

  def _number(self, ticks: Sequence, times: Sequence, keys: list) -> None:
    """Sets how frames are found and when each is displayed.

    Args:
      ticks: times that identify pictures; empty if pictures are counted.
      times: the times of counted frames; ignored if not in order.
      keys: (pts, dts, size) of packets where decoding can start.
    """
    self.ticks, self.base = list(ticks), pyav.to_fraction(self.stream.time_base)
    keys = sorted(keys, key=lambda key: key[0]) if ticks else []
    self._keys = [Key(bisect_left(self.ticks, key[0]), *key) for key in keys]
    times = self.ticks or list(times)
    known = None not in times and times == sorted(times)
    if not self.ticks and not (known and times[0] < times[-1]):
      self.base, times = 1 / self.rate, range(len(times))
    self.counts = [time - times[0] for time in times]

  @property
  def rate(self):
    """Frames per second, as stated by the file or guessed by FFmpeg."""
    found = self.stream.average_rate or self.stream.guessed_rate
    if not found:
      raise self.error('states neither times nor a frame rate; re-encode it')
    return pyav.to_fraction(found)

  def find_key(self, frame: int) -> Key | None:
    """Finds where decoding must start; None means the start of the file."""
    place = bisect_right(self._keys, frame, key=lambda key: key.frame)
    return self._keys[place - 1] if place else None

  def find_starts(self, frames: np.ndarray) -> np.ndarray:
    """Finds the frame at which decoding of each of [n] frames starts."""
    keys = np.array([0, *(key.frame for key in self._keys)], np.int64)
    return keys[np.searchsorted(keys[1:], frames, side='right')]

  def _mark(self, first: av.VideoFrame) -> None:
    codec = pyav.get_codec_name(self.context)
    extra = self.context.extradata or b''
    fields = pyav.is_interlaced(self.context, first)
    self.one_to_one = bool(self.ticks) and not (fields or self.counted)
    # Byte 21 of hvcC (ISO/IEC 14496-15, 8.3.3.1.2) counts temporal layers: a
    # frame that its own layer does not need may be needed by the next.
    one_layer = len(extra) > 21 and extra[0] == 1 and extra[21] >> 3 & 7 == 1
    self.marked = self.one_to_one and (
      codec == 'h264' or (codec == 'hevc' and one_layer)
    )

  def start(self, key: Key | None) -> Iterator[av.Packet]:
    """Yields the packets from a key frame, or from the start of the file."""
    # Some containers seek by presentation time, others by decoding time.
    targets = [key.pts, key.dts] if key else []
    for target in (target for target in targets if target is not None):
      self._container.seek(target, stream=self.stream)
      packets = self._container.demux(self.stream)
      # Some containers yield earlier packets first, or only parts of them.
      for packet in packets:
        if (packet.pts, packet.size) == (key.pts, key.size):
          return itertools.chain([packet], packets)
        if packet.dts is None or key.dts is None or packet.dts > key.dts:
          break
    self.open()
    return self._container.demux(self.stream)

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
    given = key is not None or not self._order.cut
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
