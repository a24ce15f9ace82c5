"""Reads integers and flags from the headers of H.264 and HEVC."""

from i2v_jax.runtime.errors import UserError


class Bits:
  """The bits of a NAL unit, read field by field.

  A field past the end raises UserError.

  Args:
    data: the unit after its header, up to the last field needed.
  """

  def __init__(self, data: bytes):
    # 00 00 03 stands for 00 00, which would look like a start code.
    data = data.replace(b'\0\0\3', b'\0\0')
    self._value, self._left = int.from_bytes(data), 8 * len(data)

  def take(self, count: int) -> int:
    """Takes the next bits as an integer."""
    self._left -= count
    if self._left < 0:
      raise UserError('a header ends early')
    return self._value >> self._left & (1 << count) - 1

  def golomb(self) -> int:
    """Takes the next Exp-Golomb code: ue(v) of the standards."""
    rest = self._value & (1 << self._left) - 1
    # The first one is preceded by as many zeros as bits follow it.
    return self.take(2 * (self._left - rest.bit_length()) + 1) - 1

  def signed(self) -> int:
    """Takes the next se(v) of the standards."""
    code = self.golomb()
    return (code + 1) // 2 if code % 2 else -(code // 2)
