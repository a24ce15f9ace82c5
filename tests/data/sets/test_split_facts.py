"""What is reported about splits before training, and what is refused."""

import footage
import numpy as np
import pytest
from files import touch, write
from footage import imagine

from i2v_jax import cli
from i2v_jax.data.check import findings
from i2v_jax.data.sets import absent, sources, split_facts
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.run import experiment, prepare_run


def split_of(labels, class_names=('ape', 'bee'), **more):
  """A split out of `{id: label}`."""
  values = np.array([*labels.values()])
  ids = tuple(labels)
  return sources.Split(ids, values, class_names, ids, **more)


def kinds(splits):
  """Findings by kind; all videos are good, and none is like another."""
  listed = findings.Listed(splits)
  good = {'ok': True, 'frames': 100, 'cut_short': False}
  records = {video: good | {'sha256': video} for video in listed.paths}
  return {found.kind: found for found in findings.find(listed, records)}


@pytest.mark.parametrize(
  ('names', 'words'),
  [
    (('ape', 'bee'), ''),
    (('ape',), "train has 2 and val 1 classes, 1 only in train ('bee'): give"),
    (('bee', 'ape'), 'train has 2 and val 2 classes, in another order: give'),
    (
      ('ape', 'c', 'd', 'e', 'f'),
      "train has 2 and val 5 classes, 1 only in train ('bee'), 4 only in val "
      "('c', 'd', 'e', ...): give both the same 'class_names' or 'num_classes'",
    ),
  ],
)
def test_classes_that_differ(names, words):
  both = {'train': split_of({'a': 0}), 'val': split_of({'v': 0}, names)}
  found = split_facts.describe_class_difference(both)
  assert found.startswith(words) and bool(found) == bool(words)
  assert ('classes' in kinds(both)) == bool(words)


def test_a_class_that_is_not_trained_is_found():
  both = {'train': split_of({'a': 0, 'b': 0}), 'val': split_of({'v': 1})}
  found = kinds(both)['untrained']
  assert found.problem and found.rows == [('val', '', 'bee')]
  assert split_facts.describe_splits(both['train'], both['val']) == [
    "classes of val without a video in train: 1 ('bee')"
  ]
  assert 'untrained' not in kinds(both | {'train': split_of({'a': 0, 'b': 1})})


def test_one_class_is_too_few_and_like_names_are_noted():
  assert kinds({'train': split_of({'a': 0}, ('ape',))})['one_class'].problem
  found = kinds({'train': split_of({'a': 0, 'b': 1}, ('Ape', 'ape '))})
  assert found['alike'].rows == [
    ('train', '', "'Ape' and 'ape ' (by case and blanks at the ends)")
  ]
  split = split_of({'Ape/a': 0, 'ape /b': 1}, ('Ape', 'ape '))
  assert 'label' not in kinds({'train': split})


def test_counts_of_frames_and_notes_reach_the_check():
  wrong = absent.Miscounted('a', 10, 9, 1)
  split = split_of({'a': 0, 'b': 1}, miscounted=(wrong,), notes=('so it is',))
  found = kinds({'train': split})
  assert found['frame_count'].problem and found['listed'].text == 'so it is'
  assert found['frame_count'].rows[0] == ('train', 'a', '9 frames, listed 10')


def test_a_run_begins_with_what_is_left_out_and_missing():
  train = split_of({'a': 0, 'b': 1}, left_out=('a.txt',), missing=('c',))
  val = split_of({'v': 1}, left_out=('a.txt',), notes=('two classes',))
  assert split_facts.describe_splits(train, val) == [
    'two classes',
    'left out, not videos: 1 file (a.txt)',
    'missing of train: 1 of 3 videos',
  ]


def listed(smoke_config, root, **options):
  config = smoke_config()
  with config.unlocked():
    config.data.format, config.data.root = 'list', str(root)
    config.data.options = options
  return config


