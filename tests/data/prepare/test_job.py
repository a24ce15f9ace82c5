"""Preparing: whole, resumable, the same bytes, and never half of it."""

import csv
import itertools
import json
import os
import signal
import subprocess
import sys

import ava_shaped
import numpy as np
import pytest
from paths import ROOT

from i2v_jax.data.prepare.job import Job, stage_here
from i2v_jax.data.sets import prepared, sources
from i2v_jax.data.videos import decode, transcode
from i2v_jax.runtime.errors import UserError


@pytest.fixture
def root(three_clips):
  """Two classes of real clips; two lists, one of them with a broken clip."""
  whole = 'h265.mp4 1\nrotated_90.mov 0\nh265.mp4 -1\n'
  (three_clips / 'train.txt').write_text(whole, encoding='utf-8')
  (three_clips / 'val.txt').write_text(
    'rotated_90.mov 0\ncorrupted.mp4 1\n', encoding='utf-8'
  )
  (three_clips / 'names.txt').write_text('zero\none\n', encoding='utf-8')
  return three_clips


def job(out, root, splits=('train',), **changes):
  options = {'class_names': 'names.txt', 'delimiter': ' '}
  given = {'options': options, 'shard_mb': 0.02} | changes
  return Job(out, 'list', root, splits, **given)


def run(made, advance=lambda: None):
  return made.run(lambda shards: stage_here(shards, 2, 60, advance))


def contents(folder):
  files = [path for path in sorted(folder.rglob('*')) if path.is_file()]
  return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_it_is_verified_and_counted(root, tmp_path):
  manifest = run(job(tmp_path / 'out', root))
  folder = tmp_path / 'out/list/1.0.0'
  facts = manifest['splits']['train']
  sizes = [(root / name).stat().st_size for name in ('h265.mp4',) * 2]
  size = sum(sizes) + (root / 'rotated_90.mov').stat().st_size
  assert (facts['videos'], facts['skipped'], facts['frames']) == (3, 0, 23)
  assert facts['bytes'] == facts['source_bytes'] == size
  assert facts['shards'] == len(list(folder.glob('*.array_record-*'))) == 3
  with (folder / 'train.csv').open(newline='') as file:
    rows = list(csv.DictReader(file))
  ids = tuple(row['id'] for row in rows)
  assert ids == sources.load_split('list', root, 'train').ids
  assert [row['label'] for row in rows] == ['1', '0', '-1']
  turned = rows[1]
  assert (turned['height'], turned['width']) == ('568', '320')
  assert (
    json.loads((folder / 'manifest.json').read_text(encoding='utf-8'))
    == manifest
  )
  assert not (tmp_path / 'out/list/staging').exists()


def test_a_video_that_ends_early_stops_it_or_is_left_out(root, tmp_path):
  out = tmp_path / 'out'
  with pytest.raises(decode.DecodeError, match=r'corrupted\.mp4: frame 28 of'):
    run(job(out, root, ['train', 'val']))
  manifest = run(job(out, root, ['train', 'val'], on_bad_video='skip'))
  facts = manifest['splits']['val']
  assert (facts['videos'], facts['skipped'], facts['frames']) == (1, 1, 3)
  with (out / 'list/1.0.0/val.bad.csv').open(newline='') as file:
    (row,) = csv.DictReader(file)
  assert row['id'] == 'corrupted.mp4' and 'frame 28 of 50' in row['reason']
  assert not (out / 'list/1.0.0/train.bad.csv').exists()
  split = sources.load_split('prepared', out, 'val')
  assert split.missing == ('corrupted.mp4',) == (row['id'],)
  assert split.fingerprint() != facts['source_fingerprint']


def test_what_was_skipped_is_an_error_where_it_may_not_be(root, tmp_path):
  made = job(tmp_path, root, ['val'], on_bad_video='skip')

  def stage(shards):
    stage_here(shards, 1)
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    made.run(stage)
  with pytest.raises(
    decode.DecodeError, match=r"frame 28.*on_bad_video='skip'"
  ):
    run(job(tmp_path, root, ['val']))


def test_a_split_of_bad_videos_only_is_an_error(root, tmp_path):
  (root / 'val.txt').write_text('corrupted.mp4 1\n', encoding='utf-8')
  with pytest.raises(decode.DecodeError, match='no video of val can be read'):
    run(job(tmp_path, root, ['val'], on_bad_video='skip'))


def interrupt(after):
  """An `advance` that is interrupted at some video."""
  calls = itertools.count(1)

  def advance():
    if next(calls) == after:
      raise KeyboardInterrupt

  return advance


def test_interrupted_again_and_again_it_ends_the_same(root, tmp_path):
  recipe = transcode.Recipe(short_side=64)
  made = lambda out: job(tmp_path / out, root, recipe=recipe)
  run(made('whole'))
  for after, left in ((1, 3), (2, 2), (2, 1)):  # a shard holds one video
    with pytest.raises(KeyboardInterrupt):
      run(made('parts'), interrupt(after))
    assert len(made('parts').pending) == left
    with pytest.raises(FileNotFoundError, match='no prepared data set'):
      sources.load_split('prepared', tmp_path / 'parts', 'train')
  (tmp_path / 'parts/list/incomplete.abc_1.0.0').mkdir()
  (tmp_path / 'parts/list/staging/train/tmp-abc').mkdir()
  seen = []
  run(made('parts'), lambda: seen.append(1))
  assert len(seen) == 1  # what was staged is not done again
  assert contents(tmp_path / 'parts') == contents(tmp_path / 'whole')


