"""The index of a file is what reading all of it finds, wherever it is kept."""

import dataclasses
import os
import random
import shutil

import numpy as np
import pytest
import remuxed
from encoded import encode

from i2v_jax.data.videos import decode, index_cache, index_file

X265 = {'x265-params': 'log-level=none:pools=1:frame-threads=1:keyint=9'}
MADE = {
  'h264.mp4': ('libx264', {'g': '8', 'bf': '2'}),
  'interlaced.mp4': ('libx264', {'x264-params': 'tff=1:keyint=9'}),
  'h264.ts': ('libx264', {'g': '8', 'bf': '2'}),
  'hevc.mkv': ('libx265', X265),
  'vp9.webm': ('libvpx-vp9', {'g': '10'}),
  'av1.mp4': ('libsvtav1', {'g': '9', 'preset': '12'}),
  'mpeg4.avi': ('mpeg4', {'bf': '2', 'g': '8'}),
  'mjpeg.mkv': ('mjpeg', {}, 'yuvj420p'),
}


def assert_same(index, fresh):
  """Asserts that all fields of two indices are equal."""
  for field in dataclasses.fields(fresh):
    found, wanted = getattr(index, field.name), getattr(fresh, field.name)
    if isinstance(wanted, np.ndarray):
      np.testing.assert_array_equal(found, wanted)
      assert found.dtype == wanted.dtype
    else:
      assert (found, type(found)) == (wanted, type(wanted)), field.name


@pytest.mark.parametrize('name', [*MADE, 'cut.ts', 'decoding_order.mp4'])
def test_a_kept_index_reads_the_frames_of_a_fresh_one(tmp_path, keeping, name):
  path = tmp_path / name
  if name in MADE:
    codec, options, *form = MADE[name]
    encode(path, codec, np.cumsum([3, 2, 4] * 8), options, *form)
  else:
    source = encode(tmp_path / 'a.mkv', 'libx264', range(0, 90, 3), {'g': '9'})
    remuxed.remux(source, path, path.stem, random.Random(0))
  indices = [[5], [23, 2, 11], [0]]
  with decode.open_video(path.read_bytes()) as video:  # is never kept
    fresh, expected = video.packets.index, [video.read(i) for i in indices]
  decode.probe(path)
  for forget in (False, True):
    if forget:
      index_cache.forget()
    with decode.open_video(path) as video:
      assert_same(video.packets.index, fresh)
      for asked, images in zip(indices, expected, strict=True):
        np.testing.assert_array_equal(video.read(asked), images)
  assert len(list(keeping.iterdir())) == 1


def test_a_file_that_was_overwritten_has_another_index(tmp_path, keeping):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3))
  assert decode.probe(path).frames == 30
  encode(path, 'libx264', range(0, 60, 3))
  assert decode.probe(path).frames == 20
  np.testing.assert_array_equal(
    decode.read_frames(path, [19]), decode.read_frames(path.read_bytes(), [19])
  )
  assert len(list(keeping.iterdir())) == 2


def test_a_file_that_may_still_change_is_not_kept(
  tmp_path, keeping, monkeypatch
):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3))
  monkeypatch.setattr(index_cache, '_SETTLED', 2e9)
  found = decode.probe(path)
  identity = index_cache.identify(path)
  assert index_cache.find(identity) is None
  os.utime(path, (1e9, 1e9))
  assert decode.probe(path) == found
  assert index_cache.find(index_cache.identify(path)).info == found


@pytest.mark.parametrize('damage', [b'', b'x', None])
def test_a_damaged_file_is_written_again(tmp_path, keeping, damage):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3))
  found = decode.probe(path)
  (kept,) = keeping.iterdir()
  whole = kept.read_bytes()
  broken = whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
  kept.write_bytes(broken if damage is None else damage)
  index_cache.forget()
  assert index_file.read(kept) is None
  assert decode.probe(path) == found
  assert index_file.read(kept).info == found


def test_no_cache_is_no_error(tmp_path, keeping, monkeypatch):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 90, 3))
  monkeypatch.setenv('XDG_CACHE_HOME', str(path))  # not a folder
  assert decode.probe(path).frames == 30
  monkeypatch.delenv('XDG_CACHE_HOME')
  monkeypatch.setenv('HOME', 'nowhere')
  index_cache.forget()
  monkeypatch.chdir(tmp_path)
  assert decode.probe(path).frames == 30
  assert {found.name for found in tmp_path.iterdir()} <= {'a.mp4', 'cache'}


def test_caches_are_bounded(tmp_path, keeping, monkeypatch):
  paths = [tmp_path / f'{number}.mp4' for number in range(3)]
  for number, path in enumerate(paths):
    encode(path, 'libx264', range(0, 30 + 3 * number, 3))
  monkeypatch.setattr(index_cache, 'FRAMES', 24)
  monkeypatch.setattr(index_cache, 'FILES', 2)
  for path in paths:
    decode.probe(path)
  identities = [index_cache.identify(path) for path in paths]
  assert [*index_cache._MEMORY] == identities[1:]
  assert index_cache.find(identities[0]) is None
  assert len(list(keeping.iterdir())) == 2


def test_short_files_are_kept_in_memory_alone(videos, tmp_path, monkeypatch):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  found = decode.probe(videos / 'arm_wrestling.mp4')
  identity = index_cache.identify(videos / 'arm_wrestling.mp4')
  assert index_cache.find(identity).info == found
  assert not [*tmp_path.iterdir()]


def test_an_index_takes_memory_without_frames_too(
  tmp_path, keeping, monkeypatch
):
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 30, 3))
  others = [tmp_path / f'{number}.mp4' for number in range(4)]
  for other in others:
    shutil.copyfile(path, other)
  monkeypatch.setattr(index_cache, 'FRAMES', 60)
  monkeypatch.setattr(index_cache, 'ALONE', 10)
  for other in others * 2:
    decode.probe(other)
  kept = [index_cache.identify(other) for other in others[1:]]
  assert [*index_cache._MEMORY] == kept
