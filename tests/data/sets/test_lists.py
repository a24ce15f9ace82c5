"""Splits of lists: labels of all kinds, frame folders, names nearly right."""

import framed
import pytest
from files import touch, write

from i2v_jax.data.sets import sources


def load(root, split='train', **options):
  return sources.load_split('list', root, split, **options)


@pytest.fixture
def root(tmp_path):
  """Six empty videos."""
  touch(tmp_path, *(f'v{n}.mp4' for n in range(6)))
  return tmp_path


def test_labels_may_be_names_of_classes(root):
  write(root, {'train.txt': 'v0.mp4 run\nv1.mp4 Jump Rope \nv2.mp4 -1\n'})
  split = load(root, class_names=['jump rope', 'run'])
  assert split.labels.tolist() == [1, 0, -1]
  assert not split.notes


def test_without_class_names_they_are_those_of_all_lists(root):
  write(root, {'train.csv': 'path,label\nv0.mp4,run\nv1.mp4,jump\n'})
  write(root, {'val.csv': '"v2.mp4","walk, slowly"\nv3.mp4,run\n'})
  train, val = (
    load(root, split, list_file='{split}.csv') for split in ('train', 'val')
  )
  names = ('jump', 'run', 'walk, slowly')
  assert train.class_names == val.class_names == names
  assert (train.labels.tolist(), val.labels.tolist()) == ([1, 0], [2, 1])
  (note,) = {*train.notes, *val.notes}
  assert note == (
    '3 classes, the sorted labels of train.csv and val.csv: '
    'jump, run, walk, slowly'
  )
  with pytest.raises(ValueError, match=r'3 classes instead of 4'):
    load(root, list_file='{split}.csv', num_classes=4)


def test_names_and_numbers_are_not_mixed(root):
  write(root, {'train.txt': 'v0.mp4 run\n', 'val.txt': 'v1 -1\nv2 1\n'})
  error = r"name, 'run' in line 1 of .*train\.txt, .* '1' in line 2 of .*val\."
  with pytest.raises(ValueError, match=error):
    load(root)


def test_numbers_of_all_lists_count_the_classes(root):
  write(root, {'train.txt': 'v0.mp4 0\nv1.mp4 1.0\nv2.mp4 2\n'})
  write(root, {'val.txt': 'v4.mp4 0\nv5.mp4 1\n'})
  train, val = (load(root, split) for split in ('train', 'val'))
  assert train.class_names == val.class_names == ('0', '1', '2')
  assert train.labels.tolist() == [0, 1, 2] and not train.notes
  assert val.notes == (
    '3 classes, as many as the labels of train.txt and val.txt need',
  )
  write(root, {'a/trainlist01.txt': 'v0 4\n', 'a/testlist01.txt': 'v1 1\n'})
  split = load(root, 'testlist01', list_file='a/{split}.txt')
  assert len(split.class_names) == 5


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('v0.mp4 0\nv1.mp4 2\n', r'line 2: label 2 is not in -1\.\.1: correct it'),
    ('v0.mp4 1\nv1.mp4 2\n', 'line 2: .* subtract 1 if the labels'),
    ('v0.mp4 -2\n', r'line 1: label -2 is not in -1\.\.1'),
    ('v0.mp4 x\nv1.mp4 runn\n', "line 2: label 'runn' is not one of 2"),
    ('v0.mp4 x\nv1.mp4 1\n', "line 2: label '1' is not one .* are not numbers"),
    ('v0.mp4 X \n v1.mp4 Y\n', "line 1: label 'X' may be 'x' or 'x '"),
    (
      'v0.mp4 0\nv1.mp4 1\nv0.mp4 1\n',
      "line 3: 'v0.mp4' has another label .*line 1",
    ),
    (
      'v0.mp4 0 1\n',
      "line 1: 2 fields follow 'v0.mp4': this is a list with sev",
    ),
    (
      'v0.mp4 0\nv1.mp4,0,train\n',
      "line 2: 2 fields follow 'v1.mp4': put quotes",
    ),
    ('0 v0.mp4\n1 v1.mp4\n', 'line 1: no .*/0 v0.mp4: .* swap them'),
    ('\n', 'train.txt lists no videos: add lines'),
    ('path,label\n', 'no videos'),
    ('v0.mp4 20261128\n', 'a label of 20261128 takes 20261129 classes'),
    ('clip0 10 0\n', r'line 1: .*list of frame folders .* no .*/clip0: check'),
    ('clip0 1 10 0\n', 'line 1: .*list of frame folders with 3 numbers each'),
    ('Datei;Klasse\nv0.mp4;x\n', 'line 1: .*if it names columns, call them'),
  ],
)
def test_what_cannot_be_meant_is_named_with_its_line(root, text, error):
  write(root, {'train.txt': text})
  names = ['x', 'x ' if 'X' in text else 'y']
  names = None if '2026' in text else names
  with pytest.raises(ValueError, match=error):
    load(root, class_names=names)


