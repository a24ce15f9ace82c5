"""Splits bytes into JPEG files, without waiting for the start of the next."""

from collections.abc import Iterator

LARGEST = 64 * 2**20  # bytes of a JPEG
_START, _SCAN, _END = 0xD8, 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length


class JpegSplitter:
  """Takes bytes as they come; gives each JPEG as soon as its end is there.

  Thumbnails inside a JPEG are parts of it.

  Attributes:
    skipped: bytes between JPEGs, and of unfinished ones, so far.
  """

  def __init__(self):
    self._data, self._place, self._in_scan = bytearray(), 0, False
    self.skipped = 0

  @property
  def unfinished(self) -> bool:
    """Whether a JPEG has begun whose end is not there."""
    return self._place > 0

  def take(self, data: bytes) -> Iterator[bytes]:
    """Takes bytes; yields the JPEGs that end in them."""
    self._data += data
    while self._find_start():
      end = self._find_end()
      if end is None:
        if len(self._data) > LARGEST:
          self._drop(2)
          continue
        return
      if end:
        jpeg = bytes(self._data[:end])
        del self._data[:end]
        self._place = 0
        yield jpeg
      else:
        self._drop(2)

  def _drop(self, count: int) -> None:
    del self._data[:count]
    self.skipped += count
    self._place = 0

  def _find_start(self) -> bool:
    """Drops what is before a start; False if there is none yet."""
    if self._place:
      return True
    start = self._data.find(b'\xff\xd8\xff')
    if start < 0:
      # Its first two bytes may be there already.
      self._drop(max(len(self._data) - 2, 0))
      return False
    self._drop(start)
    self._place, self._in_scan = 2, False
    return True

  def _find_end(self) -> int | None:
    """Where the JPEG ends; None if not yet, 0 if it is none."""
    data = self._data
    while True:
      if self._in_scan:
        place = data.find(b'\xff', self._place)
        self._place = len(data) if place < 0 else place
      if self._place + 2 > len(data):
        return None
      marker = data[self._place + 1]
      if data[self._place] != 0xFF or (marker == _START):
        return 0
      if marker == 0xFF:  # padding
        self._place += 1
      elif marker == _END:
        return self._place + 2
      elif marker in _ALONE or (self._in_scan and marker == 0):
        self._place += 2
      else:
        length = data[self._place + 2 : self._place + 4]
        if len(length) < 2:
          return None
        self._place += 2 + int.from_bytes(length)
        self._in_scan = marker == _SCAN
