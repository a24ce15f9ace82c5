"""Your own segments: from a table and videos to the examples of a split."""

import shutil

import footage
import numpy as np
import pytest
from files import write
from footage import load

from i2v_jax.data.sets import sources
from i2v_jax.runtime.errors import MissingFileError, UserError

TABLE = (
  'file,start,end,label,who\nv/a.mp4,0.5,1,run,x\nv/a.mp4,.5,0:01,jump,y\n'
  'v/a.mp4,0.5,1,run,x\nv/b,,,run,\nv/c.mp4,,,,\nv/d.mp4,1,2.05,jump|sit,\n'
)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  root = tmp_path_factory.mktemp('footage')
  return footage.make(root, ['v/a', 'v/b', 'v/c', 'v/d'], TABLE)


@pytest.fixture
def root(made, tmp_path):
  return shutil.copytree(made, tmp_path / 'root')


def test_segments_are_examples_of_their_files(root):
  both = {
    split: load(root, split, val_fraction=0.3) for split in ('train', 'val')
  }
  ids = {
    video: target.tolist()
    for split in both.values()
    for video, target in zip(split.ids, split.targets, strict=True)
  }
  assert ids == {
    'v/a.mp4@0.5-1': [True, True, False],  # jump and run, of three lines
    'v/b.mp4@0-2': [False, True, False],  # the complete file
    'v/d.mp4@1-2': [True, False, True],  # cut at the end
  }
  files = [{v.id for v in s.segments.footage} for s in both.values()]
  assert not files[0] & files[1]
  assert files[0] | files[1] == {f'v/{n}.mp4' for n in 'abcd'}
  notes = [note for split in both.values() for note in split.notes]
  for words in (
    '1 column of segments.csv not used: who',
    'after their videos, cut there: 1',
    'draws such spans): 1',
  ):
    assert any(words in note for note in notes), notes
  for split in both.values():
    assert split.class_names == ('jump', 'run', 'sit')
    assert (split.labels == -1).all()
    assert split.num_videos == len(split.list_videos())
    for path, video in zip(split.paths, split.video_ids, strict=True):
      assert path == str(root / video)


def test_gaps_are_those_of_each_file(root):
  write(root, {'train.csv': TABLE})
  split = load(root, file='{split}.csv')
  gaps = {
    video.id: gap.tolist()
    for video, gap in zip(
      split.segments.footage, split.segments.gaps, strict=True
    )
  }
  assert gaps == {
    'v/a.mp4': [[0, 0.5], [1, 2]],
    'v/b.mp4': [],
    'v/c.mp4': [[0, 2]],
    'v/d.mp4': [[0, 1]],
  }
  assert sorted(split.segments.lengths) == [0.5, 1, 2]


def test_a_file_for_each_split_has_the_classes_of_all(root):
  head = 'file,label\n'
  write(root, {'train.csv': head + 'v/a.mp4,run\n'})
  write(root, {'val.csv': head + 'v/b.mp4,jump\n'})
  train, val = (load(root, s, file='{split}.csv') for s in ('train', 'val'))
  assert train.class_names == val.class_names == ('jump', 'run')
  assert (train.ids, val.ids) == (('v/a.mp4@0-2',), ('v/b.mp4@0-2',))
  names = ['run', 'jump', 'sit']
  given = load(root, file='{split}.csv', class_names=names)
  assert given.class_names == tuple(names)
  with pytest.raises(MissingFileError, match="set 'file', perhaps to "):
    load(root, 'test', file='{split}.csv')


def test_a_column_may_decide(root):
  text = 'file,label,split,group\nv/a.mp4,run,training,p\nv/b.mp4,run,val,q\n'
  write(root, {'segments.csv': text})
  val = load(root, 'validation')
  assert val.video_ids == ('v/b.mp4',)
  assert val.segments.footage[0].group == 'q'
  with pytest.raises(UserError, match="no line is of split 'test'"):
    load(root, 'test')


def test_the_names_of_activitynet_are_found(root):
  (root / 'v/a.mp4').rename(root / 'v_abc.mp4')
  run = {'segment': [0.5, 2], 'label': 'run'}
  database = {'abc': {'subset': 'training', 'annotations': [run]}}
  write(root, {'net.json': {'database': database}})
  assert load(root, file='net.json').ids == ('v_abc.mp4@0.5-2',)
  write(root, {'train.csv': 'file,label\nabc.mp4,run\nv/b,run\n'})
  with pytest.raises(UserError, match=r"line 2: 'abc\.mp4' does not exist"):
    load(root, file='{split}.csv')  # a table says what its files are called


