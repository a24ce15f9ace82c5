"""Your own boxes: tables as people write them, and what is wrong with them."""

import ava_shaped
import numpy as np
import pytest
from files import write

from i2v_jax.data.sets import digits, sources
from i2v_jax.runtime.errors import MissingFileError, UserError

HEAD = 'file,time,x1,y1,x2,y2,label,person\n'
TRAIN = (
  'v/a.mp4,1.5,0,0,.5,.5,run,p1\nv/a.mp4,0:00:01.500,0,0,.5,.5,jump,p1\n'
  'v/a.mp4,1.5,.5,.5,1,1,,p2\nv/b.mp4,0.5,.1,.1,.5,.5,run,\n'
)
VAL = 'v/b.mp4,1,0,0,.5,1,run,\nv/a.mp4,1.25,0,0,1,1,jump,\n'
PROPOSALS = (
  'file,time,x1,y1,x2,y2,score\nv/b.mp4,1.0,0,0,.6,1,.9\n'
  'v/b.mp4,1.0,0,0,.6,1,.2\nv/a.mp4,0:00:01.25,0,0,1,1,.95\n'
)


@pytest.fixture
def root(tmp_path):
  (tmp_path / 'v').mkdir()
  for name in 'ab':  # 2 seconds, 48 x 32 pixels
    video = tmp_path / f'v/{name}.mp4'
    digits.write_video(video, ava_shaped.draw(60, 16), 8)
  write(tmp_path, {'train.csv': HEAD + TRAIN, 'val.csv': HEAD + VAL})
  write(tmp_path, {'p.csv': PROPOSALS})
  return tmp_path


def load(root, split='val', on_missing='error', **options):
  return sources.load_split('boxes', root, split, on_missing, **options)


def test_a_table_is_key_frames_with_boxes(root):
  split = load(root, 'train')
  frames = split.key_frames
  assert split.ids == ('v/a.mp4@1.5', 'v/b.mp4@0.5') and split.notes == ()
  assert split.video_ids == ('v/a.mp4', 'v/b.mp4')
  assert split.class_names == ('jump', 'run')
  assert frames.times.tolist() == [1.5, 0.5]
  assert frames.ends.tolist() == [0, 2, 3]
  assert frames.persons == ('p1', 'p2', '')
  # Several labels, none, and one; a box without any is no truth.
  assert frames.labels.astype(int).tolist() == [[1, 1], [0, 0], [0, 1]]
  assert frames.truth.rows.labels.tolist() == [1, 0, 1]
  assert frames.truth.evaluated.tolist() == [True, True]


def test_classes_are_those_of_train(root):
  split = load(root)
  assert split.class_names == ('jump', 'run')
  assert split.key_frames.labels.astype(int).tolist() == [[0, 1], [1, 0]]
  write(root, {'names.txt': 'run\njump\nsit\n'})
  for classes in ('names.txt', ['run', 'jump', 'sit']):
    split = load(root, classes=classes)
    assert split.class_names == ('run', 'jump', 'sit')
    assert split.key_frames.labels[0].tolist() == [True, False, False]


@pytest.mark.parametrize(
  'text',
  [
    '\ufefffile;time;x1;y1;x2;y2;label\r\nv\\b.mp4;1,0;0;0,25;0,5;1;run\r\n',
    'label\tfile\ttime\tx1\ty1\tx2\ty2\nrun\tv/b.mp4\t0:00:01\t0\t.25\t.5\t1\n',
    'file, time, x1, y1, x2, y2, label\nv/b, 1, 0, .25, .5, 1, run\n',
  ],
)
def test_spreadsheets_are_read(root, text):
  write(root, {'val.csv': text})
  split = load(root)
  assert split.video_ids == ('v/b.mp4',)
  assert split.key_frames.times.tolist() == [1]
  assert split.key_frames.boxes.tolist() == [[0, 0.25, 0.5, 1]]


def test_pixels_are_those_of_the_video(root):
  line = 'v/b.mp4,1,0,8,24,32,run,\n'
  write(root, {'val.csv': HEAD + line})
  boxes = load(root, units='pixels').key_frames.boxes
  assert boxes.tolist() == [[0, 0.25, 0.5, 1]]
  with pytest.raises(UserError, match=r'its size, so in pixels\?'):
    load(root)
  write(root, {'val.csv': HEAD + VAL})
  with pytest.raises(UserError, match="set the option units='shares'"):
    load(root, units='pixels')


def test_a_key_frame_of_proposals_is_that_of_the_table(root):
  split = load(root, proposals='p.csv')
  frames = split.key_frames
  assert split.ids == ('v/b.mp4@1', 'v/a.mp4@1.25') and split.notes == ()
  assert np.allclose(frames.scores, [0.9, 0.95]) and not frames.labels.any()
  assert frames.source == 'p.csv'
  assert {*frames.keys} == {*frames.truth.rows.keys}
  assert frames.keys[0] == ('v/b.mp4', '1')


