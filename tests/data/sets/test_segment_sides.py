"""A video is on one side, and so is a group."""

import pytest

from i2v_jax.data.sets import segment_sides
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_entries import Annotated, Entry
from i2v_jax.runtime.errors import UserError

IDS = {f'{n}.mp4': f'{n}.mp4' for n in range(40)}


def annotate(entries, split='val', by='hash', **more):
  labels = [()] * len(entries)
  return Annotated(entries, labels, Problems('t.csv'), split, by, **more)


def choose(split='val', groups=(), ids=IDS, **more):
  entries = [Entry(n, file) for n, file in enumerate(ids)]
  annotated = annotate(entries, split, **more)
  return segment_sides.choose_videos(annotated, ids, dict(groups))


def test_every_video_is_in_train_or_val():
  train, val = choose('train'), choose('val')
  assert not train & val and train | val == {*IDS}
  assert 2 <= len(val) <= 16 and choose(seed=1) != val
  fewer = {file: file for file in list(IDS)[:30]}
  assert choose(ids=fewer) == val & {*fewer}  # adding files moves no other


def test_a_group_is_on_one_side():
  groups = {file: f'p{n % 8}' for n, file in enumerate(IDS)}
  val = choose(groups=groups, val_fraction=0.4)
  sides = {(group, file in val) for file, group in groups.items()}
  assert len(sides) == 8 and 0 < len(val) < 40
  with pytest.raises(UserError, match='1 group makes no train and val'):
    choose(groups=dict.fromkeys(IDS, 'p'))


def test_a_video_in_two_groups_or_splits_is_a_problem():
  entries = [
    Entry(2, 'a', split='train', group='p1'),
    Entry(3, 'b', split='val', group='p1'),
    Entry(4, 'a', split='val', group='p2'),
    Entry(5, 'c'),
  ]
  ids = {name: name for name in 'abc'}
  annotated = annotate(entries, by='column')
  assert segment_sides.find_groups(annotated, ids) == {'a': 'p1', 'b': 'p1'}
  with pytest.raises(
    UserError, match="line 4: 'a' has the group 'p2' here, but"
  ):
    annotated.problems.check()
  annotated = annotate(entries, by='column')
  segment_sides.find_groups(annotated, ids)
  assert segment_sides.choose_videos(annotated, ids, {}) == {'b'}
  with pytest.raises(UserError, match='has 3 bad lines') as found:
    annotated.problems.check()
  assert "'train' in line 2; line 5: split is an" in str(found.value)
  words = "line 3: group 'p1' is in split 'val' here, but in 'train' in line 2"
  assert words in str(found.value)


def test_one_spelling_of_splits_and_groups():
  entries = [
    Entry(2, 'a', split='train', group='Anna'),
    Entry(3, 'b', split='Fold 1', group='anna '),
    Entry(4, 'c', split='fold1', group='p'),
    Entry(5, 'd', split='val', group='p'),
  ]
  annotated = annotate(entries, 'train', by='column')
  ids = {name: name for name in 'abcd'}
  segment_sides.find_groups(annotated, ids)
  assert segment_sides.choose_videos(annotated, ids, {}) == {'a'}
  (note,) = segment_sides.describe_unused(annotated)
  assert note.endswith("not in train: 'Fold 1' 1, 'fold1' 1")
  with pytest.raises(UserError) as found:
    annotated.problems.check()
  for words in (
    "line 3: group 'anna ' is written 'Anna' in line 2",
    "line 4: split 'fold1' is written 'Fold 1' in line 3",
    "line 5: group 'p' is in split 'val' here, but in 'fold1' in line 4",
  ):
    assert words in str(found.value)


def test_a_split_that_is_not_there_is_named():
  with pytest.raises(UserError, match="no split 'test', only train and val"):
    choose('test')
  entries = [Entry(2, 'a', split='train')]
  with pytest.raises(
    UserError, match="no line is of split 'val', only of train"
  ):
    segment_sides.choose_videos(annotate(entries, by='column'), {'a': 'a'}, {})


def test_the_files_of_a_split_are_all_its_videos():
  assert choose(by='file') == {*IDS}
