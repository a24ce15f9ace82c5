"""Segments in shards: of whole files, or cut."""

import footage
import numpy as np
import pytest
from batches import assert_same, train

from i2v_jax.data.bench import measure
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.prepare.job import Job, stage_here
from i2v_jax.data.sets import sources
from i2v_jax.data.sets.background import add_background
from i2v_jax.data.sets.subsets import choose_shots
from i2v_jax.data.sets.tasks import add_overlapping
from i2v_jax.runtime.errors import UserError

SPEC = ClipSpec(4, 32, sampling='uniform', crop_area=(1, 1), flip=0.0)
TABLE = (
  'file,start,end,label\nb,1,2,run|jump\na,0.4,0.8,run\na,0.6,2,jump\nc,,,\n'
)
OPTIONS = {'file': '{split}.csv'}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  root = tmp_path_factory.mktemp('footage')
  return footage.make(root, 'abc', TABLE, 'train.csv')


def prepare(root, out, **options):
  given = {'name': 'mine', 'options': OPTIONS} | options
  made = Job(out, 'segments', root, ['train'], **given)
  made.run(lambda shards: stage_here(shards, 1))
  return sources.load_split('prepared', out, 'train')


def test_whole_files_keep_their_spans(root, tmp_path):
  raw, found = footage.load(root, **OPTIONS), prepare(root, tmp_path)
  assert found.fingerprint() == raw.fingerprint() and found.ids == raw.ids
  assert len(found.segments.footage) == 3  # each stored once
  np.testing.assert_array_equal(found.targets, raw.targets)
  both = [add_background(choose_shots(s, 1, 0), 1.0) for s in (found, raw)]
  given = dict(stop=2, batch_size=4, spec=SPEC)
  assert_same(*(train(split, **given) for split in both))
  part = sources.load_split('prepared', tmp_path, 'train[:1]')
  assert part.ids == ('b.mp4@1-2',)
  with pytest.raises(UserError, match='no video of the split has a segment'):
    sources.load_split('prepared', tmp_path, 'train[2:]')


def test_cut_segments_are_videos(root, tmp_path):
  raw, found = footage.load(root, **OPTIONS), prepare(root, tmp_path, cut=True)
  assert found.ids == raw.ids and found.segments is None
  np.testing.assert_array_equal(found.targets, raw.targets)
  for index in range(3):
    one, other = (Loader(s, SPEC).load_views(index) for s in (raw, found))
    off = np.abs(one['video'].astype(int) - other['video'])
    assert off.max() <= 8 and off.mean() < 3  # its frames, encoded again
    assert other['targets'].tolist() == one['targets'].tolist()
  both = [add_overlapping(split).targets for split in (raw, found)]
  np.testing.assert_array_equal(*both)
  assert both[0].sum() > raw.targets.sum()  # of a, both hold in 0.4 to 0.8
  few = choose_shots(found, 1, 0)
  rows = [found.ids.index(video) for video in few.ids]
  np.testing.assert_array_equal(add_overlapping(few).targets, both[1][rows])
  assert few.ids == choose_shots(raw, 1, 0).ids
  element = Loader(few, SPEC).load_views(len(few) - 1)
  index = found.ids.index(few.ids[-1])
  wanted = Loader(found, SPEC).load_views(index)
  np.testing.assert_array_equal(element['video'], wanted['video'])


def test_files_that_cannot_be_read_are_counted(root, tmp_path):
  data = tmp_path / 'data'
  footage.make(data, ['a'], TABLE.replace('b,1,2', 'x,1,2'), 'train.csv')
  (data / 'x.mp4').write_bytes(b'no video')
  given = {'name': 'mine', 'options': OPTIONS, 'on_missing': 'skip'}
  made = Job(tmp_path, 'segments', data, ['train'], **given)
  manifest = made.run(lambda shards: stage_here(shards, 1))
  assert manifest['splits']['train']['skipped'] == 1
  assert manifest['splits']['train']['missing'] == ['c', 'x.mp4']
  (bad,) = (tmp_path / 'mine/1.0.0/train.bad.csv').read_text().splitlines()[1:]
  assert bad.startswith('x.mp4,') and 'cannot be opened' in bad


def test_only_segments_are_cut(root, tmp_path):
  (root / 'x').mkdir(exist_ok=True)
  (root / 'list.txt').write_text('a.mp4 0\nb.mp4 1\n', encoding='utf-8')
  with pytest.raises(UserError, match='list has no segments to cut: leave out'):
    Job(
      tmp_path,
      'list',
      root,
      ['train'],
      options={'list_file': 'list.txt'},
      cut=True,
    )


def test_reading_spans_is_measured(root, tmp_path):
  split = prepare(root, tmp_path)
  plan = measure.make_plan(split, SPEC, 3, 0)
  assert [plan.read(clip).shape[0] for clip in range(3)] == [4] * 3
  assert measure.count_frames(split, 0) == 15
  times = measure.time_stages(plan)
  assert times['total'] > 0
  assert measure.time_loader(plan, 1).seconds > 0
