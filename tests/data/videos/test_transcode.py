"""Videos written anew: the same frames, near each other, the same bytes."""

import dataclasses
import io
import os
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from i2v_jax.data.videos import decode, transcode
from i2v_jax.data.videos.transcode import Recipe

CLIPS = [
  'arm_wrestling.mp4',
  'flipping_pancake.mkv',
  'mpeg4.avi',
  'rotated_90.mov',
  'h265.mp4',
]
SMALL = 'h265.mp4'  # 10 frames of 128 x 128, at 10 frames a second


def psnr(found, wanted):
  error = np.square(found.astype(np.float32) - wanted).mean()
  return 10 * np.log10(255**2 / error)


def key_frames(data):
  with av.open(io.BytesIO(data)) as container:
    packets = [p for p in container.demux(video=0) if p.size]
  packets.sort(key=lambda packet: packet.pts)
  return [n for n, packet in enumerate(packets) if packet.is_keyframe]


@pytest.mark.parametrize('name', CLIPS)
def test_it_shows_the_same_at_the_same_times(videos, name):
  path = videos / name
  before = decode.probe(path)
  data, quality = transcode.encode(path, Recipe(short_side=96, crf=10))
  with decode.open_video(data) as video:
    after = video.info
    picked = [0, before.frames // 2, before.frames - 1]
    found = video.read(picked)
  assert after.frames == before.frames and after.rotation == 0
  assert min(after.height, after.width) == 96 and after.codec == 'h264'
  ratio = before.width / before.height
  assert after.width / after.height == pytest.approx(ratio, abs=2 / 96)
  assert after.fps == pytest.approx(before.fps, rel=1e-3)
  if name != 'mpeg4.avi':  # whose own times are guesses
    np.testing.assert_allclose(after.times, before.times, rtol=0, atol=2e-5)
  size = (after.width, after.height)
  wanted = [
    cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    for frame in decode.read_frames(path, picked)
  ]
  assert psnr(found, np.stack(wanted)) > 30  # wrong colours give 20 to 26
  assert quality > 38


@pytest.mark.parametrize('name', ['rotated_90.mov', SMALL])
def test_jpeg_makes_every_frame_a_key_frame(videos, name):
  path = videos / name
  data, _ = transcode.encode(path, Recipe(frames='jpeg'))
  before, after = decode.probe(path), decode.probe(data)
  assert after.codec == 'mjpeg' and key_frames(data) == [*range(after.frames)]
  size = before.frames, before.height, before.width
  assert (after.frames, after.height, after.width) == size
  every = range(before.frames)
  found = decode.read_frames(data, every)
  assert psnr(found, decode.read_frames(path, every)) > 36


def test_key_frames_come_every_gop_frames(videos):
  path = videos / 'mpeg4.avi'
  data, _ = transcode.encode(path, Recipe(short_side=32, gop=12))
  assert key_frames(data) == [*range(0, 164, 12)]


def test_tags_need_not_be_text(videos, tmp_path):
  data = (videos / 'arm_wrestling.mp4').read_bytes()
  path = tmp_path / 'a.mp4'
  path.write_bytes(data.replace(b'VideoHandler', b'Vid\xe9oHandler'))
  assert transcode.verify(path).frames == 280


def test_nothing_is_enlarged_and_sides_become_even(videos, tmp_path):
  data, _ = transcode.encode(videos / SMALL, Recipe(short_side=256))
  info = decode.probe(data)
  assert (info.height, info.width) == (128, 128)
  path = tmp_path / 'odd.mkv'
  frames = np.zeros((2, 31, 45, 3), np.uint8)
  with av.open(str(path), 'w') as container:
    stream = container.add_stream('ffv1', rate=5)
    stream.width, stream.height, stream.pix_fmt = 45, 31, 'bgr0'
    for frame in frames:
      picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
      container.mux(stream.encode(picture))
    container.mux(stream.encode(None))
  info = decode.probe(transcode.encode(path, Recipe())[0])
  assert (info.frames, info.height, info.width) == (2, 30, 44)


@pytest.mark.parametrize('fps', [5, 30, 4])
def test_fps_takes_the_frame_on_screen(videos, fps):
  path = videos / SMALL
  data, _ = transcode.encode(path, Recipe(fps=fps, crf=0))
  wanted = np.arange(fps) * 10 // fps  # it is one second, at 10 a second
  before = decode.read_frames(path, range(10)).astype(np.float32)
  with decode.open_video(data) as video:
    assert video.info.frames == fps and video.info.fps == pytest.approx(fps)
    after = video.read(range(fps))
  distances = np.abs(after[:, None] - before).mean((2, 3, 4))
  np.testing.assert_array_equal(distances.argmin(1), wanted)


ENCODE = """
import hashlib, sys
from i2v_jax.data.videos import transcode
recipe = transcode.Recipe(short_side=100, fps=5)
print(hashlib.sha256(transcode.encode(sys.argv[1], recipe)[0]).hexdigest())
"""


def test_bytes_do_not_depend_on_what_was_in_memory(videos):
  """The C library fills all memory with another value in each process."""
  found = set()
  for value in ('0', '85', '255'):
    done = subprocess.run(
      [sys.executable, '-c', ENCODE, str(videos / 'arm_wrestling.mp4')],
      env=os.environ | {'MALLOC_PERTURB_': value},
      capture_output=True,
      text=True,
      check=True,
    )
    found.add(done.stdout)
  assert len(found) == 1


def test_a_video_that_ends_early_names_the_frame(videos):
  path = videos / 'corrupted.mp4'
  problem = r'corrupted\.mp4: frame 28 of 50 cannot be decoded'
  for call in (transcode.verify, lambda p: transcode.encode(p, Recipe())):
    with pytest.raises(decode.DecodeError, match=problem):
      call(path)
  with pytest.raises(FileNotFoundError, match='no such video'):
    transcode.verify(videos / 'nowhere.mp4')


def test_frames_that_nobody_listed_are_an_error(videos):
  path = videos / SMALL
  fewer = dataclasses.replace(decode.probe(path), frames=9)
  with pytest.raises(decode.DecodeError, match='more than the 9 frames'):
    list(transcode.decode_pictures(path, fewer))


@pytest.mark.parametrize('name', CLIPS)
def test_whole_videos_are_verified(videos, name):
  assert transcode.verify(videos / name) == decode.probe(videos / name)


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    ({'short_side': 255}, 'short_side is 255; it can be an even number'),
    ({'short_side': 0}, 'short_side is 0; it can be an even number from 2'),
    ({'gop': 0}, 'gop is 0; it can be 1 or more'),
    ({'fps': 0}, 'fps is 0; it can be above 0'),
    ({'crf': 52}, 'crf is 52; it can be an integer from 0 to 51'),
    ({'frames': 'png'}, "frames is 'png'; it can be one of"),
  ],
)
def test_invalid_recipes_are_refused(options, error):
  with pytest.raises(ValueError, match=error):
    Recipe(**options)