@pytest.mark.parametrize('other', ['v0', './v0.mp4', 'x/../v0.mp4', '{}/v0'])
def test_a_video_listed_by_two_names_has_one_label(root, other):
  line = other.format(root)
  write(root, {'train.txt': f'v0.mp4 0\n{line} 1\n'})
  with pytest.raises(ValueError, match=r"line 2: 'v0.mp4' has another label"):
    load(root)
  write(root, {'train.txt': f'v0.mp4 1\n{line} 1\n'})
  assert load(root).ids == ('v0.mp4', 'v0.mp4')


def test_class_names_may_be_numbers(root):
  write(root, {'train.txt': 'v0.mp4 3\nv1.mp4 7\nv2.mp4 -1\n'})
  assert load(root, class_names=['7', '3']).labels.tolist() == [1, 0, -1]
  write(root, {'train.txt': 'v0.mp4 1\nv1.mp4 0\n'})
  assert load(root, class_names=['0', '1']).labels.tolist() == [1, 0]
  with pytest.raises(ValueError, match='class names are numbers too'):
    load(root, class_names=['1', '0'])


def test_a_list_of_frame_folders(tmp_path):
  for name in ('clip0', 'clip 1'):
    framed.write(tmp_path / 'frames' / name, framed.numbered(3))
  write(tmp_path, {'train.txt': 'clip0 3 0\nclip 1 3 1\n'})
  split = load(tmp_path, videos='frames')
  assert split.ids == ('frames/clip0', 'frames/clip 1')
  assert split.labels.tolist() == [0, 1]
  write(tmp_path, {'train.txt': 'clip0 3 0\nclip 1 4 1\n'})
  error = r"1 of 2 folders .*: 'frames/clip 1' in line 2 has 3, not 4"
  with pytest.raises(ValueError, match=error):
    load(tmp_path, videos='frames')
  split = load(tmp_path, videos='frames', on_missing='skip')
  assert split.miscounted == (('frames/clip 1', 4, 3, 2),)
  write(tmp_path, {'train.txt': 'frames\\clip0\\ 3 0\nframes/clip 1/ 3 1\n'})
  assert load(tmp_path).ids == ('frames/clip0', 'frames/clip 1')


def test_a_name_that_ends_in_a_number_is_no_count_of_frames(root):
  touch(root, 'Clip 3.mp4')
  write(root, {'train.txt': 'v0 1\nClip 3 0\n'})
  split = load(root)
  assert split.ids == ('v0.mp4', 'Clip 3.mp4')
  assert split.labels.tolist() == [1, 0]


@pytest.mark.parametrize('between', '\t;')
def test_a_table_of_kinetics_may_have_other_separators(root, between):
  text = 'label,youtube_id,time_start,time_end,split\nrun,v1,1,2,train\n'
  write(root, {'train.txt': text.replace(',', between)})
  split = load(root)
  assert (split.ids, split.class_names) == (('v1.mp4',), ('run',))