def test_proposals_at_other_times_are_left_out(root):
  write(root, {'p.csv': PROPOSALS + 'v/b.mp4,1.5,0,0,1,1,.9\n'})
  (note,) = load(root, proposals='p.csv').notes
  assert 'left out: 1 (v/b.mp4@1.5)' in note


def test_a_video_without_proposals_is_an_error_or_counted(root):
  write(root, {'p.csv': PROPOSALS.rpartition('v/a')[0]})
  with pytest.raises(UserError, match=r"no box in 1 of 2 videos \('v/a.mp4'\)"):
    load(root, proposals='p.csv')
  split = load(root, 'val', 'skip', proposals='p.csv')
  assert any("('v/a.mp4'), whose truth counts" in note for note in split.notes)


def test_all_that_is_wrong_is_one_error(root):
  lines = [
    'v/b.mp4,2.1,0,0,1,1,run,',
    'v/b.mp4,1:30,0,0,1,1,run,',
    'v/b.mp4,-1,0,0,1,1,run,',
    'v/b.mp4,1,0,0,1,1,Run,',
    'v/b.mp4,1,0,0,1,1,runn,',
    'v/b.mp4,1,0,0,1,1,run ,',
    'v/b.mp4,1,1,0,0,1,run,',
    ',1,0,0,1,1,run,',
    'v/b.mp4,x,0,0,1,1,run,',
  ]
  write(root, {'val.csv': HEAD + '\n'.join(lines)})
  with pytest.raises(UserError) as raised:
    load(root)
  for number, text in enumerate(
    [
      'time 2.1 s is after the end of v/b.mp4, 2.000 s',
      "time '1:30' is neither seconds nor H:MM:SS",
      'time -1 is before the first frame',
      f"label 'Run' is written 'run' in {root}/train.csv",
      f"label 'runn' is not in {root}/train.csv; did you mean 'run'?",
      f"label 'run ' is written 'run' in {root}/train.csv",
      'x1 1 is right of x2 0; swapped?',
      'file is an empty field',
      "time 'x' is not a number",
    ],
    start=2,
  ):
    assert f'line {number}: {text};' in str(raised.value)


def test_one_label_has_one_spelling(root):
  text = 'v/a.mp4,1,0,0,1,1,Run,\n'
  write(root, {'train.csv': HEAD + TRAIN + text})
  with pytest.raises(UserError, match="line 6: label 'Run' is written 'run'"):
    load(root, 'train')


def test_missing_videos_are_named_with_their_line(root):
  write(root, {'val.csv': HEAD + VAL + 'v/c.mp4,1,0,0,1,1,run,\n'})
  with pytest.raises(MissingFileError, match=r"1 of 3 .*\('v/c.mp4'\).*line 4"):
    load(root)
  split = load(root, 'val', 'skip')
  assert split.missing == ('v/c.mp4',) and len(split) == 2
  assert '1 of 3 key frames' in split.notes[0]


def test_a_video_that_cannot_be_opened_is_left_to_the_loader(root):
  write(root, {'v/b.mp4': 'x' * 100})
  (note,) = load(root).notes
  assert note.startswith('videos that cannot be opened, whose times are not')
  write(root, {'val.csv': HEAD + 'v/b.mp4,1,0,8,24,32,run,\n'})
  with pytest.raises(UserError, match=r'line 2: the size of v/b\.mp4 is not'):
    load(root, units='pixels')


@pytest.mark.parametrize(
  ('files', 'options', 'error'),
  [
    ({}, {'file': 'x.csv'}, r'x\.csv does not exist; check the root, and the'),
    ({}, {'units': 'inches'}, "units is 'inches'"),
    ({}, {'proposals': 'val.csv'}, "val.csv has no column 'score'"),
    ({'val.csv': VAL}, {}, 'does not say what its columns are'),
    ({'val.csv': HEAD}, {}, 'holds no box'),
    ({'train.csv': HEAD + 'v/a.mp4,1,0,0,1,1,,'}, {}, 'train.csv has no label'),
    ({}, {'classes': ['run']}, "'jump' is not in the option 'classes'"),
    (
      {'p.csv': PROPOSALS + 'v/b.mp4,9,0,0,1,1,2'},
      {'proposals': 'p.csv'},
      'score 2',
    ),
  ],
)
def test_what_cannot_be_read_is_one_sentence(root, files, options, error):
  write(root, files)
  with pytest.raises(UserError, match=error):
    load(root, **options)


def test_classes_without_a_table_of_train_must_be_given(root):
  (root / 'train.csv').unlink()
  with pytest.raises(MissingFileError, match="set the option 'classes'"):
    load(root)
  assert len(load(root, classes=['jump', 'run'])) == 2
