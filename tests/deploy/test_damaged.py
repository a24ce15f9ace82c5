"""Exports that were interrupted, files that are damaged: one sentence each."""

import dataclasses
import json
import pathlib
import shutil

import jax
import numpy as np
import pytest

from i2v_jax import cli
from i2v_jax.deploy import trained
from i2v_jax.deploy.export import export_full, export_merged
from i2v_jax.training import facts
from i2v_jax.training.config_files import Variant
from i2v_jax.training.sweeps import sweep
from i2v_jax.training.workdir import status
from i2v_jax.weights.formats import native


@pytest.fixture(scope='module')
def first(smoke_run, tmp_path_factory):
  """An export of the smoke run."""
  folder = tmp_path_factory.mktemp('first') / 'merged'
  export_merged(trained.load(smoke_run), folder)
  return folder


@pytest.fixture
def folder(first, tmp_path):
  return shutil.copytree(first, tmp_path / 'merged')


@pytest.fixture
def other(first):
  """A model with other weights and class names, to be exported over it."""
  model = trained.load(first)
  params = dict(model.params) | {
    'head': jax.tree.map(lambda x: x + 1, model.params['head'])
  }
  return dataclasses.replace(
    model, params=params, class_names=('w', 'x', 'y', 'z')
  )


def contents(folder):
  return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_an_export_that_dies_leaves_the_one_that_was_there(
  folder, other, monkeypatch
):
  before = contents(folder)

  def die(*args):
    raise KeyboardInterrupt

  monkeypatch.setattr('i2v_jax.deploy.export.write_facts', die)
  with pytest.raises(KeyboardInterrupt):
    export_merged(other, folder)
  assert contents(folder) == before
  assert trained.load(folder).class_names != other.class_names


def test_one_that_dies_between_two_files_is_refused(folder, other, monkeypatch):
  replace, count = pathlib.Path.replace, []

  def die_at_the_second(path, target):
    if path.parent.name == '.new' and target.parent == folder:
      count.append(path)
      if len(count) > 1:
        raise KeyboardInterrupt
    return replace(path, target)

  with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(pathlib.Path, 'replace', die_at_the_second)
    export_merged(other, folder)
  with pytest.raises(ValueError, match='was interrupted'):
    trained.load(folder)
  export_merged(other, folder)
  assert trained.load(folder).class_names == other.class_names


def test_a_full_disk_leaves_no_half_of_an_export(other, tmp_path, full_disk):
  with pytest.raises(OSError, match='could not be written') as error:
    export_merged(other, tmp_path / 'new')
  assert str(error.value).count('could not be written') == 1
  assert not (tmp_path / 'new').exists()


def test_weights_and_names_must_be_those_of_the_facts(folder, caplog):
  tree = native.read(folder / 'model.safetensors')
  names = folder / 'classes.json'
  before = names.read_text(encoding='utf-8')
  names.write_text(json.dumps(['a', 'b', 'c', 'd']), encoding='utf-8')
  with pytest.raises(ValueError, match=r'classes\.json has other class names'):
    trained.load(folder)
  names.write_text(before, encoding='utf-8')
  tree['head']['bias'] = tree['head']['bias'] + np.float32(1)
  native.write(folder / 'model.safetensors', tree)
  with pytest.raises(ValueError, match=r'model\.safetensors does not hold the'):
    trained.load(folder)
  (folder / 'facts.json').write_text('{}')
  trained.load(folder)
  assert 'has an empty facts.json' in caplog.text
  (folder / 'facts.json').unlink()
  trained.load(folder)
  assert 'has no facts.json: its weights could not be' in caplog.text


def test_an_export_keeps_no_path_of_the_trainer(folder, smoke_run, tmp_path):
  run = trained.load(smoke_run)
  config = json.loads(json.dumps(run.config))
  config['data'] |= {'manifest': '/home/me/m.jsonl', 'val': '/home/me/val.txt'}
  config['data']['options'] = {'labels': '/home/me/labels.csv'}
  run = dataclasses.replace(run, config=config)
  for write, name in ((export_merged, 'a'), (export_full, 'b')):
    write(run, tmp_path / name)
    text = (tmp_path / name / 'config.json').read_text(encoding='utf-8')
    assert '/home' not in text and config['data']['root'] not in text
    found = json.loads(text)
    assert found['data']['val'] == 'val.txt'
    assert found['data']['options'] == {'labels': 'labels.csv'}


@pytest.mark.parametrize('text', ['', '{', '[]', '3', '{"model": {}}', '\xff'])
@pytest.mark.parametrize('name', ['config.json', 'facts.json', 'classes.json'])
def test_a_damaged_file_of_an_export_is_named(name, text, folder, capsys):
  (folder / name).write_bytes(text.encode('latin1'))
  with pytest.raises(SystemExit, match='1'):
    cli.main(['predict', '--workdir', str(folder), 'x.mp4'])
  sentence, _ = capsys.readouterr().err.splitlines()
  assert sentence.startswith('error: ') and (
    name in sentence or 'sha256' in sentence
  )


@pytest.mark.parametrize('text', ['', '{}', '[]', '{"steps": "x"}'])
def test_a_damaged_heartbeat_is_unknown(text, tmp_path):
  (tmp_path / 'heartbeat-0.json').write_text(text, encoding='utf-8')
  lines = status.make_report(tmp_path)
  assert 'unknown (heartbeat-0.json cannot be read)' in lines[1]


def test_a_damaged_report_is_named(smoke_run, tmp_path):
  run = shutil.copytree(smoke_run, tmp_path / 'run')
  (run / 'eval' / 'report.json').write_text('{}', encoding='utf-8')
  with pytest.raises(ValueError, match=r'report\.json has no split_sha256'):
    facts.collect_facts(trained.load(run))


def test_a_damaged_record_of_a_sweep_is_named(tmp_path):
  (tmp_path / 'a').mkdir()
  (tmp_path / 'a' / sweep.RECORD).write_text('{}', encoding='utf-8')
  with pytest.raises(ValueError, match=r'sweep\.json has no config'):
    sweep._read_finished(Variant('a', {}), tmp_path / 'a')
