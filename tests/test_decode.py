"""Decoding is exact, for every file, frame and way of asking."""

import fractions
import json
import os
import random
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from i2v_jax.data import decode

WHOLE = {
  'arm_wrestling.mp4': 280,
  'flipping_pancake.mkv': 310,
  'mpeg4.avi': 164,
  'rotated_90.mov': 3,
  'h265.mp4': 10,
}


def decode_all(path):
  """Every stored frame by plain decoding from the start, no seeks."""
  with av.open(str(path)) as container:
    frames = container.decode(video=0)
    return [frame.to_ndarray(format='rgb24') for frame in frames]


def encode(path, codec, ticks, options=None):
  """A small moving picture whose frames are shown at ticks / 90 seconds."""
  with av.open(str(path), 'w') as container:
    stream = container.add_stream(codec, rate=30, options=options or {})
    stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
    stream.codec_context.time_base = fractions.Fraction(1, 90)
    for number, tick in enumerate(ticks):
      image = np.full((48, 64, 3), 5 * number, np.uint8)
      image[8:24, number : number + 16] = 255, 0, 128
      frame = av.VideoFrame.from_ndarray(image)
      frame.pts, frame.time_base = int(tick), stream.codec_context.time_base
      container.mux(stream.encode(frame))
    container.mux(stream.encode())
  return path


def open_files():
  """Where the open descriptors of this process point to."""
  links = [f'/proc/self/fd/{fd}' for fd in os.listdir('/proc/self/fd')]
  return sorted(os.readlink(link) for link in links if os.path.exists(link))


def assert_random_access_exact(path, expected, turns=0):
  rng = random.Random(0)
  with decode.open_video(path) as video:
    assert video.info.frames == len(expected)
    singles = range(0, len(expected), max(1, len(expected) // 16))
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
MADE = {
  'vp9.webm': ('libvpx-vp9', {'g': '10'}),
  'open_gop.mkv': ('libx264', {'x264-params': X264_OPEN}),
  'open_gop.mp4': ('libx264', {'x264-params': X264_OPEN}),
  'intra_refresh.mkv': ('libx264', {'x264-params': 'intra-refresh=1:keyint=9'}),
  'stream.ts': ('libx264', {'g': '8'}),
  'bare.h264': ('libx264', {'g': '8'}),
  'b_frames.avi': ('mpeg4', {'bf': '2', 'g': '8'}),
}


@pytest.mark.parametrize('name', MADE)
def test_containers_and_codecs(tmp_path, name):
  path = encode(tmp_path / name, MADE[name][0], range(0, 90, 3), MADE[name][1])
  expected = decode_all(path)
  assert len(expected) == 30
  assert_random_access_exact(path, expected)
  # A bare stream holds no times at all, and FFmpeg supposes 25 fps.
  seconds = 1.2 if name == 'bare.h264' else 1
  assert decode.probe(path).duration == pytest.approx(seconds, abs=1e-3)


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


def test_broken_packet_is_named_and_never_replaced(videos):
  with decode.open_video(videos / 'corrupted.mp4') as video:
    assert video.info.frames == 50
    before = video.read([0, 27])
    # Broken is frame 30, which comes before 29 in the file.
    video.read([28])
    for frame in (29, 49):
      with pytest.raises(decode.DecodeError, match=f'corrupted.*{frame} '):
        video.read([27, frame])
    np.testing.assert_array_equal(video.read([0, 27]), before)


def test_broken_packet_harms_its_own_group_only(tmp_path):
  options = {'g': '10', 'bf': '0'}
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3), options)
  expected = decode_all(path)
  with av.open(str(path)) as container:
    packets = [packet for packet in container.demux() if packet.size]
    keys = [at for at, packet in enumerate(packets) if packet.is_keyframe]
    broken, end = packets[keys[1]].pos, packets[keys[1] + 1].pos
  data = bytearray(path.read_bytes())
  data[broken:end] = b'\xff' * (end - broken)
  with decode.open_video(bytes(data)) as video:
    images = video.read([2, 25, 5])
    for image, index in zip(images, (2, 25, 5), strict=True):
      np.testing.assert_array_equal(image, expected[index])
    with pytest.raises(decode.DecodeError, match='frame 10 '):
      video.read([2, 10, 25])


def test_decodes_only_what_is_needed(videos, monkeypatch):
  seen = []
  pictures = decode.Video._few

  def watched(self, key, run):
    seen.append((key.frame, run))
    yield from pictures(self, key, run)

  monkeypatch.setattr(decode.Video, '_few', watched)
  with decode.open_video(videos / 'arm_wrestling.mp4') as video:
    # Starting anew would call this.
    monkeypatch.setattr(video.packets, 'open', None)
    video.read([10, 20, 186, 187, 200, 270, 235])
  assert seen == [(0, [10, 20, 186, 187, 200]), (230, [235]), (268, [270])]


def test_what_is_no_video_says_so(videos, tmp_path):
  with pytest.raises(FileNotFoundError, match=r'none\.mp4'):
    decode.probe(tmp_path / 'none.mp4')
  (tmp_path / 'empty.mp4').touch()
  (tmp_path / 'text.mp4').write_text('not a video\n' * 99)
  with av.open(str(tmp_path / 'sound.mp4'), 'w') as container:
    stream = container.add_stream('aac', rate=16000)
    sound = av.AudioFrame.from_ndarray(
      np.zeros((1, 1024), 'f4'), 'fltp', 'mono'
    )
    sound.rate = 16000
    container.mux(stream.encode(sound))
    container.mux(stream.encode())
  (tmp_path / 'cut.mp4').write_bytes(
    (videos / 'arm_wrestling.mp4').read_bytes()[:300000]
  )
  before = open_files()
  for name in ('empty.mp4', 'text.mp4', 'sound.mp4', 'cut.mp4', ''):
    with pytest.raises(decode.DecodeError, match=str(tmp_path / name)):
      decode.probe(tmp_path / name)
  for garbage in (b'', bytes(1000)):
    with pytest.raises(decode.DecodeError, match='<bytes>'):
      decode.probe(garbage)
  assert open_files() == before


def test_files_are_closed(videos):
  before = open_files()
  decode.read_frames(videos / 'mpeg4.avi', [3])
  with pytest.raises(decode.DecodeError):
    decode.read_frames(videos / 'corrupted.mp4', [30])
  video = decode.open_video(videos / 'h265.mp4')
  assert len(open_files()) == len(before) + 1
  video.close()
  video.close()
  assert open_files() == before


def test_ffmpeg_stays_quiet(videos):
  code = (
    'import sys; from i2v_jax.data import decode\n'
    'try: decode.read_frames(sys.argv[1], [40])\n'
    'except decode.DecodeError: print("refused")'
  )
  command = [sys.executable, '-c', code, str(videos / 'corrupted.mp4')]
  result = subprocess.run(command, capture_output=True, text=True, check=True)
  assert (result.stdout, result.stderr) == ('refused\n', '')
