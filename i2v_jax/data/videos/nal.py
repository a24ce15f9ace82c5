"""H.264 and HEVC: the picture order count in the headers of the slices.

Both readers remember parameter sets. `read` raises UserError, or KeyError for a
missing parameter set, if a packet may not hold exactly one displayed picture.
"""

from collections.abc import Iterator
from typing import NamedTuple

from i2v_jax.data.videos.bits import Bits
from i2v_jax.runtime.errors import UserError

_HEAD = 32  # bytes of a slice that suffice
_SETS = 512  # bytes of a parameter set that suffice
# Profiles of H.264 whose sequence parameter set states the chroma format.
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


class Slice(NamedTuple):
  """Facts of the first slice of a picture.

  Attributes:
    fresh: it begins a period: it is displayed after all earlier pictures.
    count: its place in the period, modulo `modulus`.
    modulus: 1 if pictures are displayed in decoding order.
    starts: decoding may start here and loses no later picture.
    intra: decoding may start here.
  """

  fresh: bool
  count: int
  modulus: int
  starts: bool
  intra: bool


class Avc:
  """H.264 (ITU-T H.264, 7.3).

  Args:
    extra: `extradata` of the stream.
  """

  def __init__(self, extra: bytes):
    self._sps, self._pps, self._number = {}, {}, 0
    self.size = (extra[4] & 3) + 1 if extra[:1] == b'\1' else 0
    for unit in _read_avcc(extra) if self.size else split_units(extra, 0):
      self.learn(unit)

  def is_slice(self, unit: bytes) -> bool:
    return unit[0] & 31 in (1, 2, 5)

  def learn(self, unit: bytes) -> None:
    """Remembers a parameter set."""
    kind, bits = unit[0] & 31, Bits(unit[1:])
    if kind == 7:
      self._sequence(bits)
    elif kind == 8:
      self._pps[bits.golomb()] = bits.golomb()

  def _sequence(self, bits: Bits) -> None:
    profile, _, name = bits.take(8), bits.take(16), bits.golomb()
    colours = 1
    if profile in _HIGH:
      colours = bits.golomb()
      separate = colours == 3 and bits.take(1)
      bits.golomb(), bits.golomb(), bits.take(1)
      if bits.take(1):
        for number in range(12 if colours == 3 else 8):
          _skip_scaling(bits, 16 if number < 6 else 64)
    else:
      separate = 0
    frame_number = bits.golomb() + 4
    kind, span = bits.golomb(), 0
    if kind == 0:
      span = bits.golomb() + 4
    elif kind == 1:
      raise UserError('the order of pictures is of type 1')
    bits.golomb()
    gaps = bits.take(1)
    bits.golomb(), bits.golomb()
    self._sps[name] = separate, frame_number, span, gaps, bits.take(1)

  def read(self, unit: bytes) -> Slice:
    bits, fresh = Bits(unit[1:_HEAD]), unit[0] & 31 == 5
    bits.golomb()
    # A rolling intra refresh has key frames of P-slices.
    intra = bits.golomb() % 5 in (2, 4)
    separate, size, span, gaps, frames = self._sps[self._pps[bits.golomb()]]
    bits.take(2 * separate)
    before, number = self._number, bits.take(size)
    if fresh or unit[0] & 96:
      self._number = number
    if not (fresh or gaps) and (number - before) % (1 << size) > 1:
      raise UserError('a picture that others need is missing')
    if not frames and bits.take(1):
      raise UserError('a field may come in a packet of its own')
    if fresh:
      bits.golomb()
    return Slice(fresh, bits.take(span), 1 << span, fresh, intra)


