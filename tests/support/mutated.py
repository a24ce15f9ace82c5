"""Makes files that no decoder should be given, out of clips that are fine."""

import os
import pathlib
import random
import stat
from collections.abc import Callable, Sequence

from i2v_jax.data.videos import decode


def _truncated(data: bytearray, rng: random.Random) -> bytes:
  return data[: rng.randrange(1, len(data))]


def _flipped(data: bytearray, rng: random.Random) -> bytes:
  for _ in range(rng.choice((1, 10, 100))):
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
  return data


def _header(data: bytearray, rng: random.Random) -> bytes:
  """Bits flipped where containers say what they hold: at both ends."""
  for _ in range(8):
    data[rng.randrange(-1500, 1500)] ^= 1 << rng.randrange(8)
  return data


def _overwritten(data: bytearray, rng: random.Random) -> bytes:
  start, size = rng.randrange(len(data)), rng.randrange(1, 3000)
  data[start : start + size] = rng.randbytes(size)
  return data


def _shortened(data: bytearray, rng: random.Random) -> bytes:
  start = rng.randrange(len(data))
  del data[start : start + rng.randrange(1, 3000)]
  return data


def _noise(data: bytearray, rng: random.Random) -> bytes:
  return rng.randbytes(rng.randrange(1, 5000))


def _headed_noise(data: bytearray, rng: random.Random) -> bytes:
  head = rng.randrange(8, 2000)
  return data[:head] + rng.randbytes(len(data) - head)


def _link_to_pipe(path: pathlib.Path) -> None:
  pipe = path.with_name(f'.{path.stem}.pipe')  # hidden: not tried itself
  os.mkfifo(pipe)
  path.symlink_to(pipe)


# What becomes of the content; and what of the name, which is an error too.
CONTENTS: dict[str, Callable[[bytearray, random.Random], bytes]] = {
  'truncated': _truncated,
  'flipped': _flipped,
  'header': _header,
  'overwritten': _overwritten,
  'shortened': _shortened,
  'noise': _noise,
  'headed_noise': _headed_noise,
  'text': lambda data, rng: b'not a video\n' * rng.randrange(1, 99),
  'empty': lambda data, rng: b'',
  'intact': lambda data, rng: bytes(data),
  'wrong_extension': lambda data, rng: bytes(data),
}
# What cannot be opened as a file, whoever asks.
PLACES: dict[str, Callable[[pathlib.Path], None]] = {
  'folder': lambda path: path.mkdir(),
  'pipe': os.mkfifo,
  'socket': lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
  'link_to_nothing': lambda path: path.symlink_to('nothing.mp4'),
  'link_to_itself': lambda path: path.symlink_to(path.name),
  'link_to_pipe': _link_to_pipe,
}
# Twice as many of those that reach the decoder as of the others.
KINDS = (*[*CONTENTS][:5], *CONTENTS, *PLACES)


def make(
  clips: Sequence[pathlib.Path],
  folder: pathlib.Path,
  count: int,
  seed: int = 0,
) -> dict[pathlib.Path, str]:
  """Writes `count` of them; returns the kind of each, one of `KINDS`.

  All kinds come in turn, each with another of the clips; the same seed makes
  the same files.
  """
  rng, made = random.Random(seed), {}
  for number in range(count):
    kind = KINDS[number % len(KINDS)]
    clip = clips[(number + number // len(KINDS)) % len(clips)]
    ending = '.mpg' if kind == 'wrong_extension' else clip.suffix
    path = folder / f'{number:05d}_{kind}{ending}'
    if kind in PLACES:
      PLACES[kind](path)
    else:
      path.write_bytes(CONTENTS[kind](bytearray(clip.read_bytes()), rng))
    made[path] = kind
  return made


def first_unreadable(path):
  """The first frame that cannot be read, one by one; None if all can."""
  with decode.open_video(path) as video:
    for frame in range(video.info.frames):
      try:
        video.read([frame])
      except decode.DecodeError:
        return frame
  return None
