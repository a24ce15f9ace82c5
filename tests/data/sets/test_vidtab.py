"""VidTAB is read as published: folds, label maps, repeated and wrong lines."""

import pytest
import vidtab_shaped
from files import touch, write

from i2v_jax.data.sets import known, sources, vidtab
from i2v_jax.runtime.errors import UserError


def load(root, task, split='train', **options):
  return sources.load_split('vidtab', root, split, task=task, **options)


@pytest.mark.parametrize('task', vidtab_shaped.MAPS)
def test_a_task_has_a_few_videos_of_each_class(tmp_path, task):
  vidtab_shaped.make(tmp_path, task)
  train = load(tmp_path, task)
  classes = vidtab.TASKS[task].classes
  assert [*map(train.labels.tolist().count, range(classes))] == [4] * classes
  assert train.class_names == load(tmp_path, task, 'test').class_names
  assert train.ids[0] == f'{task}/videos/fold1/0_0.mp4'


def test_label_maps_are_dicts_of_python(tmp_path):
  for task in vidtab_shaped.MAPS:
    vidtab_shaped.make(tmp_path, task)
  assert load(tmp_path, 'AR_in_Dark').class_names == tuple(vidtab_shaped.DARK)
  animals = load(tmp_path, 'Animal_Behavior').class_names
  assert animals == tuple(f'Act {n}' for n in range(12))
  surgery = load(tmp_path, 'Medical_Surgery')
  assert surgery.class_names == tuple(f'step {n}' for n in range(1, 17))
  notes = ' '.join(surgery.notes)
  assert 'dict of Python' in notes and 'counts from 1' in notes
  assert 'from 1' not in ' '.join(load(tmp_path, 'AR_in_Dark').notes)


def test_folds_are_different_lists(tmp_path):
  vidtab_shaped.make(tmp_path, 'Animal_Behavior')  # its first has no number
  for fold in (1, 2, 3):
    ids = load(tmp_path, 'Animal_Behavior', fold=fold).ids
    assert all(f'/fold{fold}/' in video for video in ids)


def test_the_numbered_list_is_the_first_fold(tmp_path):
  """Emotion_Analysis has both, and paths with and without CAER/."""
  task = 'Emotion_Analysis'
  names = {n: f'feeling {n}' for n in range(7)}
  lines = lambda path: ''.join(f'{path}/{n}.avi {n}\n' for n in range(7))
  write(
    tmp_path / task,
    {
      'label_map.txt': repr(names),
      'train_4.txt': lines('train/old'),
      'train_4_fold1.txt': lines('CAER/train'),
      'validation_test.txt': lines('test').rstrip(),
    },
  )
  touch(tmp_path, *(f'{task}/CAER/train/{n}.avi' for n in range(7)))
  touch(tmp_path, *(f'{task}/test/{n}.avi' for n in range(7)))
  assert load(tmp_path, task).ids[0] == f'{task}/CAER/train/0.avi'
  assert load(tmp_path, task, 'test').ids[-1] == f'{task}/test/6.avi'


def test_lists_may_be_apart_from_videos(tmp_path, monkeypatch):
  vidtab_shaped.make(tmp_path, 'Fake_Face')
  (tmp_path / 'annotations').mkdir()
  folder = tmp_path / 'annotations/Fake_Face'
  folder.mkdir()
  for path in (tmp_path / 'Fake_Face').glob('*.txt'):
    path.rename(folder / path.name)
  monkeypatch.chdir(tmp_path.parent)
  for root in (tmp_path, tmp_path.name):
    assert len(load(root, 'Fake_Face')) == 8


def test_repeated_lines_are_read_once(tmp_path):
  lists = vidtab_shaped.make(tmp_path, 'Fake_Face')
  write(tmp_path / 'Fake_Face', {'test.txt': 2 * lists['test.txt']})
  found = load(tmp_path, 'Fake_Face', 'test')
  assert len(found) == 4
  assert 'test.txt repeats 4 of its 8 lines' in ' '.join(found.notes)


