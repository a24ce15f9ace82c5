"""Records hold what they are given, the same bytes in every process."""

import os
import shutil
import subprocess
import sys

import pytest

from i2v_jax.data.prepare import shards
from i2v_jax.data.prepare.job import Job, stage_here
from i2v_jax.data.sets import prepared, sources


def row(**changes):
  facts = dict(
    id='a/b.mp4',
    label=1,
    frames=3,
    fps=29.97,
    height=4,
    width=6,
    bytes=5,
    source_bytes=5,
    psnr=None,
    sha256='',
  )
  return prepared.Row(**facts | changes)


SERIALIZE = """
import hashlib
from i2v_jax.data.prepare import shards
from i2v_jax.data.sets import prepared
row = prepared.Row('a/b.mp4', 1, 3, 29.97, 4, 6, 5, 5, None, '')
record = shards.make_serializer(('x', 'y'))(row, b'video')
print(hashlib.sha256(record).hexdigest())
"""


def test_records_are_the_same_in_every_process():
  found = set()
  for seed in '0123':
    done = subprocess.run(
      [sys.executable, '-c', SERIALIZE],
      env=os.environ | {'PYTHONHASHSEED': seed},
      capture_output=True,
      text=True,
      check=True,
    )
    found.add(done.stdout)
  assert len(found) == 1


def test_a_label_must_have_a_class():
  serialize = shards.make_serializer(('x',))
  assert serialize(row(label=-1), b'') != serialize(row(label=0), b'')
  with pytest.raises(ValueError, match='1'):
    serialize(row(label=1), b'')


def check_read_back(tmp_path, source, root, **options):
  raw = sources.load_split(source, root, 'train', **options)
  job = Job(tmp_path, source, root, ['train'], options=options)
  job.run(lambda pending: stage_here(pending, 1))
  found = sources.load_split('prepared', tmp_path, 'train')
  assert found.ids == raw.ids and found.fingerprint() == raw.fingerprint()
  assert found.class_names == raw.class_names
  with open(raw.paths[0], 'rb') as file:
    assert found.video(0) == file.read()


def test_odd_names_survive(videos, tmp_path):
  folder = tmp_path / 'root/train/a "class", it is'
  folder.mkdir(parents=True)
  for name in ('caf\udce9.mp4', 'lines \u2028 \x0b, "x".mp4'):  # one not UTF-8
    shutil.copy(videos / 'h265.mp4', folder / name)
  check_read_back(tmp_path, 'folder', tmp_path / 'root')


def test_videos_without_labels_and_classes_survive(videos, tmp_path):
  (tmp_path / 'root').mkdir()
  shutil.copy(videos / 'h265.mp4', tmp_path / 'root')
  (tmp_path / 'root/train.txt').write_text('h265.mp4', encoding='utf-8')
  check_read_back(tmp_path, 'list', tmp_path / 'root')


@pytest.mark.parametrize('name', ['caf\udce9', 'two\nlines'])
def test_class_names_must_be_lines_of_text(videos, tmp_path, name):
  folder = tmp_path / 'root/train' / name
  folder.mkdir(parents=True)
  shutil.copy(videos / 'h265.mp4', folder)
  with pytest.raises(ValueError, match='is not a line of text'):
    Job(tmp_path, 'folder', tmp_path / 'root', ['train'])


def test_a_disk_without_links_gets_copies(tmp_path, monkeypatch):
  def refuse(*_):
    raise PermissionError(1, 'no links here')

  monkeypatch.setattr(os, 'link', refuse)
  (tmp_path / 'a').write_bytes(b'records')
  shards._link(tmp_path / 'a', tmp_path / 'b')
  assert (tmp_path / 'b').read_bytes() == b'records'

  def full(*_):
    raise OSError(28, 'disk full')

  monkeypatch.setattr(os, 'link', full)
  with pytest.raises(OSError, match='disk full'):
    shards._link(tmp_path / 'a', tmp_path / 'c')