def test_a_csv_of_kinetics_is_a_list(root):
  header = 'label,youtube_id,time_start,time_end,split\n'
  write(
    root, {'train.csv': f'{header}zumba,v0,1,11,train\n"air drum",b,2,12,\n'}
  )
  write(root, {'val.csv': f'{header}yoga,v1,1,11,validate\n'})
  touch(root, 'train/air_drum/b_000002_000012.mp4')
  train, val = (
    load(root, split, list_file='{split}.csv') for split in ('train', 'val')
  )
  assert train.class_names == val.class_names == ('air drum', 'yoga', 'zumba')
  assert train.ids == ('v0.mp4', 'train/air_drum/b_000002_000012.mp4')
  assert train.labels.tolist() == [2, 0] and val.labels.tolist() == [1]
  with pytest.raises(ValueError, match='csv: 3 classes instead of 4'):
    load(root, list_file='{split}.csv', num_classes=4)
  names = {'class_names': ['yoga', 'zumba'], 'list_file': '{split}.csv'}
  with pytest.raises(ValueError, match="line 3: class 'air_drum' is not"):
    load(root, **names)
  assert load(root, 'val', **names).labels.tolist() == [0]


NFC, NFD = 'caf\u00e9', 'cafe\u0301'


@pytest.mark.parametrize(
  ('listed', 'there'),
  [
    (f'{NFC}.mp4', f'{NFD}.mp4'),
    (f'{NFD}/a.mp4', f'{NFC}/a.mp4'),
    ('Sub/A.MP4', 'sub/a.mp4'),
    ('sub/a', 'Sub /A.MP4'),
    ('a.mp4', 'a .mp4'),
  ],
)
def test_names_that_differ_in_spelling_only_are_found(tmp_path, listed, there):
  touch(tmp_path, there)
  write(tmp_path, {'train.txt': f'{listed} 0\n'})
  assert load(tmp_path).ids == (there,)


def test_but_not_where_that_file_is_another_video(tmp_path):
  touch(tmp_path, 'a.mp4')
  write(tmp_path, {'train.txt': 'a.mp4 0\nA.mp4 1\n'})
  error = r"line 2 of .*train\.txt, is not at .*/A\.mp4; 'a\.mp4' is there, "
  with pytest.raises(FileNotFoundError, match=f'{error}.* only in case'):
    load(tmp_path)
  assert load(tmp_path, on_missing='skip').missing == ('A.mp4',)
  touch(tmp_path, 'b.mp4', 'B.mp4')
  write(tmp_path, {'train.txt': 'b.MP4 0\n'})
  with pytest.raises(ValueError, match=r'has B\.mp4 and b\.mp4 for one video'):
    load(tmp_path)


def test_a_missing_video_is_named_with_line_and_place(root):
  write(root, {'train.csv': 'path,label\nv0.mp4,0\nsub/gone.mp4,1\n'})
  error = r'1 of 2 .* line 3 of .*train\.csv, is not at .*/sub/gone\.mp4; check'
  with pytest.raises(FileNotFoundError, match=error):
    load(root, list_file='{split}.csv')
  write(root, {'train.txt': 'v0.avi 0\n'})
  with pytest.raises(FileNotFoundError, match=r"'v0\.mp4' is there, so list"):
    load(root)
  (root / 'train.txt').write_bytes('v\xe9.mp4 0\n'.encode('latin-1'))
  with pytest.raises(FileNotFoundError, match='list is not UTF-8, so save it'):
    load(root)
  (root / 'clip').mkdir()
  write(root, {'train.txt': 'clip 0\n'})
  with pytest.raises(FileNotFoundError, match='clip is a folder, but not one'):
    load(root)


def test_a_list_that_is_not_there(root):
  write(root, {'clips.csv': 'v0.mp4,0\n', 'names.txt': 'a\n'})
  with pytest.raises(
    FileNotFoundError, match=r'perhaps to clips\.csv or names'
  ):
    load(root)
  with pytest.raises(FileNotFoundError, match=r"and 'list_file'"):
    load(root, list_file='lists/{split}.txt')
  with pytest.raises(FileNotFoundError, match=r"and list_file='clips\.csv'"):
    load(root / 'clips.csv')
  with pytest.raises(ValueError, match='option list_file, gs://b/x is in a'):
    load(root, list_file='gs://b/x')
