"""One file of a check: what it holds, and the first frame that fails."""

import hashlib
import os
import pathlib
import random
import socket

import pytest
from encoded import encode
from mutated import first_unreadable

from i2v_jax.data.check import one_video
from i2v_jax.data.videos import decode, faults

# As the README of the clips has it.
CLIPS = {
  'arm_wrestling.mp4': (280, 256, 340, 28.0, 0, 'h264'),
  'flipping_pancake.mkv': (310, 240, 426, 30.0, 0, 'h264'),
  'mpeg4.avi': (164, 240, 320, 25.0, 0, 'mpeg4'),
  'rotated_90.mov': (3, 568, 320, 30.0, 90, 'h264'),
  'h265.mp4': (10, 128, 128, 10.0, 0, 'hevc'),
}


def test_every_frame_of_a_good_clip_is_counted(videos):
  keys = ('frames', 'height', 'width', 'fps', 'rotation', 'codec')
  for name, facts in CLIPS.items():
    found = one_video.check_file(str(videos / name))
    assert found['ok'] and not found['cut_short'] and 'reason' not in found
    assert tuple(found[key] for key in keys) == facts
    # Matroska does not state how many frames it holds.
    assert found['stated'] == (None if name.endswith('mkv') else facts[0])
    digest = hashlib.sha256((videos / name).read_bytes()).hexdigest()
    assert found['sha256'] == digest


def test_the_frame_reached_is_the_first_that_cannot_be_read(videos, tmp_path):
  frame = first_unreadable(videos / 'corrupted.mp4')
  found = one_video.check_file(str(videos / 'corrupted.mp4'))
  assert (found['ok'], found['frames'], found['frame']) == (False, frame, frame)
  assert found['reason'].startswith(f'frame {frame} cannot be decoded')
  data, outcomes = (videos / 'h265.mp4').read_bytes(), set()
  rng = random.Random(0)
  for start in range(1500, 16000, 500):  # the index lies behind the frames
    broken = bytearray(data)
    broken[start : start + 400] = rng.randbytes(400)
    (tmp_path / 'broken.mp4').write_bytes(broken)
    found = one_video.check_file(str(tmp_path / 'broken.mp4'))
    if 'codec' in found:  # otherwise not even the first frame is there
      frame = first_unreadable(tmp_path / 'broken.mp4')
      assert (found['ok'], found.get('frame')) == (frame is None, frame), start
      assert found['frames'] == (10 if frame is None else frame)
      outcomes.add(frame)
  assert len(outcomes) > 3


