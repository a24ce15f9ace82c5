"""One-second files are one video, and times are frames of it."""

import dataclasses

import numpy as np
import pytest
from encoded import encode

from i2v_jax.data.videos import decode
from i2v_jax.data.videos.decode import DecodeError
from i2v_jax.data.videos.seconds import Seconds, find_frame

FRAMES = {901: 5, 902: 6, 903: 5, 905: 5}  # 904 is missing


@pytest.fixture(scope='module')
def movie(tmp_path_factory):
  folder = tmp_path_factory.mktemp('movie')
  for second in FRAMES:
    ticks = range(0, 3 * FRAMES[second], 3)
    encode(folder / f'{second}.mp4', 'libx264', ticks, {'crf': '0'})
  return folder


def read_alone(movie, *places):
  """Frames by second and number, each read from its own file."""
  return np.concatenate(
    [decode.read_frames(movie / f'{s}.mp4', [n]) for s, n in places]
  )


def test_files_are_opened_until_there_are_enough_frames(movie):
  for before, after, frames, key in (
    (0, 1, 6, 0),
    (0, 6, 6, 0),
    (0, 7, 11, 0),
    (1, 7, 16, 5),
  ):
    with Seconds(movie, 902, before, after) as found:
      assert (found.info.frames, found.key) == (frames, key)


def test_a_missing_neighbour_ends_the_video_there(movie):
  with Seconds(movie, 902, 100, 100) as found:  # neither 900 nor 904 exists
    assert (found.info.frames, found.key) == (16, 5)
  with Seconds(movie, 905, 3, 3) as found:
    assert (found.info.frames, found.key) == (5, 0)


def test_frames_are_those_of_the_files_in_any_order(movie):
  with Seconds(movie, 902, 5, 11) as found:
    images = found.read([15, 5, 4, 5, 0, 99])
    small = found.read([5, 11], short_side=24)
  places = ((903, 4), (902, 0), (901, 4), (902, 0), (901, 0), (903, 4))
  wanted = read_alone(movie, *places)
  np.testing.assert_array_equal(images, wanted)
  assert small.shape == (2, 24, 32, 3)


def test_facts_are_those_of_one_video(movie):
  with Seconds(movie, 902, 5, 11) as found:
    info = found.info
  assert (info.width, info.height) == (64, 48)
  assert info.frames == len(info.times) == 16
  np.testing.assert_allclose(info.times, np.arange(16) / 30, atol=1e-9)
  assert info.fps == pytest.approx(30)
  assert info.duration == pytest.approx(16 / 30)


def test_the_file_of_the_key_frame_must_be_there(movie):
  with pytest.raises(DecodeError, match=r'904\.mp4: no such video; .* drop'):
    Seconds(movie, 904, 5, 5)


def test_a_damaged_neighbour_is_named(movie, tmp_path):
  for name in ('901.mp4', '902.mp4'):
    (tmp_path / name).write_bytes((movie / name).read_bytes())
  (tmp_path / '903.mp4').write_bytes(b'no video')
  with pytest.raises(DecodeError, match=r'903\.mp4: cannot be opened'):
    Seconds(tmp_path, 902, 5, 11)
  encode(tmp_path / '903.mp4', 'libx264', range(3), size=(96, 48))
  with pytest.raises(DecodeError, match=r'903\.mp4: .*96 x 48 .*, not 64 x 48'):
    Seconds(tmp_path, 902, 5, 11)
  with Seconds(tmp_path, 902, 5, 6):  # nobody needs it
    pass


def test_files_are_closed_after_an_error_and_a_limit_holds(movie, monkeypatch):
  closed, close = [], decode.Video.close

  def note(video):
    closed.append(video.packets.name)
    close(video)

  monkeypatch.setattr(decode.Video, 'close', note)
  monkeypatch.setattr(Seconds, '_check_sizes', lambda *_: 1 / 0)
  with pytest.raises(ZeroDivisionError):
    Seconds(movie, 902, 5, 11)
  assert len(closed) == 3
  with pytest.raises(DecodeError, match='took longer than'):
    Seconds(movie, 902, 5, 11, limit=1e-9)


def test_negative_frames_are_refused(movie):
  with (
    Seconds(movie, 902, 5, 11) as found,
    pytest.raises(IndexError, match='frame -1'),
  ):
    found.read([-1])


@pytest.mark.parametrize(
  ('seconds', 'frame'),
  [
    (0.0, 0),
    (-0.04, 0),
    (1.0, 10),
    (1.04, 10),
    (1.06, 11),
    (1.9, 19),
    (2.0, 19),  # the end
    (2.1, 19),  # a frame past it
  ],
)
def test_a_time_is_its_nearest_frame(movie, seconds, frame):
  assert find_frame(make_info(movie), seconds) == frame


@pytest.mark.parametrize('seconds', [-0.06, 2.11, 902.0, float('nan')])
def test_a_time_outside_is_refused(movie, seconds):
  with pytest.raises(
    DecodeError, match=r'a\.mp4: the key frame at .* 2\.000 s'
  ):
    find_frame(make_info(movie), seconds, 'a.mp4')


def test_times_of_a_varying_rate_count(movie):
  info = dataclasses.replace(make_info(movie), times=(0.0, 0.1, 1.5, 1.9))
  assert [find_frame(info, t) for t in (0.7, 0.9, 1.6, 1.8)] == [1, 2, 2, 3]


def make_info(movie):
  """A video of 20 frames, 10 a second."""
  times = tuple(n / 10 for n in range(20))
  return dataclasses.replace(
    decode.probe(movie / '902.mp4'),
    frames=20,
    fps=10.0,
    duration=2.0,
    times=times,
  )
