"""Decoding is exact, for every file, frame and way of asking."""

import json
import random

import av
import cv2
import numpy as np
import pytest
from encoded import decode_all, encode, encode_images

from i2v_jax.data.videos import decode
from i2v_jax.data.videos.resize import resize_short_side

WHOLE = {
  'arm_wrestling.mp4': 280,
  'flipping_pancake.mkv': 310,
  'mpeg4.avi': 164,
  'rotated_90.mov': 3,
  'h265.mp4': 10,
}


def assert_random_access_exact(path, expected, turns=0, most=16):
  rng = random.Random(0)
  with decode.open_video(path) as video:
    assert video.info.frames == len(expected)
    singles = range(0, len(expected), max(1, len(expected) // most))
    asked = [[frame] for frame in singles]
    asked += [rng.choices(range(len(expected)), k=6) for _ in range(6)]
    for indices in [*asked, range(len(expected))]:
      for index, image in zip(indices, video.read(indices), strict=True):
        np.testing.assert_array_equal(image, np.rot90(expected[index], turns))


def test_frames_equal_another_decoder(videos):
  with np.load(videos / 'reference_frames.npz') as reference:
    meta = json.loads(bytes(reference['meta']))
    for name, facts in meta.items():
      with decode.open_video(videos / name) as video:
        for field in ('frames', 'height', 'width', 'fps'):
          assert getattr(video.info, field) == facts[field]
        images = video.read(facts['indices'])[:, ::2, ::2]
      for index, image in zip(facts['indices'], images, strict=True):
        np.testing.assert_array_equal(image, reference[f'{name}/{index}'])
  assert len(meta) == 3


@pytest.mark.parametrize('name', WHOLE)
def test_random_access_equals_sequential_decoding(videos, name):
  expected = decode_all(videos / name)
  assert len(expected) == WHOLE[name]
  turns = -1 if name == 'rotated_90.mov' else 0
  assert_random_access_exact(videos / name, expected, turns)


X264_OPEN = 'open-gop=1:keyint=8:min-keyint=4:bframes=3:b-adapt=0:scenecut=0'
X265 = 'log-level=none:pools=1:frame-threads=1:keyint=9:bframes=3:b-adapt=0'
MADE = {
  'vp9.webm': ('libvpx-vp9', {'g': '10'}),
  'open_gop.mkv': ('libx264', {'x264-params': X264_OPEN}),
  'open_gop.mp4': ('libx264', {'x264-params': X264_OPEN}),
  'intra_refresh.mkv': ('libx264', {'x264-params': 'intra-refresh=1:keyint=9'}),
  'interlaced.mp4': ('libx264', {'x264-params': 'tff=1:keyint=9:bframes=2'}),
  'low_delay.mp4': ('libx264', {'tune': 'zerolatency', 'g': '12'}),
  'stream.ts': ('libx264', {'g': '8'}),
  'bare.h264': ('libx264', {'g': '8'}),
  'closed.hevc.mp4': ('libx265', {'x265-params': X265 + ':open-gop=0'}),
  'open.hevc.mp4': ('libx265', {'x265-params': X265}),
  'open.hevc.mkv': ('libx265', {'x265-params': X265}),
  'layers.hevc.mp4': ('libx265', {'x265-params': X265 + ':temporal-layers=3'}),
  'bare.hevc': ('libx265', {'x265-params': X265 + ':repeat-headers=1'}),
  'av1.mp4': ('libsvtav1', {'g': '9', 'preset': '12'}),
  'av1.webm': ('libsvtav1', {'g': '9', 'preset': '12'}),
  'b_frames.avi': ('mpeg4', {'bf': '2', 'g': '8'}),
  'mpeg4.mp4': ('mpeg4', {'bf': '2', 'g': '8'}),
  'mpeg4.mkv': ('mpeg4', {'bf': '2', 'g': '8'}),
  'mpeg2.ts': ('mpeg2video', {'bf': '2', 'g': '8'}),
  'b_frames.asf': ('libx264', {'bf': '2', 'g': '8'}),
  'stills.mkv': ('mjpeg', {}, 'yuvj420p'),
  'ten_bits.mp4': ('libx264', {'g': '8'}, 'yuv420p10le'),
  'ten_bits.hevc.mp4': ('libx265', {'x265-params': X265}, 'yuv420p10le'),
  'ten_bits.webm': ('libsvtav1', {'g': '9', 'preset': '12'}, 'yuv420p10le'),
  'odd.mp4': ('libx264', {'g': '8'}, 'yuv444p', (63, 47)),
  'odd.webm': ('libvpx-vp9', {'g': '10'}, 'yuv420p', (63, 47)),
  'odd.avi': ('mpeg4', {'bf': '2', 'g': '8'}, 'yuv420p', (63, 47)),
  'odd.mkv': ('mjpeg', {}, 'yuvj420p', (63, 47)),
}


@pytest.mark.parametrize('name', MADE)
def test_containers_and_codecs(tmp_path, name):
  codec, options, *form = MADE[name]
  path = encode(tmp_path / name, codec, range(0, 90, 3), options, *form)
  expected = decode_all(path)
  assert len(expected) == 30
  assert_random_access_exact(path, expected)
  # Bare streams hold no times at all, and FFmpeg supposes 25 fps.
  seconds = 1.2 if name.startswith('bare.') else 1
  assert decode.probe(path).duration == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize('name', ['one.mp4', 'one.webm', 'one.avi', 'one.h264'])
def test_a_video_of_one_frame(tmp_path, name):
  codec = {'webm': 'libvpx-vp9', 'avi': 'mpeg4'}.get(name[4:], 'libx264')
  path = encode(tmp_path / name, codec, [0])
  (expected,) = decode_all(path)
  images = decode.read_frames(path, [0, 7])
  np.testing.assert_array_equal(images, [expected] * 2)


def test_a_program_stream_seeks_into_the_middle_of_a_frame(tmp_path):
  rng, images = np.random.default_rng(0), []
  scene = rng.integers(0, 255, (128, 192, 3), np.uint8)
  for i in range(70):
    place = slice(i % 64, i % 64 + 64), slice(2 * i % 96, 2 * i % 96 + 96)
    images.append(scene[place].copy())
    spot = slice(8, 24), slice(3 * i % 80, 3 * i % 80 + 16)
    images[-1][spot] = rng.integers(0, 255, 3)
    if i % 23 == 22:
      scene = rng.integers(0, 255, (128, 192, 3), np.uint8)
  path, options = tmp_path / 'a.mpg', {'bf': '2', 'g': '12'}
  encode_images(path, 'mpeg2video', images, options)
  assert_random_access_exact(path, decode_all(path), most=70)


def test_recordings_one_behind_the_other(tmp_path):
  for name, first in (('a.ts', 0), ('b.ts', 1)):
    encode(tmp_path / name, 'libx264', range(first, 90, 3), {'bf': '0'})
  path = tmp_path / 'both.ts'
  parts = [(tmp_path / name).read_bytes() for name in ('a.ts', 'b.ts')]
  path.write_bytes(b''.join(parts))
  expected = decode_all(path)
  assert len(expected) == 60
  assert_random_access_exact(path, expected)


def test_no_duration_is_stated(tmp_path):
  path = encode(tmp_path / 'live.mkv', 'libx264', range(0, 90, 3), {'g': '8'})
  with (
    av.open(str(path)) as source,
    av.open(str(tmp_path / 'a.mkv'), 'w', options={'live': '1'}) as target,
  ):
    stream = target.add_stream_from_template(source.streams.video[0])
    for packet in source.demux(video=0):
      if packet.size:
        packet.stream = stream
        target.mux(packet)
  with av.open(str(tmp_path / 'a.mkv')) as container:
    assert container.duration is container.streams.video[0].duration is None
  assert_random_access_exact(tmp_path / 'a.mkv', decode_all(path))
  assert decode.probe(tmp_path / 'a.mkv').duration == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize('name', ['vfr.mp4', 'vfr.webm'])
def test_variable_frame_rate(tmp_path, name):
  ticks = np.cumsum([1, 3, 2, 1, 7] * 6)
  codec = 'libx264' if name == 'vfr.mp4' else 'libvpx-vp9'
  path = encode(tmp_path / name, codec, ticks, {'g': '7'})
  assert_random_access_exact(path, decode_all(path))
  info = decode.probe(path)
  # Matroska rounds times to milliseconds.
  times = (ticks - ticks[0]) / 90
  assert np.abs(info.times - times).max() <= (5e-4, 1e-3)['webm' in name]
  assert info.fps == pytest.approx(29 / times[-1], rel=1e-3)


def test_discarded_packets_are_no_frames(tmp_path):
  # Negative times become an edit list that hides the first five frames.
  path = encode(tmp_path / 'edit.mp4', 'libx264', range(-15, 60, 3))
  expected = decode_all(path)
  assert len(expected) == 20
  assert_random_access_exact(path, expected)


def test_order_repeats_and_past_the_end(videos):
  with decode.open_video(videos / 'arm_wrestling.mp4') as video:
    ordered = video.read([3, 190, 279])
    mixed = video.read(np.array([279, 3, 500, 190, 3]))
    assert video.read([]).shape == (0, 256, 340, 3)
    with pytest.raises(IndexError, match=r'arm_wrestling.*-1'):
      video.read([0, -1])
    with pytest.raises(TypeError):
      video.read([0.5])
  assert ordered.shape == (3, 256, 340, 3) and ordered.dtype == np.uint8
  np.testing.assert_array_equal(mixed, ordered[[2, 0, 2, 1, 0]])


def test_path_bytes_and_str_agree(videos):
  path = videos / 'h265.mp4'
  expected = decode.read_frames(path, [7, 2])
  for source in (str(path), path.read_bytes()):
    np.testing.assert_array_equal(decode.read_frames(source, [7, 2]), expected)
    assert decode.probe(source) == decode.probe(path)


def test_a_colon_in_the_name_is_no_protocol(videos, tmp_path, monkeypatch):
  clip = (videos / 'h265.mp4').read_bytes()
  (tmp_path / 'http:clip.mp4').write_bytes(clip)
  monkeypatch.chdir(tmp_path)
  assert decode.probe('http:clip.mp4').frames == 10


def test_rotation_turns_the_picture_upright(videos):
  path = videos / 'rotated_90.mov'
  info = decode.probe(path)
  assert (info.height, info.width, info.rotation) == (568, 320, 90)
  # FFmpeg's -90 anticlockwise is 90 clockwise; rot90 counts anticlockwise.
  images = decode.read_frames(path, range(3))
  np.testing.assert_array_equal(images[2], np.rot90(decode_all(path)[2], -1))
  # OpenCV turns the picture by itself: a second opinion on the direction.
  read, upright = cv2.VideoCapture(str(path)).read()
  assert read
  np.testing.assert_array_equal(images[0], upright[..., ::-1])


@pytest.mark.parametrize('angle', [90, 180, 270])
def test_every_quarter_turn(tmp_path, angle):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 30, 3), {'g': '4'})
  turned = tmp_path / 'turned.mp4'
  with av.open(str(path)) as source, av.open(str(turned), 'w') as target:
    stream = target.add_stream_from_template(source.streams.video[0])
    stream.set_display_rotation(-angle)  # FFmpeg counts anticlockwise
    for packet in source.demux(video=0):
      if packet.size:
        packet.stream = stream
        target.mux(packet)
  assert decode.probe(turned).rotation == angle
  assert_random_access_exact(turned, decode_all(path), -angle // 90)


@pytest.mark.parametrize('name', ['arm_wrestling.mp4', 'rotated_90.mov'])
@pytest.mark.parametrize('side', [100, 224, 256])
def test_resized_as_they_come_they_are_what_they_are_afterwards(
  videos, name, side
):
  with decode.open_video(videos / name) as video:
    indices = [2, 0, 2]
    expected = resize_short_side(video.read(indices), side)
    found = video.read(indices, short_side=side)
    assert video.read([], side).shape == (0, *expected.shape[1:])
  assert min(found.shape[1:3]) == side
  np.testing.assert_array_equal(found, expected)
