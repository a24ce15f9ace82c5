"""Staging on Apache Beam gives what staging here gives."""

import sys

import pytest

from i2v_jax.data.prepare.beam import stage_on_beam
from i2v_jax.data.prepare.job import Job, stage_here


@pytest.fixture
def root(three_clips):
  (three_clips / 'train.txt').write_text(
    'h265.mp4 1\nrotated_90.mov 0\n', encoding='utf-8'
  )
  (three_clips / 'val.txt').write_text('corrupted.mp4 1\n', encoding='utf-8')
  return three_clips


def job(out, root, split='train'):
  return Job(out, 'list', root, [split], shard_mb=0.001)


def files(folder):
  return {
    path.relative_to(folder): path.read_bytes()
    for path in folder.rglob('*')
    if path.is_file()
  }


@pytest.mark.parametrize(
  'options', [[], ['--runner=FnApiRunner', '--direct_num_workers=2']]
)
def test_the_same_bytes(root, tmp_path, options):
  pytest.importorskip('apache_beam')
  here, there = tmp_path / 'here', tmp_path / 'there'
  job(here, root).run(lambda shards: stage_here(shards, 1))
  job(there, root).run(lambda shards: stage_on_beam(shards, options, 1))
  assert files(here) == files(there) and len(files(here)) > 4


def test_a_bad_video_is_named(root, tmp_path):
  pytest.importorskip('apache_beam')
  with pytest.raises(Exception, match=r'corrupted\.mp4: frame 28 of 50'):
    job(tmp_path, root, 'val').run(lambda s: stage_on_beam(s, [], 1))


def test_without_beam_it_says_how_to_get_it(monkeypatch):
  monkeypatch.setitem(sys.modules, 'apache_beam', None)
  with pytest.raises(ModuleNotFoundError, match=r"'i2v_jax\[beam\]'"):
    stage_on_beam([], [], 1)
