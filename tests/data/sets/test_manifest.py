"""A manifest comes back as it was, and lets nothing unchecked through."""

import errno
import os
import pathlib

import pytest

from i2v_jax.data.sets import manifest, sources
from i2v_jax.runtime.errors import UserError
from i2v_jax.training.run import prepare_run


@pytest.fixture
def data(tmp_path):
  """A split of three files, and the records of a check that liked them."""
  (tmp_path / 'data' / 'train' / 'a').mkdir(parents=True)
  for name in 'xyz':
    (tmp_path / 'data' / 'train' / 'a' / f'{name}.mp4').write_text(
      name, encoding='utf-8'
    )
  split = sources.load_split('folder', tmp_path / 'data', 'train')
  records = [
    {'id': video, 'ok': True} | manifest.stamp(path)
    for video, path in zip(split.ids, split.paths, strict=True)
  ]
  return split, records


def test_what_is_written_is_read(tmp_path, data):
  _, records = data
  records[0]['id'] = 'bytes that are no text: \udcff'
  manifest.write(tmp_path / 'm', {'root': '/x'}, records)
  header, found = manifest.read(tmp_path / 'm')
  assert header == {'manifest': manifest.VERSION, 'root': '/x'}
  assert found == records
  assert sorted(os.listdir(tmp_path)) == ['data', 'm']


def test_a_write_that_fails_leaves_the_old_one(tmp_path, data):
  manifest.write(tmp_path / 'm', {}, data[1])
  before = (tmp_path / 'm').read_bytes()
  with pytest.raises(TypeError):
    manifest.write(tmp_path / 'm', {}, [*data[1], {'id': object()}])
  assert (tmp_path / 'm').read_bytes() == before


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
  def write_bytes(path, data):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(pathlib.Path, 'write_bytes', write_bytes)
  with pytest.raises(UserError, match=r'm could not be written \(No space'):
    manifest.write(tmp_path / 'm', {}, [])


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('', 'is not a manifest of version 1: write one with i2v data check'),
    ('{"manifest": 2}\n', 'is not a manifest of version 1'),
    ('[1]\n', 'is not a manifest of version 1'),
    ('{"manifest": 1}\n{"id": "a', 'line 2: not json'),
    ('{"manifest": 1}\nnull\n', 'line 2: not the record of a video: null'),
    ('{"manifest": 1}\n{"id": 1}\n3\n', 'line 3: not the record of a video: 3'),
    ('{"manifest": 1}\n{}\n', 'line 2: not the record of a video'),
  ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, error):
  (tmp_path / 'm').write_text(text, encoding='utf-8')
  with pytest.raises(ValueError, match=error):
    manifest.read(tmp_path / 'm')


def test_a_clean_manifest_is_enough_also_where_the_data_has_moved(
  tmp_path, data
):
  split, records = data
  manifest.write(tmp_path / 'm', {}, records)
  manifest.require(tmp_path / 'm', [split, split])
  (tmp_path / 'data').rename(tmp_path / 'moved')
  moved = sources.load_split('folder', tmp_path / 'moved', 'train')
  manifest.require(tmp_path / 'm', [moved])


def touched(path):
  os.utime(path, ns=(0, 0))


def grown(path):
  before = os.stat(path).st_mtime_ns
  with open(path, 'a', encoding='utf-8') as file:
    file.write('more')
  os.utime(path, ns=(before, before))


@pytest.mark.parametrize('change', [touched, grown, os.remove])
def test_a_file_that_has_changed_is_named(tmp_path, data, change):
  split, records = data
  manifest.write(tmp_path / 'm', {}, records)
  change(split.paths[1])
  problem = r"^'train/a/y.mp4' has changed .* again, or set data.manifest=''"
  with pytest.raises(ValueError, match=problem):
    manifest.require(tmp_path / 'm', [split])


def test_what_is_bad_or_not_in_it_is_named(tmp_path, data):
  split, records = data
  records[2] |= {'ok': False, 'reason': 'is empty'}
  manifest.write(tmp_path / 'm', {}, records)
  with pytest.raises(ValueError, match=r"z.mp4' is bad \(is empty\)"):
    manifest.require(tmp_path / 'm', [split])
  manifest.write(tmp_path / 'm', {}, records[1:])
  with pytest.raises(ValueError, match=r"x.mp4' is not in the manifest .*/m:"):
    manifest.require(tmp_path / 'm', [split])
  with pytest.raises(
    FileNotFoundError, match=r'none does not exist; .*data check'
  ):
    manifest.require(tmp_path / 'none', [split])


def test_a_manifest_of_mere_files_says_how_to_make_another(tmp_path, data):
  manifest.write(tmp_path / 'm', {'format': ''}, data[1])
  with pytest.raises(
    ValueError, match=r'/m lists files without labels: .* --source or'
  ):
    manifest.require(tmp_path / 'm', [data[0]])
  manifest.write(tmp_path / 'm', {'format': 'folder'}, data[1])
  manifest.require(tmp_path / 'm', [data[0]])


def test_training_begins_with_a_clean_manifest_only(
  tmp_path, digits, smoke_config, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  path = tmp_path / 'manifest.jsonl'
  config = smoke_config(data={'manifest': path.name})
  with pytest.raises(FileNotFoundError, match='does not exist'):
    prepare_run(config, tmp_path / 'run')
  splits = [
    sources.load_split('folder', digits, part) for part in ('train', 'val')
  ]
  records = [
    {'id': video, 'ok': True} | manifest.stamp(place)
    for split in splits
    for video, place in zip(split.ids, split.paths, strict=True)
  ]
  manifest.write(path, {}, records[:-1])  # one of val is not in it
  with pytest.raises(ValueError, match=f'{splits[1].ids[-1]}.*not in the'):
    prepare_run(config, tmp_path / 'run')
  manifest.write(path, {}, records)
  prepared = prepare_run(config, tmp_path / 'run')
  assert prepared.metadata()['config']['data']['manifest'] == str(path)