@pytest.mark.parametrize(
  ('train', 'options', 'error'),
  [
    ('v0.mp4 a\nv1.mp4 b\n', {}, 'train has 2 and more 1 classes, 2 only in'),
    ('v0.mp4 0\nv1.mp4 0\n', {}, "has one class, '0'; training needs two"),
    ('v0.mp4 0\nv1.mp4 -1\n', {'num_classes': 2}, '1 videos have no label'),
  ],
)
def test_training_refuses_before_a_model_is_built(
  tmp_path, smoke_config, monkeypatch, train, options, error
):
  touch(tmp_path, 'v0.mp4', 'v1.mp4')
  write(tmp_path, {'train.txt': train, 'more.txt': 'v0.mp4 0\n'})
  config = listed(smoke_config, tmp_path, **options)
  with config.unlocked():
    config.data.val = 'more'
  monkeypatch.setattr(experiment, 'build_model', None)
  with pytest.raises(ValueError, match=error):
    prepare_run(config, tmp_path / 'run')


def test_the_check_finds_it_before_training_does(tmp_path, capsys):
  touch(tmp_path, 'v0.mp4', 'v1.mp4')
  write(tmp_path, {'train.txt': 'v0.mp4 0\nv1.mp4 1\n', 'b.txt': 'v1.mp4 2\n'})
  args = f'data check --source list {tmp_path} --split train --split b --out'
  with pytest.raises(SystemExit) as ended:
    cli.main([*args.split(), str(tmp_path / 'out')])
  shown = capsys.readouterr().out
  assert ended.value.code == 1
  assert (
    "problem  train has 2 and b 3 classes, 1 only in b ('2'): give" in shown
  )


def test_preparing_tells_what_is_left_out(tmp_path, videos, capsys):
  for name in ('train/a/1.mp4', 'train/b/1.mp4'):
    touch(tmp_path, name)
    (tmp_path / name).write_bytes((videos / 'h265.mp4').read_bytes())
  touch(tmp_path, 'train/b/notes.txt')
  out = str(tmp_path / 'out')
  args = ['data', 'prepare', str(tmp_path), '--source', 'folder', '--out', out]
  with pytest.raises(SystemExit) as ended:
    cli.main([*args, '--split', 'train', '--workers', '1'])
  assert ended.value.code == 0
  line = 'left out, not videos: 1 file (train/b/notes.txt)'
  assert line in capsys.readouterr().out


def test_targets_count_for_each_of_their_classes():
  train = imagine({'a': 9.0}, [('a', 0, 1, {0, 1}), ('a', 1, 2, {0})], 'abcd')
  val = imagine({'v': 9.0}, [('v', 0, 1, {1, 2})], 'abcd')
  assert split_facts.count_per_class(train).tolist() == [2, 1, 0, 0]
  assert split_facts.describe_splits(train, val) == [
    "classes of val without a segment in train: 1 ('c')",
    "classes without a segment: 1 ('d')",
  ]
  alone = imagine({'a': 9.0}, [('a', 0, 1, {0})], ('ape',))
  found = kinds({'train': alone, 'val': alone})
  assert not {'one_class', 'unlabelled'} & found.keys()


def test_a_run_chooses_its_examples(tmp_path):
  table = (
    'file,start,end,label\na,0,.5,run\na,.5,1,run\na,0,.4,jump\nb,0,1,run\n'
  )
  footage.make(tmp_path, 'ab', table, 'train.csv')
  table = table.replace('\na,', '\nc,').replace('\nb,', '\nd,')
  footage.make(tmp_path, 'cd', table, 'val.csv')
  data = {'format': 'segments', 'root': str(tmp_path), 'fps': 30.0, 'shots': 1}
  data |= {'train': 'train', 'val': 'val', 'share': 1.0, 'background': 1.0}
  data['options'] = {'file': '{split}.csv'}
  config = {'data': data, 'task': 'single', 'seed': 0, 'needs': ''}
  train, val = (experiment.load_split(config, s) for s in ('train', 'val'))
  assert train.class_names == val.class_names == ('jump', 'run', 'background')
  assert sorted(train.labels.tolist()) == [0, 1, 2, 2]
  assert len(val) == 8  # shots are of train alone
  multi = experiment.load_split(config | {'task': 'multi'}, 'train')
  assert len(multi) == 4 and multi.targets[:2].any(0).all()
  data['share'] = 0.5
  with pytest.raises(UserError, match='both choose a part; set one of them'):
    experiment.load_split(config, 'train')
