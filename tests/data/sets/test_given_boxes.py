"""Boxes of one video: what of a table is read, and what is refused."""

import os

import boxed as films
import cv2
import numpy as np
import pytest
from files import write

from i2v_jax.data.sets.given_boxes import read_given_boxes
from i2v_jax.runtime.errors import UserError

HEAD = 'time,x1,y1,x2,y2'
BOX = '.25,.25,.5,.75'


@pytest.fixture(scope='module')
def video(tmp_path_factory):
  """A film of 40 frames, 128 x 96 pixels, 1.333 s."""
  return str(films.write_film(tmp_path_factory.mktemp('films') / 'a.mp4'))


@pytest.fixture
def read(video, tmp_path):
  def read(*lines, head=HEAD, of=video, **options):
    write(tmp_path, {'t.csv': '\n'.join((head, *lines, ''))})
    return read_given_boxes(str(tmp_path / 't.csv'), of, **options)

  return read


def test_rows_become_key_frames_by_time(read):
  lines = (f'1,{BOX}', '0:00:00.5,0,0,1,1', f'0.5,{BOX}')
  found, notes = read(*lines)
  assert found.times.tolist() == [0.5, 1.0] and notes == []
  assert found.ends.tolist() == [0, 2, 3] and found.labels.shape == (3, 0)
  wanted = [[0, 0, 1, 1], [0.25, 0.25, 0.5, 0.75], [0.25, 0.25, 0.5, 0.75]]
  np.testing.assert_allclose(found.boxes, wanted)
  assert found.scores.tolist() == [1, 1, 1] and set(found.persons) == {''}
  assert not found.truth.rows.keys


def test_persons_and_scores_are_kept(read):
  lines = (f'1,{BOX}, anna ,.5', '1,0,0,.2,.2,,.25')
  found, _ = read(*lines, head=f'{HEAD},person,score')
  assert found.persons == ('anna', '') and found.scores.tolist() == [0.5, 0.25]


def test_other_separators_are_read(read):
  head = HEAD.replace(',', ';')
  found, _ = read('0,5;0,25;0,25;0,5;0,75', head=head)
  np.testing.assert_allclose(found.boxes, [[0.25, 0.25, 0.5, 0.75]])


def test_pixels_are_edges_of_the_frame(read):
  found, _ = read('1,0,0,128,96', '1,32,24,64,72', units='pixels')
  wanted = [[0, 0, 1, 1], [0.25, 0.25, 0.5, 0.75]]
  np.testing.assert_allclose(found.boxes, wanted)


def test_rows_of_other_videos_are_counted_and_not_checked(read):
  """They may be later than this one ends, and larger than its frame."""
  lines = ('x/a.mp4,1,32,24,64,72', ',1,0,0,32,24', 'C:\\x\\a.mp4,.5,0,0,9,9')
  others = ('b.mp4,90,0,0,1280,720', 'aa.mp4,1,5,5,4,4')
  found, notes = read(*lines, *others, head=f'file,{HEAD}', units='pixels')
  assert found.ends.tolist() == [0, 1, 3]
  (note,) = notes
  assert note.startswith('rows of other videos in ') and note.endswith(': 2')


def test_of_equal_names_the_path_that_is_most_alike_counts(read, video):
  folder = os.path.basename(os.path.dirname(video))
  lines = (f'{folder}/a.mp4,1,{BOX}', f'other/a.mp4,.5,{BOX}')
  found, (note,) = read(*lines, head=f'file,{HEAD}')
  assert found.times.tolist() == [1.0] and note.endswith(': 1')
  lines = (f'one/a.mp4,1,{BOX}', f'two/a.mp4,.5,{BOX}')
  with pytest.raises(UserError, match=r"'one/a\.mp4' and 'two/a\.mp4' may"):
    read(*lines, head=f'file,{HEAD}')