class Hevc:
  """HEVC (ITU-T H.265, 7.3), its base layer.

  Args:
    extra: `extradata` of the stream.
  """

  def __init__(self, extra: bytes):
    self._sps, self._pps, self._keys = {}, {}, 0
    self.size = (extra[21] & 3) + 1 if _is_hvcc(extra) else 0
    for unit in _read_hvcc(extra) if self.size else split_units(extra, 0):
      self.learn(unit)

  def is_slice(self, unit: bytes) -> bool:
    return unit[0] >> 1 & 63 < 32 and not _read_layer(unit)

  def learn(self, unit: bytes) -> None:
    """Remembers a parameter set."""
    kind, bits = unit[0] >> 1 & 63, Bits(unit[2:])
    if _read_layer(unit):
      return
    if kind == 33:
      self._sequence(bits)
    elif kind == 34:
      name, sequence = bits.golomb(), bits.golomb()
      bits.take(1)
      self._pps[name] = sequence, bits.take(1), bits.take(3)

  def _sequence(self, bits: Bits) -> None:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in present:
      bits.take(88 * profile + 8 * level)
    name, colours = bits.golomb(), bits.golomb()
    separate = colours == 3 and bits.take(1)
    bits.golomb(), bits.golomb()
    if bits.take(1):
      for _ in range(4):
        bits.golomb()
    bits.golomb(), bits.golomb()
    self._sps[name] = separate, bits.golomb() + 4

  def read(self, unit: bytes) -> Slice:
    kind, bits = unit[0] >> 1 & 63, Bits(unit[2:_HEAD])
    key = 16 <= kind <= 23
    self._keys += key
    if kind in (8, 9) and self._keys < 2:
      raise UserError('it needs pictures before the first key frame')
    bits.take(1 + key)
    sequence, output, extra = self._pps[bits.golomb()]
    separate, span = self._sps[sequence]
    bits.take(extra), bits.golomb()
    if output and not bits.take(1):
      raise UserError('a picture is not shown')
    if kind in (19, 20):
      return Slice(True, 0, 1 << span, True, True)
    bits.take(2 * separate)
    return Slice(kind < 19 and key, bits.take(span), 1 << span, key, key)


def _read_layer(unit: bytes) -> int:
  return (unit[0] & 1) << 5 | unit[1] >> 3


def split_units(data: bytes, size: int) -> Iterator[bytes]:
  """Splits a packet into NAL units of length prefixes of `size` bytes, or 0."""
  return _split_sized(data, size) if size else _split_annex_b(data)


def _split_sized(data: bytes, size: int) -> Iterator[bytes]:
  at = 0
  while at + size < len(data):
    stop = at + size + int.from_bytes(data[at : at + size])
    if stop > at + size + 1:
      yield data[at + size : min(stop, at + size + _SETS)]
    at = stop


def _split_annex_b(data: bytes) -> Iterator[bytes]:
  at = data.find(b'\0\0\1')
  while 0 <= at < len(data) - 4:
    after = data.find(b'\0\0\1', at + 3)
    stop = after if after > 0 else len(data)
    yield data[at + 3 : min(stop, at + 3 + _SETS)]
    at = after


def _read_avcc(extra: bytes) -> Iterator[bytes]:
  at = 6
  for count in (extra[5] & 31, None):
    if count is None and at < len(extra):
      count, at = extra[at], at + 1
    for _ in range(count or 0):
      stop = at + 2 + int.from_bytes(extra[at : at + 2])
      yield extra[at + 2 : stop]
      at = stop


def _is_hvcc(extra: bytes) -> bool:
  # Annex B begins with 00 00 01 or 00 00 00 01.
  return len(extra) > 22 and extra[:3] not in (b'\0\0\0', b'\0\0\1')


def _read_hvcc(extra: bytes) -> Iterator[bytes]:
  at = 23
  for _ in range(extra[22]):
    count, at = int.from_bytes(extra[at + 1 : at + 3]), at + 3
    for _ in range(count):
      stop = at + 2 + int.from_bytes(extra[at : at + 2])
      yield extra[at + 2 : stop]
      at = stop


def _skip_scaling(bits: Bits, count: int) -> None:
  if not bits.take(1):
    return
  last = step = 8
  for _ in range(count):
    if step:
      step = (last + bits.signed()) % 256
    last = step or last
