"""What is wrong with a data set as a whole is found, and nothing else."""

import numpy as np
import pytest

from i2v_jax.data.check import findings
from i2v_jax.data.check.listed import compute_span
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets import sources

GOOD = {'ok': True, 'frames': 100, 'cut_short': False}


def split_of(labels, class_names=('ape', 'bee'), missing=()):
  """A split out of `{id: label}`."""
  return sources.Split(
    tuple(labels),
    np.array([*labels.values()]),
    class_names,
    tuple(labels),
    missing,
  )


def find(splits, changes=None, **options):
  """Findings by kind; videos are good, and their content is their name."""
  listed = findings.Listed(splits, **options)
  records = {
    video: GOOD | {'sha256': video} | (changes or {}).get(video, {})
    for video in listed.paths
  }
  return {found.kind: found for found in findings.find(listed, records)}


def test_nothing_is_found_where_nothing_is_wrong():
  train = split_of({'train/ape/1': 0, 'train/bee/2': 1, 'train/bee/3': 1})
  val = split_of({'val/ape/1': 0, 'val/bee/2': 1})
  spec = ClipSpec(num_frames=10, stride=10, image_size=32)
  assert find({'train': train, 'val': val}, spec=spec) == {}


def test_bad_videos_come_first_with_their_reason():
  bad = {'b': {'ok': False, 'reason': 'is empty'}, 'a': {'cut_short': True}}
  found = find({'train': split_of({'a': 0, 'b': 1})}, bad)
  assert [*found] == ['bad', 'cut_short']
  assert found['bad'].problem and not found['cut_short'].problem
  assert found['bad'].rows == [('train', 'b', 'is empty')]
  assert found['bad'].text == 'cannot be read to the end: 1 video'


@pytest.mark.parametrize(
  ('val', 'kind', 'problem'),
  [
    ({'v': 0, 'w': 1}, 'leak', True),
    ({}, 'contradiction', True),
  ],
)
def test_the_same_content_twice(val, kind, problem):
  same = {video: {'sha256': 'x'} for video in 'bcw'}
  splits = {'train': split_of({'a': 0, 'b': 0, 'c': 1})}
  if val:
    splits['val'] = split_of(val)
  found = find(splits, same)
  assert [*found] == [kind] and found[kind].problem == problem
  assert {row[1] for row in found[kind].rows} == {'b', 'c'} | (
    val.keys() & same
  )
  assert found[kind].text.endswith('1 video')


def test_the_same_content_in_one_class_is_only_to_be_known():
  same = {video: {'sha256': 'x'} for video in 'abcd'}
  for video in 'cd':
    same[video] |= {'ok': False, 'reason': 'is empty'}
  found = find({'train': split_of({'a': 0, 'b': 0, 'c': 1, 'd': 0})}, same)
  assert [*found] == ['bad', 'duplicate'] and not found['duplicate'].problem
  assert [row[1] for row in found['duplicate'].rows] == ['a', 'b']


def test_a_video_listed_in_both_splits_is_a_leak():
  found = find({'train': split_of({'a': 0, 'b': 1}), 'val': split_of({'b': 1})})
  assert [row[:2] for row in found['leak'].rows] == [
    ('train', 'b'),
    ('val', 'b'),
  ]


def test_copies_are_found_beside_videos_listed_twice():
  """A video that is listed twice is no copy of itself; 'c' is one of 'b'."""
  same = {video: {'sha256': 'x'} for video in 'bc'}
  splits = {'train': split_of({'a': 0, 'b': 1, 'c': 1})}
  found = find(splits | {'val': split_of({'a': 0, 'd': 1})}, same)
  assert {row[1] for row in found['duplicate'].rows} == {'b', 'c'}
  assert {row[1] for row in found['leak'].rows} == {'a'}


@pytest.mark.parametrize(
  ('options', 'frames', 'fate'),
  [
    (dict(sampling='dense', stride=13), 104, 'their clips loop'),
    (dict(sampling='uniform', stride=13), 8, 'frames are repeated'),
    (dict(sampling='random_stride'), 64, 'their last frame is repeated'),
  ],
)
def test_clips_shorter_than_the_span(options, frames, fate):
  spec = ClipSpec(num_frames=8, image_size=32, **options)
  assert compute_span(spec)[0] == frames
  just, long = {'frames': frames - 1}, {'frames': frames}
  short = {'a': just, 'b': long, 'c': just | {'ok': False, 'reason': 'x'}}
  found = find({'val': split_of({'a': 0, 'b': 1, 'c': 1})}, short, spec=spec)
  assert found['short'].rows == [('val', 'a', frames - 1)]
  assert fate in found['short'].text and not found['short'].problem


