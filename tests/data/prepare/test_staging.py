"""A shard is staged whole or not at all; a hanging video costs itself only."""

import os
import subprocess
import sys

import cursed
import pytest
from paths import ROOT

from i2v_jax.data.loading import workers
from i2v_jax.data.prepare import staging
from i2v_jax.data.videos import decode


@pytest.fixture
def shard(videos, tmp_path):
  """A bad video and a good one."""

  def make(on_bad_video, bad=str(videos / 'corrupted.mp4')):
    good = str(videos / 'h265.mp4')
    rows = tuple((path, os.path.basename(path), 0) for path in (bad, good))
    folder = tmp_path / 'staging/00000'
    return staging.Shard(folder, rows, ('x',), None, on_bad_video)

  return make


def stage(shard, store=staging.store):
  with workers.Pool(store, 2, seconds=3) as pool:
    shard.stage(pool, 2)


@pytest.mark.parametrize(
  ('path', 'reason'),
  [('hangs.mp4', 'took longer than 3 s'), ('aborts.mp4', 'ended by SIGABRT')],
)
def test_a_video_that_takes_its_worker_along_is_left_out(shard, path, reason):
  made = shard('skip', path)
  stage(made, cursed.store)
  rows, bad = made.read()
  assert [row.id for row in rows] == ['h265.mp4'] and made.is_done()
  assert bad[0].id == path and reason in bad[0].reason
  with pytest.raises(decode.DecodeError, match=f'{path}: .*{reason}'):
    shard('error', path).read()


def test_a_shard_that_fails_leaves_nothing(shard):
  made = shard('error')
  with pytest.raises(decode.DecodeError, match=r'corrupted\.mp4: frame 28'):
    stage(made)
  assert not made.is_done() and not list(made.folder.parent.iterdir())


def test_one_that_is_late_leaves_the_shard_of_the_first(shard):
  made = shard('skip')
  made.folder.mkdir(parents=True)
  (made.folder / 'rows.json').write_text(
    '{"rows": [], "bad": []}', encoding='utf-8'
  )
  stage(made)
  assert made.read() == ([], [])
  assert [path.name for path in made.folder.parent.iterdir()] == ['00000']


def test_a_file_too_large_for_a_record_is_named(videos, monkeypatch):
  monkeypatch.setattr(staging, '_LARGEST', 10_000)
  with pytest.raises(decode.DecodeError, match=r'h265\.mp4: .* too much for a'):
    staging.store(str(videos / 'h265.mp4'), None)


def test_workers_import_what_they_need():
  code = (
    'import sys\n'
    'from i2v_jax.data.prepare import staging\n'
    'banned = {"jax", "grain", "tensorflow_datasets", "tensorflow"}\n'
    'print(banned & {m.partition(".")[0] for m in sys.modules})\n'
  )
  command = [sys.executable, '-c', code]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  assert done.stdout == 'set()\n', done.stderr
