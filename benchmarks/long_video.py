r"""Clips out of a long video, and out of the same spans as files of their own.

  python benchmarks/long_video.py --minutes 120 --size 340x256 --gop 16

Makes an H.264 video of moving texture, 30 frames a second: a part of it, at
most 5 minutes, is encoded, and repeated to the length. Random spans of 32
frames are cut out twice: encoded again with the same settings, and copied from
the key frame before on. 8 frames of each span, every fourth, are read in turn
from all three, in another order each round.
"""

import argparse
import os
import pathlib
import tempfile
import time
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import av
import cv2
import numpy as np
from cpu import describe_cpu

from i2v_jax.data.videos import decode, index_cache, kept
from i2v_jax.data.videos.span import Span

FPS, FRAMES, STRIDE = 30, 32, 4
PART = 5 * 60 * FPS  # frames that are encoded
WAYS = ('in the long video', 'encoded again', 'copied')


class Place(NamedTuple):
  """A span of a file, in seconds."""

  path: str
  start: float
  end: float


def draw(frames: Iterable[int], size: tuple[int, int]):
  """Yields images of a texture that moves."""
  width, height = size
  noise = np.random.default_rng(0).random((height + 64, width + 64, 3))
  noise = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 3)
  noise = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
  for frame in frames:
    x, y = int(32 + 31 * np.sin(frame / 17)), int(32 + 31 * np.cos(frame / 23))
    yield np.ascontiguousarray(noise[y : y + height, x : x + width])


def encode(path: str, images: Iterable[np.ndarray], size, gop: int) -> None:
  """Encodes RGB images."""
  options = {'preset': 'veryfast', 'g': str(gop)}
  with av.open(path, 'w') as file:
    stream = file.add_stream('libx264', rate=FPS, options=options)
    (stream.width, stream.height), stream.pix_fmt = size, 'yuv420p'
    for number, image in enumerate(images):
      frame = av.VideoFrame.from_ndarray(image)
      frame.pts, frame.time_base = number, Fraction(1, FPS)
      file.mux(stream.encode(frame))
    file.mux(stream.encode())


def repeat(source: str, path: str, times: int, seconds: float) -> None:
  """Writes a video several times into one."""
  with av.open(path, 'w') as target:
    stream = None
    for turn in range(times):
      with av.open(source) as part:
        read = part.streams.video[0]
        stream = stream or target.add_stream_from_template(read)
        offset = round(turn * seconds / read.time_base)
        for packet in part.demux(read):
          if packet.size:
            packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
            packet.stream = stream
            target.mux(packet)


def copy(video: decode.Video, path: str, frame: int) -> Place:
  """Copies the packets of a span, from the key frame before it on."""
  packets, index = video.packets, video.packets.index
  key, end = index.find_key(frame), index.get_tick(frame + FRAMES)
  with av.open(path, 'w') as target:
    stream = target.add_stream_from_template(packets.stream)
    for packet in packets.start(key):
      if packet.dts is None or packet.dts >= end:
        break
      packet.pts, packet.dts = packet.pts - key.pts, packet.dts - key.pts
      packet.stream = stream
      target.mux(packet)
  start = (frame - key.frame) / FPS
  return Place(path, start, start + FRAMES / FPS)


def cut(folder: pathlib.Path, long: str, args) -> dict[str, list[Place]]:
  """Cuts random spans out of a video: the places of each in all three."""
  places = {way: [] for way in WAYS}
  with decode.open_video(long) as video:
    rng = np.random.default_rng(1)
    last = video.info.frames - FRAMES
    for number, frame in enumerate(rng.integers(last, size=args.spans)):
      images = video.read(range(frame, frame + FRAMES))
      again = str(folder / f'{number}.mp4')
      encode(again, images, args.size, args.gop)
      start = int(frame) / FPS
      places[WAYS[0]].append(Place(long, start, start + FRAMES / FPS))
      places[WAYS[1]].append(Place(again, 0, FRAMES / FPS))
      copied = copy(video, str(folder / f'{number}_copied.mp4'), int(frame))
      places[WAYS[2]].append(copied)
  return places


def read(place: Place) -> None:
  """Reads the frames of a clip as the loader does: opens, reads, closes."""
  video = decode.open_video(place.path)
  with Span(video, place.start, place.end) as span:
    span.read(range(0, FRAMES, STRIDE))


def time_opening(path: str) -> float:
  """Seconds until a file is open."""
  start = time.perf_counter()
  decode.open_video(path).close()
  return time.perf_counter() - start


def measure(places: dict[str, list[Place]], rounds: int) -> dict:
  """Clips a second [rounds] of each way, in turn."""
  rates, rng = {way: [] for way in places}, np.random.default_rng(2)
  for _ in range(rounds):
    order = rng.permutation(len(places[WAYS[0]]))
    for way, found in places.items():
      start = time.perf_counter()
      for number in order:
        read(found[number])
      rates[way].append(len(order) / (time.perf_counter() - start))
  return {way: np.array(found) for way, found in rates.items()}


def parse(argv=None) -> argparse.Namespace:
  to_size = lambda text: tuple(int(side) for side in text.split('x'))
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--minutes', type=float, default=120)
  parser.add_argument('--size', type=to_size, default=(340, 256))
  parser.add_argument('--gop', type=int, default=16)
  parser.add_argument('--spans', type=int, default=200)
  parser.add_argument('--rounds', type=int, default=7)
  return parser.parse_args(argv)


def run(args: argparse.Namespace, folder: pathlib.Path) -> None:
  os.environ['XDG_CACHE_HOME'] = str(folder / 'cache')
  frames = round(args.minutes * 60 * FPS)
  times = -(-frames // PART)
  part, long = str(folder / 'part.mp4'), str(folder / 'long.mp4')
  encode(part, draw(range(frames // times), args.size), args.size, args.gop)
  repeat(part, long, times, frames // times / FPS)
  time.sleep(3)  # The index of a file that just changed is not kept.
  width, height = args.size
  print(
    f'{describe_cpu()}; {args.minutes:g} min of {width} x {height}, H.264, a '
    f'key frame every {args.gop} frames'
  )
  first = time_opening(long)
  index_cache.forget()
  kept.close_all()
  print(
    f'opening: first {first:.2f} s, in another process '
    f'{time_opening(long):.4f} s, again {time_opening(long):.5f} s'
  )
  for file in (folder / 'cache').rglob('*.index'):
    print(f'index: {file.stat().st_size:,} bytes')
  rates = measure(cut(folder, long, args), args.rounds)
  whole = rates[WAYS[0]]
  for way, found in rates.items():
    print(
      f'{way}: {np.median(found):.1f} clips/s, the long video '
      f'{np.median(whole / found):.2f} x'
    )


def main() -> None:
  args = parse()
  with tempfile.TemporaryDirectory() as folder:
    run(args, pathlib.Path(folder))


if __name__ == '__main__':
  main()