@pytest.mark.parametrize('complete', [True, False])
def test_missing_videos_are_a_problem_unless_they_are_to_be_skipped(complete):
  split = split_of({'a': 0, 'b': 1}, missing=('c', 'd'))
  found = find({'val': split}, complete=complete)['missing']
  assert found.problem == complete
  assert found.text == 'listed in val but not there: 2 of 4 videos'
  assert found.rows == [('val', 'c', ''), ('val', 'd', '')]


def test_classes_without_videos_uneven_ones_and_no_label():
  labels = {f'{n}': 1 for n in range(11)} | {'x': 0, 'u': -1}
  found = find({'train': split_of(labels, ('ape', 'bee', 'cow'))})
  assert not any(one.problem for one in found.values())
  assert found['uneven'].text == "train is uneven: 1 of 'ape', 11 of 'bee'"
  assert found['empty_class'].rows == [('train', '', 'cow')]
  assert found['unlabelled'].rows == [('train', 'u', '')]
  labels.popitem()
  labels['y'] = 0
  assert [*find({'train': split_of(labels)})] == []


def test_a_label_that_contradicts_the_folder():
  labels = {'v/big_ape/1': 0, 'v/Bee/2': 0, 'v/other/3': 0, 'v/bee/4': -1}
  found = find({'train': split_of(labels, ('big ape', 'bee'))})
  assert found['label'].problem
  assert found['label'].rows == [('train', 'v/Bee/2', 'big ape')]


def test_labels_without_names_contradict_no_folder():
  labels = {'1/a.mp4': 0, '2/b.avi': 1}
  assert find({'train': split_of(labels, ('0', '1'))}) == {}
  assert 'label' in find({'train': split_of({'2/b': 0}, ('a', '2'))})


SWAPPED = ('Hammering', 'HammerThrow', 'JumpingJack', 'JumpRope')
OFFICIAL = (*(f'A{n:02}' for n in range(97)), *SWAPPED)


def of_classes(names):
  return {f'videos/{name}/v.avi': label for label, name in enumerate(names)}


def test_sorted_folders_of_ucf101_are_not_its_official_labels():
  ours = tuple(sorted(OFFICIAL))
  found = find({'val': split_of(of_classes(ours), ours)}, format='folder')
  assert [row[2] for row in found['order'].rows] == [
    "97 is 'HammerThrow', officially 'Hammering'",
    "98 is 'Hammering', officially 'HammerThrow'",
    "99 is 'JumpRope', officially 'JumpingJack'",
    "100 is 'JumpingJack', officially 'JumpRope'",
  ]
  assert (
    found['count'].text == 'val of UCF101: 101 videos here, 3,783 in papers'
  )
  official = split_of(of_classes(OFFICIAL), OFFICIAL)
  assert 'order' not in find({'val': official}, format='ucf101')


def test_a_list_of_numbers_is_judged_by_its_folders():
  numbers = tuple(map(str, range(101)))
  ours = split_of(of_classes(sorted(OFFICIAL)), numbers)
  official = split_of(of_classes(OFFICIAL), numbers)
  assert len(find({'val': ours}, format='list')['order'].rows) == 4
  assert 'order' not in find({'val': official}, format='list')


def test_mere_files_have_no_classes_to_talk_of():
  assert find({'files': split_of({'a': -1, 'b': -1}, ())}) == {}


@pytest.mark.parametrize(('crops', 'count'), [(3, 1), (1, 0)])
def test_square_videos_have_one_test_crop_only(crops, count):
  sizes = {'a': dict(height=48, width=48), 'b': dict(height=48, width=64)}
  spec = ClipSpec(num_frames=8, image_size=32, crops=crops)
  found = find({'val': split_of({'a': 0, 'b': 1})}, sizes, spec=spec)
  assert ('square' in found) == count
  if count:
    assert found['square'].rows == [('val', 'a', '48 x 48')]
    assert not found['square'].problem


def test_frames_that_are_not_as_they_seem_are_notes():
  odd = {'a': {'not_shown': 3, 'interlaced': True}, 'b': {'pixel_aspect': 2.0}}
  found = find({'train': split_of({'a': 0, 'b': 1})}, odd)
  assert [*found] == ['not_shown', 'stretched', 'interlaced']
  assert not any(note.problem for note in found.values())
  assert found['not_shown'].rows == [('train', 'a', '3 packets')]
  assert found['stretched'].text.endswith(': 1 video')
