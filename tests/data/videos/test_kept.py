"""A long file stays open between clips, and serves one reader at a time."""

import concurrent.futures
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from encoded import decode_all, encode
from processes import open_files

from i2v_jax.data.videos import decode, kept, pyav, time_limit

pytestmark = pytest.mark.usefixtures('keeping')
OPTIONS = {'g': '8', 'bf': '2'}


@pytest.fixture
def film(tmp_path):
  return encode(tmp_path / 'film.mp4', 'libx264', range(0, 90, 3), OPTIONS)


@pytest.fixture
def openings(monkeypatch):
  """The number of files that were opened, in a list."""
  counted, open_file = [0], pyav.open_file

  def count(*args):
    counted[0] += 1
    return open_file(*args)

  monkeypatch.setattr(pyav, 'open_file', count)
  return counted


def test_a_long_file_is_opened_once(film, openings):
  before, expected = open_files(), decode_all(film)
  for frame in (3, 29, 3, 17):
    image = decode.read_frames(film, [frame])[0]
    np.testing.assert_array_equal(image, expected[frame])
  assert openings == [1] and len(open_files()) == len(before) + 1
  kept.close_all()
  assert open_files() == before


def test_two_readers_have_a_file_each(film, openings):
  expected = decode_all(film)
  with decode.open_video(film) as one, decode.open_video(film) as two:
    for frame in (0, 9, 28):
      np.testing.assert_array_equal(one.read([frame])[0], expected[frame])
      other = two.read([29 - frame])[0]
      np.testing.assert_array_equal(other, expected[29 - frame])
  assert openings == [2]
  one.close()
  with decode.open_video(film) as one, decode.open_video(film) as two:
    assert one.packets.stream is not two.packets.stream
  assert openings == [2]


def test_threads_take_turns(film):
  expected = decode_all(film)

  def read(seed):
    frames = np.random.default_rng(seed).integers(30, size=3).tolist()
    return frames, decode.read_frames(film, frames)

  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for frames, images in pool.map(read, range(24)):
      np.testing.assert_array_equal(images, [expected[f] for f in frames])


def test_only_so_many_stay_open_and_none_that_was_replaced(
  film, tmp_path, monkeypatch
):
  before = open_files()
  monkeypatch.setattr(kept, 'FILES', 2)
  for name in 'abc':
    decode.probe(encode(tmp_path / f'{name}.mp4', 'libx264', range(0, 30, 3)))
  assert len(open_files()) == len(before) + 2
  monkeypatch.setattr(kept, 'FRAMES', 25)
  decode.probe(film)  # 30 frames
  assert open_files() == before
  monkeypatch.setattr(kept, 'FRAMES', 99)
  monkeypatch.setattr(kept, 'BYTES', 1.9 * 8 * 1.5 * 64 * 48)
  for name in 'bc':
    decode.probe(tmp_path / f'{name}.mp4')
  assert len(open_files()) == len(before) + 1
  kept.close_all()
  for _ in range(2):
    decode.probe(encode(tmp_path / 'a.mp4', 'libx264', range(0, 30, 3)))
  assert len(open_files()) == len(before) + 1


def test_a_file_with_an_error_is_closed(videos):
  before = open_files()
  decode.probe(videos / 'corrupted.mp4')
  assert len(open_files()) == len(before) + 1
  with pytest.raises(decode.DecodeError):
    decode.read_frames(videos / 'corrupted.mp4', [30])
  assert open_files() == before


def test_the_time_limit_is_that_of_the_reader(film, openings, monkeypatch):
  now = [100.0]
  clock = types.SimpleNamespace(monotonic=lambda: now[0])
  monkeypatch.setattr(time_limit, 'time', clock)
  decode.open_video(film, seconds=5).close()
  now[0] = 200.0
  with decode.open_video(film, seconds=5) as video:
    video.read([3])
  decode.open_video(film, seconds=9).close()
  assert openings == [2]


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork')
def test_a_forked_process_opens_files_of_its_own(film):
  code = (
    'import os, sys\n'
    'from i2v_jax.data.videos import decode, index_cache, kept\n'
    'index_cache.LONG = index_cache._SETTLED = 0\n'
    'decode.probe(sys.argv[1]); count = len(kept._IDLE)\n'
    'if child := os.fork(): os.waitpid(child, 0)\n'
    'print(count, len(kept._IDLE))'
  )
  command = [sys.executable, '-c', code, str(film)]
  result = subprocess.run(command, capture_output=True, text=True, check=True)
  assert result.stdout == '1 0\n1 1\n'
