"""What is refused, what is broken, and what is not decoded at all."""

import itertools
import os
import subprocess
import sys
import types

import av
import numpy as np
import pytest
from encoded import decode_all, encode
from processes import open_files

from i2v_jax.data.videos import decode, packets, time_limit


def test_decodes_only_what_is_needed(videos, monkeypatch):
  seen = []
  pictures = decode.Video._decode_few

  def watched(self, key, run):
    seen.append((key.frame, run))
    yield from pictures(self, key, run)

  monkeypatch.setattr(decode.Video, '_decode_few', watched)
  with decode.open_video(videos / 'arm_wrestling.mp4') as video:
    # Starting again would call this.
    monkeypatch.setattr(video.packets, 'open', None)
    video.read([10, 20, 186, 187, 200, 270, 235])
  assert seen == [(0, [10, 20, 186, 187, 200]), (230, [235]), (268, [270])]


def watch_pictures(monkeypatch):
  """A list that gets the time of every picture that the decoder gives."""
  given, start = [], packets.Packets.start

  class Watched:
    def __init__(self, packet):
      self.packet, self.pts = packet, packet.pts

    def decode(self):
      pictures = self.packet.decode()
      given.extend(picture.pts for picture in pictures)
      return pictures

  watched = lambda self, key: map(Watched, start(self, key))
  monkeypatch.setattr(packets.Packets, 'start', watched)
  return given


@pytest.mark.parametrize('frame', [100, 101, 150])
def test_frames_that_no_other_needs_are_not_decoded(videos, frame, monkeypatch):
  path = videos / 'arm_wrestling.mp4'
  with av.open(str(path)) as container:
    container.streams.video[0].codec_context.skip_frame = 'NONREF'
    needed = {picture.pts for picture in container.decode(video=0)}
  given = watch_pictures(monkeypatch)
  with decode.open_video(path) as video:
    video.read([frame])
    ticks = video.packets.index.ticks
  assert set(given) <= needed | {ticks[frame]}
  assert len(set(ticks[:frame]) - needed) > frame / 4
  # Nothing after it is decoded, only to get it out.
  assert set(given) <= set(ticks[: frame + 1])


MARKED = {
  'h264.mp4': ('libx264', {}, True),
  'interlaced.mp4': ('libx264', {'x264-params': 'tff=1'}, False),
  'bare.h264': ('libx264', {}, False),
  'hevc.mp4': ('libx265', {'x265-params': 'log-level=none'}, True),
  'layers.mp4': (
    'libx265',
    {'x265-params': 'log-level=none:temporal-layers=3'},
    False,
  ),
  'vp9.webm': ('libvpx-vp9', {}, False),
}


@pytest.mark.parametrize('name', MARKED)
def test_frames_are_dropped_only_where_it_is_known_to_be_safe(tmp_path, name):
  codec, options, marked = MARKED[name]
  path = encode(tmp_path / name, codec, range(0, 30, 3), options)
  with decode.open_video(path) as video:
    assert video.packets.index.marked == marked


def test_what_drops_too_much_is_decoded_plainly(tmp_path, monkeypatch):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3))
  expected = decode_all(path)
  few = lambda self, key, run: iter(())
  monkeypatch.setattr(decode.Video, '_decode_few', few)
  images = decode.read_frames(path, [3, 17])
  np.testing.assert_array_equal(images, [expected[3], expected[17]])


def test_unwanted_pictures_are_not_kept(videos):
  """A picture of 1280x720 takes 1.4 MB; those before frame 28 are 39 MB."""
  code = (
    'import resource, sys; from i2v_jax.data.videos import decode\n'
    'peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n'
    'with decode.open_video(sys.argv[1]) as video:\n'
    '  video.read([2]); before = peak(); video.read([27])\n'
    '  print(peak() - before)'
  )
  command = [sys.executable, '-c', code, str(videos / 'corrupted.mp4')]
  result = subprocess.run(command, capture_output=True, text=True, check=True)
  assert int(result.stdout) < 15_000


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


def test_what_is_no_video_says_so(videos, tmp_path):
  with pytest.raises(FileNotFoundError, match=r'none\.mp4'):
    decode.probe(tmp_path / 'none.mp4')
  (tmp_path / 'empty.mp4').touch()
  (tmp_path / 'text.mp4').write_text('not a video\n' * 99, encoding='utf-8')
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
    'import sys; from i2v_jax.data.videos import decode\n'
    'try: decode.read_frames(sys.argv[1], [40])\n'
    'except decode.DecodeError: print("refused")'
  )
  command = [sys.executable, '-c', code, str(videos / 'corrupted.mp4')]
  result = subprocess.run(command, capture_output=True, text=True, check=True)
  assert (result.stdout, result.stderr) == ('refused\n', '')


def test_what_is_no_file_is_not_opened(tmp_path):
  os.mkfifo(tmp_path / 'pipe.mp4')
  for path in (tmp_path / 'pipe.mp4', tmp_path, '/dev/zero'):
    with pytest.raises(decode.DecodeError, match='not a regular file'):
      decode.probe(path)


def test_tags_need_not_be_text(videos):
  data = (videos / 'arm_wrestling.mp4').read_bytes()
  assert data.count(b'VideoHandler') == 1
  with decode.open_video(
    data.replace(b'VideoHandler', b'Vid\xe9oHandler')
  ) as v:
    assert v.info.frames == 280


def test_bytes_go_by_their_name():
  with pytest.raises(decode.DecodeError, match=r'^clip 7: cannot be opened'):
    decode.open_video(b'no video', name='clip 7')


def test_time_is_limited_from_opening_on(videos, monkeypatch):
  now = [100.0]
  clock = types.SimpleNamespace(monotonic=lambda: now[0])
  monkeypatch.setattr(time_limit, 'time', clock)
  path = videos / 'arm_wrestling.mp4'
  before = open_files()
  with decode.open_video(path, seconds=5) as video:
    expected = video.read([30])
    for now[0] in (102.5, 105.0):
      np.testing.assert_array_equal(video.read([30]), expected)
    now[0] = 105.1
    problem = r'arm_wrestling.*longer than 5 s at frame 30'
    with pytest.raises(decode.DecodeError, match=problem):
      video.read([30])
  assert open_files() == before


def test_opening_is_limited_too(videos, monkeypatch):
  before = open_files()
  for source in (videos / 'mpeg4.avi', (videos / 'mpeg4.avi').read_bytes()):
    clock = types.SimpleNamespace(monotonic=itertools.count().__next__)
    monkeypatch.setattr(time_limit, 'time', clock)
    with pytest.raises(decode.DecodeError, match=r'a clip.* 20 s at frame 20'):
      decode.open_video(source, name='a clip', seconds=20)
  assert open_files() == before


def test_ffmpeg_gives_up_when_the_time_is_up(videos):
  with pytest.raises(decode.DecodeError, match=r'mpeg4.*longer than 0 s'):
    decode.open_video(videos / 'mpeg4.avi', seconds=0)
