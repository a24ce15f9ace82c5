"""Long lists of frames are read in parts, and no frame is decoded twice."""

import types

import numpy as np
import pytest
from encoded import encode

from i2v_jax.data.videos import decode
from i2v_jax.data.videos.blocks import split_blocks
from i2v_jax.data.videos.frame_folder import FrameFolder
from i2v_jax.data.videos.span import Span

GROUP = 10


def fake_video(keys):
  """A video of which only the key frames matter."""
  keys = np.array(keys)
  find = lambda frames: keys[np.searchsorted(keys, frames, 'right') - 1]
  return types.SimpleNamespace(find_starts=find)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  options = {'g': str(GROUP), 'bf': '0', 'sc_threshold': '0'}
  folder = tmp_path_factory.mktemp('blocks')
  return encode(folder / 'a.mp4', 'libx264', range(0, 120, 3), options)


def test_blocks_begin_at_key_frames(path):
  with decode.open_video(path) as video:
    blocks = split_blocks(video, np.arange(3, 40), least=12, most=30)
    # 17 up to frame 19 are enough; then 20 up to 39 are.
    assert [block[0] for block in blocks] == [3, 20]
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(3, 40))
    expected = video.read(range(3, 40))
    images = np.concatenate([video.read(block) for block in blocks])
  np.testing.assert_array_equal(images, expected)


def test_a_block_ends_before_a_group_that_does_not_fit():
  blocks = split_blocks(fake_video([0, 10, 90]), np.arange(120), 20, 85)
  assert [block[0] for block in blocks] == [0, 10, 90]


def test_a_group_above_the_most_is_split_where_it_must_be():
  blocks = split_blocks(fake_video([0, 70]), np.arange(100), 8, 32)
  assert [block[0] for block in blocks] == [0, 32, 64, 70]
  assert max(map(len, blocks)) == 32


def test_needed_frames_count_and_not_those_between():
  frames = np.arange(0, 400, 8)
  blocks = split_blocks(fake_video(range(0, 400, 20)), frames, 5, 9)
  assert [len(block) for block in blocks] == [5] * 10


def test_key_frames_of_a_span_are_counted_from_its_start(path):
  with Span(decode.open_video(path), 0.5, 1.2) as span:
    assert span.find_starts(np.array([0, 4, 5, 16])).tolist() == [-5, -5, 5, 15]
    blocks = split_blocks(span, np.arange(span.info.frames), 4, 30)
  assert [block[0] for block in blocks] == [0, 5, 15]


def test_every_image_of_a_folder_is_a_start():
  assert FrameFolder.find_starts(None, np.array([4, 9])).tolist() == [4, 9]


def test_no_frames_have_no_blocks_and_unordered_ones_are_refused():
  assert split_blocks(fake_video([0]), np.array([], int)) == []
  with pytest.raises(ValueError, match='ascend'):
    split_blocks(fake_video([0]), np.array([3, 3]))