def test_a_clip_that_was_cut_short_says_so(videos, tmp_path):
  data = (videos / 'mpeg4.avi').read_bytes()
  (tmp_path / 'cut.avi').write_bytes(data[: len(data) // 2])
  found = one_video.check_file(str(tmp_path / 'cut.avi'))
  assert found['cut_short'] and found['stated'] == 164
  assert 60 < found['frames'] < 100
  data = (videos / 'flipping_pancake.mkv').read_bytes()
  (tmp_path / 'cut.mkv').write_bytes(data[: len(data) // 2])
  found = one_video.check_file(str(tmp_path / 'cut.mkv'))
  assert found['ok'] and found['cut_short'] and found['frames'] < 200
  # The index comes first there, so that what it lists can be missing.
  index = {'movflags': '+faststart'}
  path = encode(tmp_path / 'cut.mp4', 'libx264', range(0, 90, 3), muxing=index)
  assert not one_video.check_file(str(path))['cut_short']
  data = path.read_bytes()
  path.write_bytes(data[: len(data) * 2 // 3])
  found = one_video.check_file(str(path))
  assert found['cut_short'] and 0 < found['frames'] < 30


def test_what_is_no_file_is_named_and_never_opened(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)  # the name of a socket has to be short
  (tmp_path / 'folder.mp4').mkdir()
  os.mkfifo('pipe.mp4')
  os.symlink('pipe.mp4', 'link.mp4')
  os.symlink('none.mp4', 'dangling.mp4')
  os.symlink('loop.mp4', 'loop.mp4')
  (tmp_path / 'empty.mp4').touch()
  (tmp_path / 'text.mp4').write_text('no video', encoding='utf-8')
  with socket.socket(socket.AF_UNIX) as listening:
    listening.bind('socket.mp4')
    reasons = {
      'folder.mp4': 'is a folder, not a file',
      'pipe.mp4': 'is a named pipe, not a file',
      'link.mp4': 'is a named pipe, not a file',
      'dangling.mp4': 'is a link to nothing',
      'loop.mp4': 'Too many levels of symbolic links',
      'socket.mp4': 'is a socket, not a file',
      '/dev/null': 'is a device, not a file',
      'empty.mp4': 'is empty',
      'gone.mp4': 'No such file or directory',
    }
    for name, reason in reasons.items():
      expected = {'ok': False, 'frames': 0, 'frame': 0, 'reason': reason}
      assert one_video.check_file(name) == expected
  found = one_video.check_file('text.mp4')
  assert found['reason'].startswith('cannot be opened') and 'sha256' in found


def test_an_error_nobody_thought_of_is_not_the_fault_of_the_file(
  videos, monkeypatch
):
  def fail(path):
    raise TypeError("open() got an unexpected keyword 'metadata_errors'")

  monkeypatch.setattr(decode, 'open_video', fail)
  with pytest.raises(faults.BugError, match=r'bug of i2v_jax .*TypeError'):
    one_video.check_file(str(videos / 'h265.mp4'))


def test_what_is_left_out_or_hidden_on_purpose_is_not_missed(tmp_path):
  # AVI has a place for each of its ticks; negative times become an edit list.
  sparse = encode(tmp_path / 'sparse.avi', 'mpeg4', range(0, 90, 3))
  hidden = encode(tmp_path / 'hidden.mp4', 'libx264', range(-15, 60, 3))
  # What lies before the key frame that the edit needs never comes.
  start = range(-60, 60, 3)
  trimmed = encode(tmp_path / 'trimmed.mp4', 'libx264', start, {'g': '12'})
  for path, frames, stated in (
    (sparse, 30, 90),
    (hidden, 20, 25),
    (trimmed, 20, 40),
  ):
    found = one_video.check_file(str(path))
    assert (found['frames'], found['stated']) == (frames, stated)
    assert found['ok'] and not found['cut_short']


def test_a_picture_of_another_size_is_found(tmp_path):
  parts = [
    encode(
      tmp_path / f'{size}.h264', 'libx264', range(0, 15, 3), size=(size, size)
    )
    for size in (64, 96)
  ]
  path = tmp_path / 'both.h264'
  path.write_bytes(b''.join(part.read_bytes() for part in parts))
  found = one_video.check_file(str(path))
  assert (found['ok'], found['frame']) == (False, 5)
  assert 'frame 5 has another size' in found['reason']


def test_a_broken_picture_is_suspected_by_time_and_by_place():
  suspects = lambda shown: one_video._find_suspects(
    one_video._Walk([10, 30, 20, 40], shown, None, False), 4
  )
  good = [(10, True), (20, True), (30, True), (40, True)]
  assert suspects(good) == []
  assert suspects([good[0], *good[2:]]) == [1, 3]  # nothing came out
  # AVI stores no times: those of pictures are guessed, their order is not.
  assert suspects([good[0], (40, False), good[1], good[3]]) == [1, 2]
  assert suspects([(11, True), (21, True), (31, False), (41, True)]) == [2]


def test_nothing_stays_open(videos, tmp_path):
  (tmp_path / 'text.mp4').write_text('no video', encoding='utf-8')
  before = os.listdir('/proc/self/fd')
  for path in (*videos.glob('*.m*'), tmp_path / 'text.mp4'):
    one_video.check_file(str(path))
  assert os.listdir('/proc/self/fd') == before
  assert (
    pathlib.Path(tmp_path, 'text.mp4').read_text(encoding='utf-8') == 'no video'
  )
