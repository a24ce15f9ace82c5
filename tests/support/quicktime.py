"""QuickTime files whose frames are stored in another file."""

import struct

_AROUND = (b'moov', b'trak', b'mdia', b'minf', b'dinf', b'dref')


def pointing(data: bytes, target: str) -> bytes:
  """An MP4 that says its frames are in `target`, beside it; holds none.

  The index has to come last, so that places of frames stay as they are.
  """
  here = data.index(b'url ') - 4
  assert data.index(b'mdat') < here
  path = target.encode()
  alias = bytes(10) + bytes([1]) + b'V'.ljust(27, b'\0') + bytes(12)
  alias += bytes([len(path)]) + path.ljust(63, b'\0') + bytes(16)
  alias += struct.pack('>HH', 1, 1) + bytes(
    16
  )  # folders up from here, and down
  path = b'V:' + path + b'\0' * (len(path) % 2)
  alias += struct.pack('>HH', 2, len(path)) + path + b'\xff\xff\0\0'
  entry = struct.pack('>I4sI', 12 + len(alias), b'alis', 0) + alias
  made = bytearray(data)
  for name in _AROUND:
    start = data.index(name) - 4
    size = int.from_bytes(data[start : start + 4], 'big')
    made[start : start + 4] = (size + len(entry) - 12).to_bytes(4, 'big')
  made[here : here + 12] = entry
  frames = data.index(b'mdat') + 4
  end = frames - 8 + int.from_bytes(data[frames - 8 : frames - 4], 'big')
  made[frames:end] = bytes(end - frames)
  return bytes(made)
