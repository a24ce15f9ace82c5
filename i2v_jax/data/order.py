"""Whether timestamps have the order in which a decoder gives the pictures.

Those of a file that was an AVI once often do not: AVI stores no times, and what
FFmpeg puts in their place follows the packets. The headers of the pictures say
in which order they are shown, and cost little to read.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

from i2v_jax.data import nal

_SMALL = 19  # bytes; FFmpeg takes no longer packet for a placeholder
_IN_ORDER = {'h263', 'flv1'}  # FFmpeg's decoders of them have no B-frames


class Place(NamedTuple):
  """Where a picture is shown among the others of its stream.

  Attributes:
    period: pictures of a later one are shown later.
    count: within the period, ascending.
    modulus: of `count`; 0 if it has none.
  """

  period: int
  count: int
  modulus: int = 0

  def before(self, other: 'Place') -> bool:
    """Whether `other` can be the next picture that is shown."""
    if self.period != other.period or not self.modulus:
      return self[:2] < other[:2]
    return 0 < (other.count - self.count) % self.modulus < self.modulus / 2


class Order:
  """Reads the headers of packets, in decoding order.

  Attributes:
    cut: the first packet is none where decoding can start and lose nothing.
    plain: every packet gives one picture, from the first on, as far as the
      headers say.

  Args:
    codec: FFmpeg's name of it.
    extra: `extradata` of the stream.
    reorders: pictures of this codec may be shown in another order.
  """

  def __init__(self, codec: str, extra: bytes, reorders: bool):
    self.cut, self.plain = False, True
    self._found, self._first = [], True
    self._read = _reader(codec, extra, reorders and codec not in _IN_ORDER)

  def add(self, data: bytes, time: int | None, is_key: bool) -> bool:
    """Adds the next packet.

    Args:
      data: what it holds.
      time: its presentation time; None if it has none, or is not to be shown.
      is_key: as the container has it.

    Returns:
      whether it holds a picture that is to be shown.
    """
    first, self._first = self._first, False
    try:
      place, starts = self._read(data)
    except (ValueError, LookupError):
      self.plain, self.cut = False, self.cut or first
      return True
    self.cut |= first and not (is_key and starts)
    self.plain &= not self.cut
    if place and time is not None:
      self._found.append((time, place))
    return place is not None

  def agrees(self) -> bool:
    """Whether the pictures that are known are shown in the order of times."""
    if self.cut or not self._found:
      return False
    found = sorted(self._found)
    follow = all(a[1].before(b[1]) for a, b in itertools.pairwise(found))
    return follow and found[0] == self._found[0]


_ANYWHERE = Place(0, 0)  # never before itself


def _reader(codec: str, extra: bytes, reorders: bool) -> Callable:
  """What reads a packet: (place, None if it shows nothing; can start)."""
  if codec in ('h264', 'hevc'):
    return _slices(nal.Avc if codec == 'h264' else nal.Hevc, extra)
  readers = {'mpeg1video': _mpeg2, 'mpeg2video': _mpeg2, 'mpeg4': _mpeg4}
  if codec in readers:
    return readers[codec]()
  if reorders:
    return _unknown
  return _in_order(_hidden_vp8 if codec == 'vp8' else lambda data: False)


def _slices(kind: type, extra: bytes) -> Callable:
  headers, periods = [], itertools.count(1)
  period = 0

  def read(data: bytes) -> tuple[Place, bool]:
    nonlocal period
    if not headers:  # a faulty header is a ValueError of the first packet
      headers.append(kind(extra))
    for unit in nal.units(data, headers[0].size):
      if headers[0].is_slice(unit):
        fresh, count, modulus = headers[0].place(unit)
        # Places of the modulus 1 follow the order of decoding.
        period = next(periods) if fresh or modulus == 1 else period
        return Place(period, count, modulus), headers[0].can_start(unit)
      headers[0].learn(unit)
    raise ValueError('no slice')

  return read


def _mpeg2() -> Callable:
  """MPEG-1 and 2: the temporal reference, which each group starts again."""
  period = 0

  def read(data: bytes) -> tuple[Place, bool]:
    nonlocal period
    at = data.index(b'\0\0\1\0') + 4
    count = data[at] << 2 | data[at + 1] >> 6
    period += data.rfind(b'\0\0\1\xb8', 0, at) >= 0
    # Before the first I-frame there may be others that need one before it.
    starts = data[at + 1] >> 3 & 7 == 1 and not count
    return Place(period, count, 1024), starts

  return read


def _mpeg4() -> Callable:
  """MPEG-4 part 2: a B-frame is shown before the last of the others."""
  group, inside, packed = 0, 0, False

  def read(data: bytes) -> tuple[Place, bool]:
    nonlocal group, inside, packed
    at = data.index(b'\0\0\1\xb6') + 4
    kind, again = data[at] >> 6, data.find(b'\0\0\1\xb6', at)
    waiting, packed = packed, again >= 0
    small = kind == 1 and len(data) <= _SMALL
    if packed or waiting or small:
      # Two pictures, and then a placeholder for the second.
      if waiting == packed or packed == small:
        raise ValueError('packets do not hold one picture each')
      return _ANYWHERE, kind == 0
    if kind == 2:
      inside += 1
      return Place(group - 1, inside), False
    group, inside = group + 1, 0
    return Place(group, inside), kind == 0

  return read


def _in_order(hidden: Callable) -> Callable:
  count = itertools.count()

  def read(data: bytes) -> tuple[Place | None, bool]:
    return (None if hidden(data) else Place(0, next(count))), True

  return read


def _hidden_vp8(data: bytes) -> bool:
  return not data[0] & 16


def _unknown(data: bytes) -> tuple[Place, bool]:
  return _ANYWHERE, True
