"""Splits of lists and of folders of clips; videos here are empty files."""

import json

import numpy as np
import pytest
from files import touch, write

from i2v_jax.data.sets import sources


def assert_split(split, ids, labels, class_names):
  assert split.ids == tuple(ids)
  assert split.labels.tolist() == labels
  assert split.labels.dtype == np.int32
  assert split.class_names == tuple(class_names)
  assert len(split) == len(split.paths) == len(ids)


def test_list_keeps_blanks_duplicates_and_order(tmp_path):
  touch(tmp_path, 'a b/c d.mp4', 'e.avi', 'abs/f.x.mkv')
  lines = ['e.avi 2', 'a b/c d.mp4\t0', '', f'{tmp_path}/abs/f.x -1', 'e.avi 2']
  write(tmp_path, {'val.txt': '\ufeff' + '\r\n'.join(lines)})
  split = sources.load_split('list', tmp_path, 'val')
  ids = ['e.avi', 'a b/c d.mp4', 'abs/f.x.mkv', 'e.avi']
  assert_split(split, ids, [2, 0, -1, 2], ['0', '1', '2'])


def test_list_options(tmp_path):
  touch(tmp_path, 'vid_val/a.mp4', 'vid_val/b, c.mp4')
  write(tmp_path, {'lists/val.csv': 'a.mp4,1\nb, c.mp4, 0\n'})
  write(tmp_path, {'names.txt': 'zero one\ntwo\n', 'names.json': ['x', 'y']})
  options = {'list_file': 'lists/{split}.csv', 'videos': 'vid_{split}'}
  options |= {'delimiter': ','}
  for class_names, expected in (
    ('names.txt', ['zero one', 'two']),
    ('names.json', ['x', 'y']),
    (['p', 'q', 'r'], ['p', 'q', 'r']),
  ):
    options['class_names'] = class_names
    split = sources.load_split('list', tmp_path, 'val', **options)
    assert_split(split, ['vid_val/a.mp4', 'vid_val/b, c.mp4'], [1, 0], expected)
  options = options | {'class_names': None, 'num_classes': 5}
  assert (
    len(sources.load_split('list', tmp_path, 'val', **options).class_names) == 5
  )


def test_list_without_labels(tmp_path):
  touch(tmp_path, 'a.mp4')
  write(tmp_path, {'list': 'a.mp4\n'})
  assert_split(
    sources.load_split('list', tmp_path, '', list_file='list'),
    ['a.mp4'],
    [-1],
    [],
  )


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('a.mp4 0\na.mp4 2', r'line 2: label 2 is not in -1\.\.1'),
    ('a.mp4 -2', r'line 1: label -2 is not in -1\.\.1'),
    ('a.mp4 0\na.mp4', 'line 2: no label, unlike line 1'),
    ('my a.mp4 0.5', r"line 1: label '0\.5' is not one of 2 class names"),
    ('\n', 'no videos'),
  ],
)
def test_list_errors_name_the_line(tmp_path, text, error):
  touch(tmp_path, 'a.mp4')
  write(tmp_path, {'list.txt': text})
  with pytest.raises(ValueError, match=error):
    sources.load_split('list', tmp_path, 'list', class_names=['x', 'y'])


def test_folder_takes_classes_from_train(tmp_path):
  touch(tmp_path, 'train/b/1.MP4', 'train/a/2.webm', 'train/a/.3.mp4')
  touch(tmp_path, 'train/a/notes.txt', 'val/b/4.flv', 'readme.md')
  split = sources.load_split('folder', tmp_path, 'train')
  assert_split(split, ['train/a/2.webm', 'train/b/1.MP4'], [0, 1], ['a', 'b'])
  assert_split(
    sources.load_split('folder', tmp_path, 'val'),
    ['val/b/4.flv'],
    [1],
    ['a', 'b'],
  )


@pytest.mark.parametrize(
  ('files', 'error'),
  [
    (['train/a/1.mp4', 'val/c/1.mp4'], '1 of the 1 classes of .*val are not'),
    (['train/a/1.mp4', 'val/a/1.txt'], 'no videos in .*/val/a'),
    (['train/a/1.mp4', 'val/a/b/1.mp4'], "/val/a has a folder 'b'"),
    (
      ['train/a/1.mp4', 'val/1.mp4'],
      "'1.mp4' in .*val is not in the folder of a class",
    ),
    (['train/a/1.mp4'], 'val does not exist'),
    (['val/a/1.mp4'], 'has val but no train'),
    (['a/1.mp4', 'a/2.mp4', 'b/1.mp4'], "class 'b' of .* has one clip"),
    (['readme.md'], 'no videos'),
  ],
)
def test_folder_errors(tmp_path, files, error):
  touch(tmp_path, *files)
  with pytest.raises((ValueError, FileNotFoundError), match=error):
    sources.load_split('folder', tmp_path, 'val')