def test_columns_that_are_not_used_are_named(read):
  _, notes = read(f'1,{BOX},7', head=f'{HEAD},persn')
  assert len(notes) == 1 and notes[0].endswith('not used: persn')


@pytest.mark.parametrize(
  ('line', 'problem'),
  [
    (f'1.5,{BOX}', r'line 3: time 1\.5 s is after the end of a\.mp4, 1\.333'),
    (f'-1,{BOX}', 'line 3: time -1 is before the first frame'),
    (f'1:70,{BOX}', "line 3: time '1:70' is neither seconds nor H:MM:SS"),
    (f'soon,{BOX}', "line 3: time 'soon' is not a number"),
    ('1,nan,.25,.5,.75', 'line 3: x1 is nan, not a finite number'),
    ('1,.5,.25,.25,.75', r'line 3: x1 0\.5 is right of x2 0\.25; swapped'),
    ('1,.25,.75,.5,.25', r'line 3: y1 0\.75 is below y2 0\.25; swapped'),
    ('1,.25,.25,.25,.75', 'line 3: the box .* has no area'),
    ('1,.25,.25,1.5,.75', r'line 3: x2 is outside the frame, at 1\.5 of its'),
    ('1,32,24,64,72', 'line 3: x1 is outside .* so in pixels'),
    ('1,.25', 'line 3'),
  ],
)
def test_what_is_wrong_with_a_line_is_said(read, line, problem):
  with pytest.raises(UserError, match=problem):
    read(f'1,{BOX}', line)


def test_pixels_outside_the_frame_are_refused(read):
  with pytest.raises(UserError, match=r'line 2: x2 is outside the frame, at 1'):
    read('1,0,0,160,96', units='pixels')
  with pytest.raises(UserError, match="set the option units='shares'"):
    read(f'1,{BOX}', units='pixels')


def test_scores_are_shares(read):
  with pytest.raises(UserError, match=r'line 2: score 1\.5 is not in 0\.\.1'):
    read(f'1,{BOX},1.5', head=f'{HEAD},score')


def test_a_person_is_in_one_place_at_a_time(read):
  head = f'{HEAD},person'
  fine = (f'1,{BOX},7', f'1,{BOX},7', '0.5,0,0,.2,.2,7', '1,0,0,.2,.2,8')
  assert read(*fine, head=head)[0].persons == ('7', '7', '8')
  text = r'line 3: person 7 is elsewhere at 1\.000 s, by line 2'
  with pytest.raises(UserError, match=text):
    read(f'1,{BOX},7', '1,0,0,.2,.2,7', head=head)


def test_a_table_without_boxes_of_the_video_is_refused(read):
  with pytest.raises(UserError, match=r'no box of a\.mp4; name it in the col'):
    read(f'b.mp4,1,{BOX}', head=f'file,{HEAD}')
  with pytest.raises(UserError, match='holds no box; add lines'):
    read()
  with pytest.raises(UserError, match='does not say what its columns are'):
    read(head=f'1,{BOX}')


def test_a_table_that_is_not_there_is_named(video, tmp_path):
  with pytest.raises(FileNotFoundError, match=r'none\.csv'):
    read_given_boxes(str(tmp_path / 'none.csv'), video)


def test_a_folder_of_frames_has_no_known_end(read, tmp_path):
  folder = tmp_path / 'frames'
  folder.mkdir()
  for number in range(3):
    image = np.zeros((96, 128, 3), np.uint8)
    assert cv2.imwrite(str(folder / f'{number:03}.png'), image)
  options = dict(of=f'{folder}/', units='pixels', head=f'file,{HEAD}')
  found, notes = read('x/frames/,100,32,24,64,72', 'y,1,0,0,9,9', **options)
  assert found.times.tolist() == [100.0] and len(notes) == 1
  np.testing.assert_allclose(found.boxes, [[0.25, 0.25, 0.5, 0.75]])
  with pytest.raises(UserError, match='outside the frame'):
    read('frames,1,0,0,640,480', **options)
