"""Whether timestamps agree with the order in which pictures are displayed.

Those of a file converted from AVI often do not: AVI stores no times, and those
that FFmpeg makes up follow the packets. The headers of the pictures give their
display order, and are cheap to read.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

from i2v_jax.data.videos import nal
from i2v_jax.runtime.errors import UserError

_SMALL = 19  # bytes; FFmpeg's limit for the packet of a placeholder
_IN_ORDER = {'h263', 'flv1'}  # FFmpeg decodes no B-frames of these


class Place(NamedTuple):
  """The place of a picture in the display order of its stream.

  Attributes:
    period: pictures of a later period are displayed later.
    count: place within the period, ascending.
    modulus: of `count`; 0 if it has none.
  """

  period: int
  count: int
  modulus: int = 0

  def precedes(self, other: 'Place') -> bool:
    """Whether `other` can be the next picture displayed."""
    if self.period != other.period or not self.modulus:
      return self[:2] < other[:2]
    return 0 < (other.count - self.count) % self.modulus < self.modulus / 2


_ANYWHERE = Place(0, 0)  # never before itself


class Header(NamedTuple):
  """Facts of the header of a packet.

  Attributes:
    place: of the picture; None if unknown.
    starts: decoding may start here and loses no later picture.
    enters: decoding may start here.
    hidden: no picture is displayed.
  """

  place: Place | None
  starts: bool
  enters: bool
  hidden: bool = False


class Order:
  """Reads the headers of packets, in decoding order.

  Attributes:
    cut: decoding cannot start at the first packet without losing frames.
    plain: every packet holds one picture, according to the headers.
    plain_later: so does every packet after the second key frame.

  Args:
    codec: its name in FFmpeg.
    extra: `extradata` of the stream.
    reorders: whether the codec may display pictures in another order.
    delays: whether the decoder waits for pictures that are displayed earlier;
      otherwise it outputs them out of order, or drops some.
  """

  def __init__(self, codec: str, extra: bytes, reorders: bool, delays: bool):
    self.cut, self.plain, self.plain_later = False, True, True
    self._found, self._first, self._keys = [], True, 0
    self._delays, self._last = delays, None
    self._read = _make_reader(codec, extra, reorders and codec not in _IN_ORDER)

  def add(self, data: bytes, time: int | None, is_key: bool) -> Header:
    """Reads the header of the next packet.

    Args:
      data: the contents of the packet.
      time: its presentation time; None if it has none.
      is_key: whether the container marks it as a key frame.
    """
    first, self._first = self._first, False
    try:
      header = self._read(data)
    except (ValueError, LookupError):
      self.plain, self.cut = False, self.cut or first
      self.plain_later &= self._keys < 2
      return Header(None, False, False)
    self.cut |= first and not (is_key and header.starts)
    self._keys += is_key and header.enters
    if not self._delays and header.place is not _ANYWHERE:
      if self._last and not self._last.precedes(header.place):
        self.plain = self.plain_later = False
      self._last = header.place
    if time is not None and header.place:
      self._found.append((time, header.place))
    return (
      header if is_key or not header.enters else header._replace(enters=False)
    )

  def agrees(self) -> bool:
    """Whether the known pictures are displayed in the order of their times."""
    if self.cut or not self._found:
      return False
    found = sorted(self._found)
    follow = all(a[1].precedes(b[1]) for a, b in itertools.pairwise(found))
    return follow and found[0] == self._found[0]


def _make_reader(codec: str, extra: bytes, reorders: bool) -> Callable:
  """Makes the function data -> Header; it raises ValueError or LookupError."""
  if codec in ('h264', 'hevc'):
    return _make_slice_reader(nal.Avc if codec == 'h264' else nal.Hevc, extra)
  if codec in ('mpeg1video', 'mpeg2video'):
    return _Delayed(_read_mpeg2)
  if codec == 'mpeg4':
    return _Delayed(_Mpeg4())
  if reorders:
    return _read_unknown
  return _make_counter(_is_hidden_vp8 if codec == 'vp8' else lambda data: False)


def _make_slice_reader(kind: type, extra: bytes) -> Callable:
  headers, period = [], 0

  def read(data: bytes) -> Header:
    nonlocal period
    if not headers:  # a faulty header is a UserError of the first packet
      headers.append(kind(extra))
    for unit in nal.split_units(data, headers[0].size):
      if headers[0].is_slice(unit):
        found = headers[0].read(unit)
        period += found.fresh or found.modulus == 1
        place = Place(period, found.count, found.modulus)
        return Header(place, found.starts, found.intra)
      headers[0].learn(unit)
    raise UserError('no slice')

  return read


class _Delayed:
  """MPEG-1, 2 and 4: a B-frame is displayed before the latest other frame."""

  def __init__(self, read: Callable[[bytes], int]):
    self._type, self._group, self._inside = read, 0, 0

  def __call__(self, data: bytes) -> Header:
    kind = self._type(data)
    if kind is None:
      return Header(_ANYWHERE, True, False)
    if kind != 'B':
      self._group, self._inside = self._group + 1, 0
      return Header(Place(self._group, 0), kind == 'I', kind == 'I')
    if self._group < 2:
      raise UserError('it needs pictures before the first key frame')
    self._inside += 1
    return Header(Place(self._group - 1, self._inside), False, False)


def _read_mpeg2(data: bytes) -> str:
  at = data.index(b'\0\0\1\0') + 5
  return '?IPBD???'[data[at] >> 3 & 7]


class _Mpeg4:
  """The type of a packet's picture; None in a packed stream.

  A packed stream may put two pictures in a packet, and a placeholder later.
  """

  def __init__(self):
    self._waits = self._packed = False

  def __call__(self, data: bytes) -> str | None:
    at = data.index(b'\0\0\1\xb6') + 4
    kind, two = data[at] >> 6, data.find(b'\0\0\1\xb6', at) >= 0
    placeholder = kind == 1 and len(data) <= _SMALL
    if (two and self._waits) or (placeholder and not self._waits):
      raise UserError('packets do not give one picture each')
    self._packed |= two
    self._waits = two or (self._waits and not placeholder)
    return None if self._packed else 'IPBS'[kind]


def _make_counter(hidden: Callable) -> Callable:
  count = itertools.count()

  def read(data: bytes) -> Header:
    return Header(Place(0, next(count)), True, True, hidden(data))

  return read


def _is_hidden_vp8(data: bytes) -> bool:
  return not data[0] & 16


def _read_unknown(data: bytes) -> Header:
  return Header(_ANYWHERE, True, True)
