"""Boxes and words on a video: where they are, and that all can be read."""

import boxed as films
import numpy as np
import pytest
from encoded import decode_all, encode

from i2v_jax.data.show import sheet
from i2v_jax.data.videos.decode import open_video
from i2v_jax.deploy import drawn_video
from i2v_jax.deploy.tracks import Moment
from i2v_jax.runtime.errors import FileError

GREY = 128
RED, BLUE, GREEN = (230, 20, 20), (40, 90, 250), (20, 220, 60)
CENTRE = (0.25, 0.25, 0.75, 0.75)


def make(*boxes, words=('stand 98%', 'watch (a person) 91%')):
  return {
    str(n): [Moment(0.0, np.array(box), words)] for n, box in enumerate(boxes)
  }


def draw(tracks, size=(240, 320), seconds=0.0, colours=(RED, BLUE, GREEN)):
  frame = np.full((*size, 3), GREY, np.uint8)
  colours = dict(zip(tracks, colours, strict=False))
  out = drawn_video.draw(frame, tracks, seconds, colours)
  assert (frame == GREY).all() and out.shape == frame.shape
  return out


def find(out, colour):
  """Pixels of that colour: bool [H, W]."""
  return (out == colour).all(axis=-1)


def find_words(out):
  """Pixels of the background of words and of lines."""
  return find(out, sheet.BACKGROUND)


@pytest.mark.parametrize('size', [(240, 320), (720, 1280)])
def test_a_line_is_around_the_box(size):
  out = draw(make(CENTRE, words=()), size)
  found = films.find_rectangle(255 * find(out, RED)[..., None])
  height, width = size
  wanted = np.multiply(CENTRE, (width, height) * 2)
  thick = height // 30 // 6
  np.testing.assert_allclose(found, wanted, atol=thick)
  y, x = height // 2, width // 2
  assert (out[y - 9 : y + 9, x - 9 : x + 9] == GREY).all()  # not filled
  assert (out[:9] == GREY).all()


def test_words_are_above_their_box_if_there_is_room():
  out = draw(make(CENTRE))
  above = find_words(out)[:55, 80:]
  assert above.sum() > 1000 and find(out, RED)[:55].any()
  out = draw(make((0.25, 0.0, 0.75, 0.75)))
  assert find_words(out)[182:].sum() > 1000  # else below
  out = draw(make((0.25, 0.0, 0.75, 1.0)))
  assert find_words(out)[3:30, 84:160].sum() > 1000  # else inside


@pytest.fixture
def places(monkeypatch):
  """Where words are put: top, left, bottom, right of each."""
  found, put = [], sheet.put

  def note(picture, small, top, left):
    found.append((top, left, top + len(small), left + small.shape[1]))
    put(picture, small, top, left)

  monkeypatch.setattr(sheet, 'put', note)
  return found


@pytest.mark.parametrize('size', [(240, 320), (720, 1280), (720, 406)])
def test_no_words_hide_others_and_all_are_in_the_frame(size, places):
  corner = (0.9, 0.0, 1.0, 0.1)
  draw(make(CENTRE, CENTRE, CENTRE), size)
  draw(make(corner, corner, (0.95, 0.9, 1.0, 1.0)), size)
  for three in (places[:3], places[3:]):
    taken = np.zeros(size, int)
    for top, left, bottom, right in three:
      assert 0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]
      taken[top:bottom, left:right] += 1
    assert taken.max() == 1 and len(three) == 3


def test_words_wider_than_the_frame_are_cut_and_small_frames_drawn():
  long = ['talk to (e.g., self, a person, a group) 77%'] * 9
  for size in ((32, 48), (240, 320), (9, 400)):
    out = draw(make(CENTRE, words=long), size)
    assert find_words(out).any()


def test_what_is_not_there_at_a_time_is_not_drawn():
  assert (draw(make(CENTRE), seconds=5.0) == GREY).all()


def write(path, out, tracks):
  with open_video(str(path)) as video:
    drawn_video.write(out, video, tracks)
  return decode_all(out)


@pytest.mark.parametrize('size', [(64, 48), (65, 49)])
def test_a_drawn_video_has_the_frames_and_times_of_its_source(tmp_path, size):
  """H.264 has even sides, so an odd one gets its last pixel twice."""
  ticks = [0, 3, 6, 15, 60, 90]  # 90 a second
  path, out = tmp_path / 'a.mkv', tmp_path / 'out.mp4'
  encode(path, 'ffv1', ticks, pixels='bgr0', size=size)
  track = [Moment(0.6, np.array(CENTRE), ())]
  images = write(path, out, {'1': track})
  with open_video(str(path)) as source, open_video(str(out)) as drawn:
    before, after = source.info, drawn.info
    frames = source.read(range(6))
  assert after.frames == before.frames == 6
  np.testing.assert_allclose(after.times, before.times, atol=1e-4)
  assert (after.width, after.height) == tuple(n + n % 2 for n in size)
  change = [
    np.abs(a[:48, :64].astype(int) - b[:48, :64]).mean()
    for a, b in zip(images, frames, strict=True)
  ]
  assert min(change[3:]) > 3 * max(change[:3])  # 0.6 s is held from 0.1 s on


def test_a_video_that_cannot_be_written_is_named(tmp_path, videos):
  with (
    open_video(str(videos / 'h265.mp4')) as video,
    pytest.raises(FileError, match=r'none.a\.mp4 could not be written'),
  ):
    drawn_video.write(tmp_path / 'none' / 'a.mp4', video, {})
