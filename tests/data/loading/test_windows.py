"""Windows of blocks are those of the complete video, each frame read once."""

import numpy as np
import pytest
from encoded import encode

from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import windows
from i2v_jax.data.loading.window_spans import Each, Sliding, place_windows
from i2v_jax.data.loading.windows import Assembly, WindowReader
from i2v_jax.data.videos.decode import DecodeError, Video, open_video

SPEC = ClipSpec(4, 32, sampling='uniform', clips=2)


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
  """48 frames of 1.6 seconds, with a key frame every 10."""
  path = tmp_path_factory.mktemp('clip') / 'a.mp4'
  options = {'g': '10', 'sc_threshold': '0'}
  return str(encode(path, 'libx264', range(0, 144, 3), options))


def assemble(reader, path):
  """The views of all windows, read block by block."""
  opened = reader(path)
  if opened.views is not None:
    return [opened.views], opened
  assembly, found = Assembly(opened, reader.spec), []
  for number, block in enumerate(opened.blocks):
    frames = reader(path, block) if number else opened.frames
    found += assembly.add(block, frames)
  return found, opened


@pytest.mark.parametrize(
  'sliding', [Sliding(0.4), Sliding(0.5, 0.1), Sliding(0.7, 0.7), Sliding(9)]
)
def test_windows_are_those_of_the_complete_video(clip, monkeypatch, sliding):
  monkeypatch.setattr(windows, 'MOST_FRAMES', 7)
  found, opened = assemble(WindowReader(SPEC, sliding), clip)
  with open_video(clip) as video:
    spans = place_windows(video.info, sliding)
    wanted = [clips.make_test_views(video, SPEC, span) for span in spans]
  assert len(opened.blocks) > 1 and len(found) == len(wanted)
  for one, other in zip(found, wanted, strict=True):
    np.testing.assert_array_equal(one['video'], other['video'])
  assert opened.seconds[0, 0] == 0 and opened.seconds[-1, 1] == pytest.approx(
    1.6
  )


def test_each_frame_is_read_once(clip, monkeypatch):
  read, numbers = Video.read, []

  def count(self, indices, short_side=None):
    numbers.extend(np.asarray(indices).tolist())
    return read(self, indices, short_side)

  monkeypatch.setattr(Video, 'read', count)
  monkeypatch.setattr(windows, 'MOST_FRAMES', 20)
  found, opened = assemble(WindowReader(SPEC, Sliding(0.5, 0.1)), clip)
  assert len(found) == 12 and len(numbers) == len(set(numbers))
  assert set(numbers) == set(opened.places.ravel())
  assert len(opened.blocks) > 1


def test_few_frames_are_kept(clip):
  reader = WindowReader(SPEC, Sliding(0.2))
  opened = reader(clip)._replace(blocks=[])
  assembly = Assembly(opened, SPEC)
  for block in np.array_split(np.unique(opened.places), 10):
    list(assembly.add(block, reader(clip, block)))
    assert len(assembly._kept) <= 3


def test_one_window_comes_as_views(clip):
  found, opened = assemble(WindowReader(SPEC), clip)
  assert opened.frames is None and len(found) == 1
  with open_video(clip) as video:
    wanted = clips.make_test_views(video, SPEC)
  np.testing.assert_array_equal(found[0]['video'], wanted['video'])


def test_every_frame_is_a_window(clip):
  spec = ClipSpec(1, 32, sampling='uniform')
  found, opened = assemble(WindowReader(spec, Each()), clip)
  assert len(found) == 48 and found[0]['video'].shape == (1, 1, 32, 32, 3)
  np.testing.assert_array_equal(opened.places[:, 0], np.arange(48))


def test_a_bad_video_is_one_sentence(clip, videos):
  reader = WindowReader(SPEC, Sliding(1e-3))
  with pytest.raises(DecodeError, match=r'a\.mp4: --window is 0\.001'):
    reader(clip)
  with pytest.raises(DecodeError, match=r'none\.mp4: no such video'):
    reader(str(videos / 'none.mp4'))


def test_a_video_that_takes_too_much_memory_is_bad(clip, monkeypatch):
  def fail(*_):
    raise MemoryError

  monkeypatch.setattr(clips, 'make_views', fail)
  with pytest.raises(DecodeError, match=r'a\.mp4: takes more memory'):
    WindowReader(SPEC)(clip)


def test_a_video_that_takes_too_long_is_bad(clip):
  with pytest.raises(DecodeError, match=r'a\.mp4: took longer than 1e-09 s'):
    WindowReader(SPEC, seconds=1e-9)(clip)


def test_freed_memory_is_released_now_and_then_also_after_bad_videos(
  clip, videos, monkeypatch
):
  released = []
  monkeypatch.setattr(windows, 'RELEASED', 2)
  monkeypatch.setattr(
    windows.process, 'release_freed_memory', lambda: released.append(1)
  )
  reader = WindowReader(SPEC)
  for _ in range(2):
    reader(clip)
    with pytest.raises(DecodeError):
      reader(str(videos / 'README.md'))
  assert len(released) == 2