def test_folder_without_splits_is_split_by_hash(tmp_path):
  clips = [f'{c}/{n}.mp4' for c in 'ab' for n in range(100)]
  touch(tmp_path, *clips, 'c/1.mp4', 'c/2.mp4')
  train, val = (
    sources.load_split('folder', tmp_path, s) for s in ('train', 'val')
  )
  assert not set(train.ids) & set(val.ids)
  assert set(train.ids) | set(val.ids) == {*clips, 'c/1.mp4', 'c/2.mp4'}
  assert set(val.labels.tolist()) == set(train.labels.tolist()) == {0, 1, 2}
  assert 20 < len(val) < 60
  touch(tmp_path, *(f'a/{n}.mkv' for n in range(50)))
  assert set(val.ids) <= set(sources.load_split('folder', tmp_path, 'val').ids)
  other = sources.load_split('folder', tmp_path, 'val', seed=1)
  assert set(other.ids) != set(val.ids)
  half = sources.load_split('folder', tmp_path, 'val', val_fraction=0.5)
  assert len(half) > len(val)
  with pytest.raises(ValueError, match='val_fraction 1 is not between'):
    sources.load_split('folder', tmp_path, 'val', val_fraction=1)


def test_fingerprint_is_of_ids_and_labels_only(tmp_path):
  for place in ('here', 'there'):
    touch(tmp_path / place, 'train/a/1.mp4', 'train/b/2.mp4')
  here, there = (
    sources.load_split('folder', tmp_path / place, 'train')
    for place in ('here', 'there')
  )
  assert here.fingerprint() == there.fingerprint()
  assert len(here.fingerprint()) == 16
  changed = sources.Split(here.paths, [1, 0], here.class_names, here.ids)
  assert changed.fingerprint() != here.fingerprint()


@pytest.mark.parametrize(
  ('paths', 'labels', 'names', 'error'),
  [
    ((), [], 'a', 'no videos'),
    (('x',), [0, 0], ('a',), 'do not match'),
    (('x',), [0.5], ('a',), 'not integers'),
    (('x',), [1], ('a',), r"label 1 of 'x' is not in -1\.\.0"),
    (('x',), [0], ('a', 'a'), "class name 'a' is empty or appears twice"),
  ],
)
def test_split_checks_itself(paths, labels, names, error):
  with pytest.raises(ValueError, match=error):
    sources.Split(paths, np.array(labels), names, paths)


def test_class_names_survive_a_file(tmp_path):
  names = ('zebra', 'ape, small', 'été')
  sources.write_class_names(tmp_path / 'names.json', names)
  assert sources.read_class_names(tmp_path / 'names.json') == names


@pytest.mark.parametrize('names', [['a', 'a'], ['a', ' '], ['a', 1], 'ab', {}])
def test_class_names_are_checked_both_ways(tmp_path, names):
  path = tmp_path / 'names.json'
  with pytest.raises(ValueError, match=r'names\.json: class name'):
    sources.write_class_names(path, names)
  path.write_text(json.dumps(names), encoding='utf-8')
  with pytest.raises(ValueError, match=r'names\.json: class name'):
    sources.read_class_names(path)


def test_load_names_what_does_not_exist(tmp_path):
  with pytest.raises(
    ValueError, match=r"data format is 'ucf'; it can be one of .*ucf101"
  ):
    sources.load_split('ucf', tmp_path, 'train')
  with pytest.raises(
    ValueError, match=r"'ucf101' has no option 'folds'; .*did you mean 'fold'"
  ):
    sources.load_split('ucf101', tmp_path, 'train', folds=1)
  with pytest.raises(FileNotFoundError, match='nowhere is not a folder'):
    sources.load_split('ucf101', tmp_path / 'nowhere', 'train')
  with pytest.raises(
    ValueError, match="on_missing is 'ignore'; it can be one of"
  ):
    sources.load_split('ucf101', tmp_path, 'train', on_missing='ignore')


def test_an_option_that_the_demo_does_not_have_is_named(tmp_path):
  with pytest.raises(ValueError, match="'digits' has no option 'a'"):
    sources.load_split('digits', tmp_path / 'x', 'train', a=1)


def test_default_splits_are_those_with_labels():
  found = {name: sources.choose_splits(name) for name in sources.FORMATS}
  tested = {name for name, splits in found.items() if 'test' in splits}
  assert tested == {'ucf101', 'hmdb51', 'diving48', 'vidtab'}
  assert all(splits[0] == 'train' for splits in found.values())
  assert sources.choose_splits('digits') == ('train', 'val')
