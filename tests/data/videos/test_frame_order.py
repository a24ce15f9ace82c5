"""Frame n is the n-th that decoding from the start gives, for every reader.

Videos of random structure (B-frames, groups of pictures, open and closed) are
put into containers: with their times, without, in the order of decoding, cut,
and with holes. `I2V_FRAME_ORDER=20` tries twenty of every codec, container and
kind: about 5,200 tests and three minutes on two cores.
"""

import os
import random

import av
import numpy as np
import pytest
import remuxed
from encoded import decode_all, encode, rgb

from i2v_jax.data.check import one_video
from i2v_jax.data.videos import decode, transcode
from i2v_jax.data.videos.resize import resize_short_side

FEW = (
  'h264 mp4 one_later, h264 mkv decoding_order, h264 ts cut, h264 mov holed, '
  'h264 flv no_times, mpeg4 avi no_times, h264 nut copied, '
  'hevc mp4 decoding_order, hevc ts cut, hevc mkv holed, mpeg4 avi cut, '
  'mpeg4 mp4 cut, mpeg4 mkv decoding_order, mpeg4 mov copied, mpeg2 ts cut, '
  'mpeg2 mpg copied, mpeg2 nut holed, h264 h264 copied, vp8 webm copied, '
  'vp8 mkv cut, vp9 webm cut, vp9 mp4 copied, vp9 nut decoding_order, '
  'mjpeg avi copied'
)
SEEDS = int(os.environ.get('I2V_FRAME_ORDER', 0))
CASES = [(*case.split(), 1) for case in FEW.split(', ')] + [
  (codec, muxer, kind, seed)
  for codec, muxers in remuxed.MUXERS.items()
  for muxer in muxers.split()
  for kind in remuxed.KINDS
  for seed in range(SEEDS)
]
CLOSED = {'x264-params': 'keyint=10:scenecut=0:bframes=2:b-adapt=0'}


def decoded(path):
  """What decoding gives, one packet after the other; and whether one failed."""
  images, failed = [], False
  try:
    with av.open(str(path)) as container:
      container.streams.video[0]
  except (av.FFmpegError, IndexError):
    return images, failed
  with av.open(str(path)) as container:
    container.streams.video[0].thread_count = 1
    for packet in container.demux(video=0):
      try:
        pictures = packet.decode()
      except av.FFmpegError:
        failed |= bool(images)
        continue
      failed |= any(picture.is_corrupt for picture in pictures)
      images += [rgb(picture) for picture in pictures]
  return images, failed


def assert_every_path_agrees(path, rng):
  expected, failed = decoded(path)
  if not expected:
    with pytest.raises(decode.DecodeError):
      decode.probe(path)
    return 'nothing'
  if failed or '-holed-' in path.name:
    assert_never_another(path, expected)
    return 'failed'
  with decode.open_video(path) as video:
    assert video.info.frames == len(expected)
    asked = [[rng.randrange(len(expected))] for _ in range(4)]
    asked += [rng.choices(range(len(expected)), k=5) for _ in range(3)]
    for indices in [*asked, range(len(expected))]:
      for index, image in zip(indices, video.read(indices), strict=True):
        np.testing.assert_array_equal(image, expected[index])
    small = resize_short_side(np.stack(expected), 24)
    indices = rng.choices(range(len(expected)), k=5)
    np.testing.assert_array_equal(video.read(indices, 24), small[indices])
    counted = video.packets.index.counted
  pictures = transcode.decode_pictures(path, decode.probe(path))
  for picture, image in zip(pictures, expected, strict=True):
    np.testing.assert_array_equal(rgb(picture), image)
  found = one_video.check_file(str(path))
  assert (found['ok'], found['frames']) == (True, len(expected)), found
  return 'counted' if counted else 'sought'


def assert_never_another(path, expected):
  """Of a broken file no frame is another, and what is missing is said."""
  found = one_video.check_file(str(path))
  if 'codec' not in found:
    return
  with decode.open_video(path) as video:
    for frame in range(found['frames']):
      image = video.read([frame])[0]
      np.testing.assert_array_equal(image, expected[frame])
  assert not found['ok'] or found['frames'] == len(expected)


@pytest.mark.parametrize(
  'case', CASES, ids=lambda case: '-'.join(map(str, case))
)
def test_random_structures(tmp_path, case):
  path = remuxed.make(tmp_path, *case)
  if path is None:
    pytest.skip('the container does not take it')
  assert_every_path_agrees(path, random.Random(0))


def test_times_in_the_order_of_decoding_are_seen_through(tmp_path):
  """As of an AVI with B-frames that was copied into another container."""
  source = encode(tmp_path / 'a.mkv', 'libx264', range(0, 90, 3), CLOSED)
  expected = decode_all(source)
  for kind in ('copied', 'one_later', 'decoding_order'):
    path = tmp_path / f'{kind}.mp4'
    remuxed.remux(source, path, kind, None)
    with decode.open_video(path) as video:
      np.testing.assert_array_equal(video.read(range(30)), expected)
      assert (np.diff(video.info.times) > 0).all()
      # Only then are seeks given up.
      assert bool(video.packets.index.ticks) == (kind == 'copied')


def test_a_recording_that_starts_between_key_frames_is_read_and_told(tmp_path):
  source = encode(tmp_path / 'a.mkv', 'libx264', range(0, 90, 3), CLOSED)
  remuxed.remux(source, tmp_path / 'a.ts', 'copied', None, lost=range(7))
  with decode.open_video(tmp_path / 'a.ts') as video:
    assert video.info.frames == 20 and video.packets.index.ticks
    found = video.read(range(20))
  np.testing.assert_array_equal(found, decode_all(source)[10:])
  found = one_video.check_file(str(tmp_path / 'a.ts'))
  assert found['ok'] and (found['frames'], found['not_shown']) == (20, 3)
  remuxed.remux(source, tmp_path / 'b.ts', 'copied', None, lost=range(21))
  problem = 'holds no frame that can be decoded; record it again'
  with pytest.raises(decode.DecodeError, match=problem):
    decode.probe(tmp_path / 'b.ts')