def test_all_that_is_wrong_is_one_error(root):
  (root / 'v/d.mp4').write_bytes(b'no video')
  lines = [
    'file,start,end,label,group',
    'v/a.mp4,2,3,run,p',
    'v/a.mp4,1,1,run,',
    'v/e.mp4,5,2,run,',
    'v/e.mp4,,,run,',
    'v/A.MP4,,,Run,',
    'v/d.mp4,,,run,',
    'v/b.mp4,0,2.2,run,',
    'v/b.mp4,soon,,run,',
    'v/a.mp4,,1,run,q',
    'v/b.mp4,,1,run,',
  ]
  write(root, {'segments.csv': '\n'.join(lines)})
  with pytest.raises(UserError) as found:
    load(root)
  text = str(found.value)
  for words in (
    'has 8 bad lines',
    "line 2: start 2 s is after the end of 'v/a.mp4', 2.000 s",
    'line 3: end 1 s is not after start 1 s',
    "line 4: end 2 s is not after start 5 s, 'v/e.mp4' does not exist (2 lines",
    "line 6: label 'Run' is written 'run' in segments.csv",
    "line 7: 'v/d.mp4' cannot be opened",
    "line 8: end 2.2 s is after the end of 'v/b.mp4', 2.000 s",
    "line 9: start 'soon' is not a number",
    "line 10: 'v/a.mp4' has the group 'q' here, but 'p' in line 2",
    'correct or drop them',
  ):
    assert words in text, text
  many = [f'v/{n}.mp4,,,run,' for n in range(30)]
  write(root, {'segments.csv': '\n'.join([*lines[:1], *many, lines[-1]])})
  with pytest.raises(UserError, match=r'30 bad lines; .*; and 10 more'):
    load(root)


def test_files_of_splits_list_other_videos_and_groups(root):
  head = 'file,start,end,label,group\n'
  train = head + 'v/a.mp4,0,1,run,p\nv/b,,,jump,q\n'
  val = head + 'v/c.mp4,,,run,r\nv/a,1,2,jump,\nv/d.mp4,,,run,Q\n'
  write(root, {'train.csv': train, 'val.csv': val, 'test.csv': val})
  with pytest.raises(UserError, match='has 2 bad lines; line 2') as found:
    load(root, file='{split}.csv')
  text = str(found.value)
  assert "line 2: 'v/a.mp4' is in line 3 of test.csv too, so in two" in text
  assert "line 3: group 'q' is in line 4 of test.csv too, so in two" in text
  assert "group 'q' is in line 4 of val.csv too, so in two splits;" in text
  (root / 'train.csv').unlink()  # val may be test too
  assert len(load(root, 'val', file='{split}.csv')) == 3


def test_missing_and_unreadable_files_can_be_left_out(root):
  (root / 'v/b.mp4').unlink()
  (root / 'v/d.mp4').write_bytes(b'no video')
  write(root, {'train.csv': TABLE})
  split = load(root, 'train', 'skip', file='{split}.csv')
  assert split.ids == ('v/a.mp4@0.5-1',)
  assert split.missing == ('v/b', 'v/d.mp4')
  assert "do not exist: 1 videos ('v/b') with 1 seg" in split.notes[-2]
  assert "cannot be read: 1 videos ('v/d.mp4') with 1 seg" in split.notes[-1]
  assert split.list_videos().ids == ('v/a.mp4', 'v/c.mp4')
  checked = split.list_videos(unread=True)
  assert checked.ids == ('v/a.mp4', 'v/c.mp4', 'v/d.mp4')
  assert checked.missing == ('v/b',)
  shutil.rmtree(root / 'v')
  with pytest.raises(MissingFileError, match='4 of 4 listed videos are not in'):
    load(root, 'train', 'skip', file='{split}.csv')


def test_a_folder_of_frames_has_segments_too(videos, tmp_path):
  import cv2

  for n in range(1, 21):
    (tmp_path / 'a').mkdir(exist_ok=True)
    cv2.imwrite(str(tmp_path / f'a/{n:05d}.png'), np.full((16, 16, 3), n))
  write(tmp_path, {'train.csv': 'file,start,end,label\na,1,,run\n'})
  split = sources.load_split(
    'segments', tmp_path, 'train', fps=10.0, file='{split}.csv'
  )
  assert split.ids == ('a@1-2',) and split.fps == 10


def test_missing_files_are_among_other_problems_even_where_they_are_skipped(
  root,
):
  rows = 'file,start,end,label\nv/a.mp4,2,1,run\nv/gone.mp4,1,2,run\n'
  write(root, {'segments.csv': rows})
  with pytest.raises(UserError, match=r"2: end 1 s .* 3: 'v/gone.mp4' does no"):
    load(root, 'train', on_missing='skip')
