"""Reads the bits of headers of H.264 and HEVC: whole numbers and flags."""

from i2v_jax.runtime.errors import UserError


class Bits:
  """The bits of a NAL unit, read one field after another.

  A field past the end raises UserError.

  Args:
    data: the unit after its header; only as much as is to be read.
  """

  def __init__(self, data: bytes):
    # 00 00 03 stands for 00 00, which would look like a start code.
    data = data.replace(b'\0\0\3', b'\0\0')
    self._value, self._left = int.from_bytes(data), 8 * len(data)

  def take(self, count: int) -> int:
    """The next bits as a number."""
    self._left -= count
    if self._left < 0:
      raise UserError('a header ends early')
    return self._value >> self._left & (1 << count) - 1

  def golomb(self) -> int:
    """The next Exp-Golomb code: ue(v) of the standards."""
    rest = self._value & (1 << self._left) - 1
    # As many zeros come before the first one as bits after it.
    return self.take(2 * (self._left - rest.bit_length()) + 1) - 1

  def signed(self) -> int:
    """The next se(v) of the standards."""
    code = self.golomb()
    return (code + 1) // 2 if code % 2 else -(code // 2)
