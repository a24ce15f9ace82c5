"""Videos as other programs leave them: packets copied, times lost, cut."""

import itertools
import random

import av
from encoded import encode

CODECS = {
  'h264': ('libx264', 'h264'),
  'hevc': ('libx265', 'hevc'),
  'mpeg4': ('mpeg4', 'mpeg4'),
  'mpeg2': ('mpeg2video', 'mpeg2video'),
  'vp8': ('libvpx', 'vp8'),
  'vp9': ('libvpx-vp9', 'vp9'),
  'mjpeg': ('mjpeg', 'mjpeg'),
}
MUXERS = {
  'h264': 'mp4 mkv mov avi ts flv nut asf h264 3gp',
  'hevc': 'mp4 mkv mov ts nut hevc',
  'mpeg4': 'mp4 mkv mov avi nut asf m4v',
  'mpeg2': 'mkv ts mpg nut avi mxf mov m2v',
  'vp8': 'webm mkv avi nut ivf',
  'vp9': 'webm mkv mp4 ivf nut avi',
  'mjpeg': 'avi mkv mov nut',
}
KINDS = ('copied', 'decoding_order', 'one_later', 'cut', 'holed', 'no_times')


def options(codec: str, rng: random.Random) -> dict[str, str]:
  """Options of an encoder: B-frames, groups of pictures, open or closed."""
  bf, g = rng.randrange(4), rng.choice((1, 5, 8, 12, 250))
  if codec == 'h264':
    parts = [f'keyint={g}:min-keyint={min(g, 3)}:bframes={bf}:scenecut=0']
    parts += [f'b-pyramid={rng.choice(("none", "strict", "normal"))}']
    parts += [f'open-gop={rng.randrange(2)}:b-adapt={rng.randrange(2)}']
    parts += rng.choice([[], [], ['tff=1'], ['intra-refresh=1:open-gop=0']])
    return {'x264-params': ':'.join(parts), 'preset': 'superfast'}
  if codec == 'hevc':
    parts = f'keyint={g}:min-keyint=1:bframes={bf}:b-pyramid={rng.randrange(2)}'
    parts += f':open-gop={rng.randrange(2)}:repeat-headers={rng.randrange(2)}'
    parts += ':log-level=none:pools=1:frame-threads=1'
    return {'x265-params': parts, 'preset': 'superfast'}
  if codec in ('mpeg4', 'mpeg2'):
    return {'bf': str(bf), 'g': str(min(g, 60))}
  if codec in ('vp8', 'vp9'):
    hidden = rng.randrange(2)
    return {
      'g': str(g),
      'auto-alt-ref': str(hidden),
      'lag-in-frames': str(10 * hidden),
      'deadline': 'good' if hidden else 'realtime',
      'cpu-used': '5',
    }
  return {}


def make(folder, codec: str, muxer: str, kind: str, seed: int = 0):
  """A video of random structure, or None where the muxer refuses it.

  Args:
    folder: for the file, and one that it is made of.
    codec: one of `CODECS`.
    muxer: one of `MUXERS`, as an extension.
    kind: one of `KINDS`, what became of its packets.
    seed: of the structure.
  """
  rng = random.Random(f'{codec} {muxer} {kind} {seed}')
  count = rng.randrange(12, 40)
  ticks = list(range(0, 3 * count, 3))
  if rng.random() < 0.2 and codec != 'mpeg2':
    ticks = list(itertools.accumulate(rng.choices((2, 3, 7), k=count)))
  size = (64, 64) if codec == 'hevc' else (48, 32)
  pixels = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
  source = folder / f'{codec}-{seed}.source.mkv'
  given = options(codec, rng)
  encode(source, CODECS[codec][0], ticks, given, pixels, size)
  path = folder / f'{codec}-{kind}-{seed}.{muxer}'
  try:
    remux(source, path, kind, rng)
  except (av.FFmpegError, ValueError):
    return None  # a container without such packets, or such times
  return path


def remux(source, path, kind: str, rng: random.Random, lost=()) -> None:
  """Copies the packets of a video into another container, but the lost."""
  with av.open(str(source)) as read:
    packets = [packet for packet in read.demux(video=0) if packet.size]
    if kind == 'cut':
      lost = range(rng.randrange(1, len(packets) - 4))
    if kind == 'holed':
      lost = rng.sample(range(1, len(packets)), 2)
    with av.open(str(path), 'w') as written:
      stream = written.add_stream_from_template(read.streams.video[0])
      for number, packet in enumerate(packets):
        _set_times(packet, number, kind)
        packet.stream = stream
        if number not in lost:
          written.mux(packet)


def _set_times(packet: av.Packet, number: int, kind: str) -> None:
  if kind in ('decoding_order', 'one_later'):
    frame = int(1 / (30 * packet.time_base))
    packet.dts = number * frame
    packet.pts = packet.dts + (kind == 'one_later') * frame
  if kind == 'no_times':
    packet.pts = None