def test_a_test_list_keeps_its_defects_and_says_so(tmp_path):
  vidtab_shaped.make(tmp_path, 'Harmful_Content')
  found = load(tmp_path, 'Harmful_Content', 'test')
  assert len(found) == 8 and len({*found.ids}) == 7
  notes = ' '.join(found.notes)
  assert '1 videos of test.txt are listed with two labels' in notes
  assert 'at most 87.5% can be right' in notes
  assert '1 videos of test.txt are also in train_4_fold1.txt' in notes
  other = ' '.join(load(tmp_path, 'Harmful_Content', 'test', fold=2).notes)
  assert 'also in' not in other


def test_cleaned_leaves_them_out_whatever_the_fold(tmp_path):
  vidtab_shaped.make(tmp_path, 'Harmful_Content')
  options = dict(task='Harmful_Content', split='test', cleaned=True)
  found = [load(tmp_path, fold=fold, **options) for fold in (1, 2)]
  names = [video.rpartition('/')[2] for video in found[0].ids]
  assert names == ['0_0.mp4', '0_1.mp4', '1_1.mp4', '2_0.mp4', '2_1.mp4']
  assert all('/test/' in video for video in found[0].ids)
  assert found[0].fingerprint() == found[1].fingerprint()


@pytest.mark.parametrize(
  ('task', 'options', 'problem'),
  [
    ('Fake_Faces', {}, "task is 'Fake_Faces'.*did you mean 'Fake_Face'"),
    ('Fake_Face', dict(shots=8), 'lists of 4, 16, 100 shots.*data.shots'),
    ('Medical_Surgery', dict(shots=16), 'has lists of 4 shots, not 16'),
    ('Medical_Surgery', dict(fold=2), r'fold of Medical_Surgery .* is 2'),
    ('Fake_Face', dict(shots=100, fold=2), r'100 shots is 2; it can .*\(1,\)'),
  ],
)
def test_what_was_not_published_is_refused(tmp_path, task, options, problem):
  with pytest.raises(UserError, match=problem):
    load(tmp_path, task, **options)


@pytest.mark.parametrize(
  ('name', 'text', 'problem'),
  [
    ('label_map.txt', "{0: 'a', 2: 'b'}", 'class numbers are not 0, 1'),
    ('label_map.txt', "{0: 'a'}", '1 classes instead of 2'),
    ('label_map.txt', 'import os', 'expected a dict of Python'),
    ('label_map.txt', "{2: 'a', 3: 'b'}", 'labels begin at 2'),
    ('train_4_fold1.txt', 'a.mp4 0\na.mp4 2\n', 'line 2: label 2 is not in'),
    ('train_4_fold1.txt', 'a.mp4\n', "line 1: 'a.mp4' is not like"),
    ('train_4_fold1.txt', '\n', 'lists no videos'),
  ],
)
def test_damaged_files_are_named(tmp_path, name, text, problem):
  vidtab_shaped.make(tmp_path, 'Fake_Face')
  write(tmp_path / 'Fake_Face', {name: text})
  with pytest.raises(UserError, match=problem) as error:
    load(tmp_path, 'Fake_Face')
  assert name in str(error.value)


def test_missing_files_are_named(tmp_path):
  with pytest.raises(FileNotFoundError, match=r'no label_map\.txt in '):
    load(tmp_path, 'Fake_Face')
  vidtab_shaped.make(tmp_path, 'Fake_Face')
  with pytest.raises(FileNotFoundError, match=r'no train_16_fold1\.txt or tra'):
    load(tmp_path, 'Fake_Face', shots=16)


def test_papers_have_other_numbers_of_videos(tmp_path):
  names = ('video with fake face', 'origin video')
  public = known.recognise('vidtab', names)
  assert public.name == 'VidTAB Fake_Face'
  count = lambda split, **options: known.find_papers_count(
    public, split, options
  )
  assert (count('train'), count('train', shots=100)) == (8, 200)
  assert count('test') == 1_800
  other = known.recognise('vidtab', ('low quality video', 'high'))
  assert other.name == 'VidTAB Quality_Access'
