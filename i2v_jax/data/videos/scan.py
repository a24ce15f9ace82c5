"""Reads every packet of a video file once, and makes its index."""

import dataclasses
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from i2v_jax.data.videos import display, pyav
from i2v_jax.data.videos.index import NO_TIME, Index, make_times
from i2v_jax.data.videos.order import Order
from i2v_jax.data.videos.video_info import VideoInfo
from i2v_jax.runtime.errors import UserError

# These store no presentation times. FFmpeg guesses them, wrongly if there are
# B-frames, so their frames are counted from the first one.
UNTIMED = {'asf', 'avi', 'h264', 'hevc', 'm4v', 'mjpeg', 'mpegvideo'}
UNTIMED |= {'mxf', 'vc1'}
_EMPTY = 'holds no frame that can be decoded; record it again, or leave it out'


def scan(packets) -> Index:
  """Reads every packet of a file, and decodes its first picture.

  All pictures are decoded if the packets do not tell what the decoder gives.

  Args:
    packets: a `packets.Packets` at the start of the file.

  Raises:
    DecodeError: no frame decodes, or the file has no frame rate that it needs.
    av.FFmpegError: the first picture cannot be decoded.
  """
  return _Scan(packets).run()


@dataclasses.dataclass
class _Numbers:
  """How frames are found, and when each is displayed."""

  counts: np.ndarray
  base: Fraction
  start: int | None
  keys: np.ndarray


class _Scan:
  """One pass over an open file."""

  def __init__(self, packets):
    self.packets, context = packets, packets.context
    self.order = Order(
      pyav.get_codec_name(context),
      bytes(context.extradata or b''),
      context.codec.reorder,
      context.has_b_frames,
    )

  def run(self) -> Index:
    first, shown, keys = None, [], []
    for packet in self.packets.demux():
      self.packets.check_time(len(shown))
      if packet.size:
        header = self.order.add(bytes(packet), packet.pts, packet.is_keyframe)
        if not (header.hidden or packet.is_discard):
          shown.append((packet.pts, packet.dts))
        if header.enters and packet.pts is not None:
          keys.append((packet.pts, packet.dts, packet.size))
      first = first or self._decode_first(packet)
    if not shown:
      raise self.packets.error(_EMPTY)
    return self._make_index(first, shown, keys)

  def _decode_first(self, packet: av.Packet) -> av.VideoFrame | None:
    """Decodes the first picture, without the frames that delay its output."""
    try:
      pictures = packet.decode()
    except av.FFmpegError:
      if self.order.cut:
        return None
      raise
    if packet.is_keyframe and not pictures and not packet.is_discard:
      pictures = self.packets.context.decode(None)
      self.packets.context.flush_buffers()
    return next(iter(pictures), None)

  def _make_index(self, first, shown: list[tuple], keys: list) -> Index:
    """Numbers the frames, and describes the first."""
    times, order = zip(*shown, strict=True)
    # Concatenated recordings may each start at 0.
    ordered = None not in order and list(order) == sorted(order)
    timed = None not in times and len(set(times)) == len(times)
    timed &= self.packets.format not in UNTIMED
    timed &= ordered or None in order
    trusted = self.order.agrees() if timed else not self.order.cut
    given = None
    if not (first and trusted and self.order.plain and not self.order.cut):
      first, given = self._decode_all()
    counted = bool(given) or not trusted
    if not counted:
      numbers = self._number(sorted(times) if timed else (), order, keys)
    elif given and None not in given and len(set(given)) == len(given):
      # The result of a seek is known only if the headers are.
      timed = self.order.plain_later and given == sorted(given)
      timed &= self.packets.format not in UNTIMED
      numbers = self._number(given if timed else (), sorted(given), keys)
    else:
      numbers = self._number((), [None] * len(given or shown), keys)
    return self._describe(first, numbers, len(shown), counted)

  def _decode_all(self) -> tuple[av.VideoFrame, list]:
    """Decodes all pictures; returns the first and all times.

    There are no times if a packet is broken.
    """
    first, times = None, []
    self.packets.cut = self.order.cut
    try:
      for picture in self.packets.decode():
        first = first or picture
        times.append(picture.pts)
    except av.FFmpegError:
      times = []
    if first is None:
      raise self.packets.error(_EMPTY)
    return first, times

  def _number(self, ticks: Sequence, times: Sequence, keys: list) -> _Numbers:
    """Decides how frames are found and when each is displayed.

    Args:
      ticks: times that identify pictures; empty if pictures are counted.
      times: the times of counted frames; ignored if not in order.
      keys: (pts, dts, size) of packets where decoding can start.
    """
    base = pyav.to_fraction(self.packets.stream.time_base)
    keys = sorted(keys, key=lambda key: key[0]) if ticks else []
    found = [
      (bisect_left(ticks, pts), pts, NO_TIME if dts is None else dts, size)
      for pts, dts, size in keys
    ]
    times = list(ticks or times)
    known = None not in times and times == sorted(times)
    if not ticks and not (known and times[0] < times[-1]):
      base, times = 1 / self._find_rate(), range(len(times))
    counts = np.array([time - times[0] for time in times], np.int64)
    start = ticks[0] if ticks else None
    return _Numbers(
      counts, base, start, np.array(found, np.int64).reshape(-1, 4)
    )

  def _find_rate(self) -> Fraction:
    """Finds frames per second, as stated by the file or guessed by FFmpeg."""
    stream = self.packets.stream
    found = stream.average_rate or stream.guessed_rate
    if not found:
      raise self.packets.error(
        'states neither times nor a frame rate; re-encode it'
      )
    return pyav.to_fraction(found)

  def _describe(
    self, first: av.VideoFrame, numbers: _Numbers, listed: int, counted: bool
  ) -> Index:
    """Describes a video whose frames have numbers."""
    try:
      shown = display.read_display(self.packets.stream, first)
    except UserError as error:
      raise self.packets.error(
        f'{error}; re-encode it: ffmpeg -i IN OUT'
      ) from None
    context, n = self.packets.context, len(numbers.counts)
    interlaced = bool(pyav.is_interlaced(context, first))
    one_to_one = numbers.start is not None and not (interlaced or counted)
    height, width = shown.size
    duration = (
      int(numbers.counts[-1]) * numbers.base * n / (n - 1)
      if n > 1
      else 1 / self._find_rate()
    )
    info = VideoInfo(
      frames=n,
      height=height,
      width=width,
      fps=float(n / duration),
      duration=float(duration),
      codec=pyav.get_codec_name(context),
      rotation=shown.rotation,
      times=make_times(numbers.counts, numbers.base),
      mirrored=shown.mirrored,
      pixel_aspect=float(shown.pixel_aspect),
      interlaced=interlaced,
    )
    return Index(
      info=info,
      display=shown,
      **vars(numbers),
      listed=listed,
      cut=self.order.cut,
      counted=counted,
      one_to_one=one_to_one,
      marked=one_to_one and _marks_unneeded(context),
    )


def _marks_unneeded(context: av.CodecContext) -> bool:
  """Whether the packets of a codec say which frames no other needs."""
  codec, extra = pyav.get_codec_name(context), context.extradata or b''
  # Byte 21 of hvcC (ISO/IEC 14496-15, 8.3.3.1.2) counts temporal layers: a
  # frame that its own layer does not need may be needed by the next.
  one_layer = len(extra) > 21 and extra[0] == 1 and extra[21] >> 3 & 7 == 1
  return codec == 'h264' or (codec == 'hevc' and one_layer)