def begin(out, root, **changes):
  """A job that is killed before its first shard."""

  def stage(shards):
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    job(out, root, **changes).run(stage)


def touch(root):
  os.utime(root / 'h265.mp4', ns=(0, 0))


def relabel(root):
  (root / 'train.txt').write_text(
    'h265.mp4 0\nrotated_90.mov 1\n', encoding='utf-8'
  )


@pytest.mark.parametrize(
  ('changes', 'edit', 'what'),
  [
    ({'shard_mb': 5}, None, r'shard_mb 0\.02, not 5'),
    ({'recipe': transcode.Recipe()}, None, 'transcode False, not True'),
    ({'splits': ('val',)}, None, 'videos of val None, not'),
    ({}, touch, 'other files of train'),
    ({}, relabel, 'other videos of train'),
  ],
)
@pytest.mark.parametrize('finished', [False, True])
def test_nothing_is_mixed(root, tmp_path, changes, edit, what, finished):
  if finished:
    run(job(tmp_path / 'out', root))
  else:
    begin(tmp_path / 'out', root)
  before = contents(tmp_path / 'out')
  if edit:
    edit(root)
  with pytest.raises(ValueError, match=f'{what}.*delete'):
    run(job(tmp_path / 'out', root, **changes))
  assert contents(tmp_path / 'out') == before


def test_a_finished_data_set_is_left_alone(root, tmp_path):
  first = run(job(tmp_path, root))
  before = contents(tmp_path / 'list')
  (tmp_path / 'list/staging').mkdir()  # killed while it cleaned up
  again = job(tmp_path, root)
  assert again.is_done
  assert again.run(lambda shards: pytest.fail('it is done')) == first
  assert contents(tmp_path / 'list') == before


def test_two_at_a_time_are_one_too_many(root, tmp_path):
  def stage(shards):
    with pytest.raises(UserError, match='another process prepares'):
      run(job(tmp_path, root))
    stage_here(shards, 1)

  assert job(tmp_path, root).run(stage)['splits']['train']['videos'] == 3


@pytest.mark.parametrize(
  ('changes', 'error'),
  [
    ({'name': 'My-Set'}, "name 'My-Set' is invalid"),
    ({'on_bad_video': 'drop'}, r"'drop'; it can be one of \('error', 'skip'\)"),
    ({'shard_mb': 0}, 'shard_mb is 0; it can be any number above 0'),
    ({'options': {}, 'splits': ('train', 'val')}, None),
    ({'options': {'num_classes': 1}}, r'label 1 is not in -1\.\.0'),
  ],
)
def test_arguments_are_checked_first(root, tmp_path, changes, error):
  if error is None:  # two classes in both lists
    assert job(tmp_path, root, **changes).class_names == ('0', '1')
    return
  with pytest.raises(ValueError, match=error):
    job(tmp_path / 'out', root, **changes)
  assert not (tmp_path / 'out').exists()


def test_a_bucket_is_no_folder(root):
  with pytest.raises(
    ValueError, match='gs://bucket/x is not a folder: mount it'
  ):
    job('gs://bucket/x', root)


def test_splits_must_have_the_same_classes(root, tmp_path):
  (root / 'more.txt').write_text('rotated_90.mov 2\n', encoding='utf-8')
  differ = 'train has 2 and more 3 classes, 1 only in more .*num_classes'
  with pytest.raises(ValueError, match=differ):
    job(tmp_path, root, ['train', 'more'], options={})


def test_a_folder_of_someone_else_is_not_touched(root, tmp_path):
  (tmp_path / 'list/1.0.0').mkdir(parents=True)
  with pytest.raises(
    ValueError, match='exists, but was not made by i2v data prepare'
  ):
    job(tmp_path, root)


def test_default_splits_are_those_of_the_source(digits, tmp_path):
  assert [*Job(tmp_path, 'folder', digits).splits] == ['train', 'val']


@pytest.mark.parametrize('option', ['split', 'root', 'on_missing'])
def test_arguments_are_no_options(root, tmp_path, option):
  with pytest.raises(ValueError, match=f"'list' has no option '{option}'; it"):
    job(tmp_path, root, options={option: 'train'})


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bytes(digits, tmp_path):
  def command(out):
    arguments = f'--source folder --out {out} --shard-mb 0.002 --workers 2'
    line = [sys.executable, '-m', 'i2v_jax.cli', 'data', 'prepare', str(digits)]
    return [*line, *arguments.split(), '--short-side', '16']

  quiet = dict(cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
  subprocess.run(command(tmp_path / 'whole'), **quiet)
  out = tmp_path / 'parts'
  staging, rng = out / 'folder/staging', np.random.default_rng()
  killed = 0
  for target in sorted(rng.integers(24, size=3)):
    with subprocess.Popen(command(out), cwd=ROOT) as process:
      while len(list(staging.glob('*/0*'))) < target and process.poll() is None:
        pass
      for _ in range(rng.integers(1_000_000)):
        pass
      process.send_signal(signal.SIGKILL)
    killed += process.returncode == -signal.SIGKILL
    if not (out / 'folder' / prepared.VERSION).exists():
      with pytest.raises(FileNotFoundError, match='no prepared data set'):
        sources.load_split('prepared', out, 'train')
  assert killed
  subprocess.run(command(out), **quiet)
  assert contents(out) == contents(tmp_path / 'whole')


def test_key_frames_are_not_prepared(tmp_path):
  root = ava_shaped.make(tmp_path / 'ava')
  with pytest.raises(UserError, match=r'^ava has boxes, which shards of one'):
    Job(tmp_path / 'out', 'ava', root)
