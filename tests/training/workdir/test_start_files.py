"""What a run writes down as it starts: data, costs, and each start."""

import dataclasses
import json
import types

import jax
import pytest

import i2v_jax
from i2v_jax import params
from i2v_jax.deploy import trained
from i2v_jax.runtime import signals
from i2v_jax.training import counts, experiment
from i2v_jax.training.workdir import start_files


def read(workdir, name):
  return json.loads((workdir / name).read_text(encoding='utf-8'))


@pytest.fixture
def run(smoke_config, digits, tmp_path):
  """A run of which only the data is real."""
  config = experiment.to_plain(smoke_config())
  parts = {
    name: types.SimpleNamespace(split=experiment.load_split(config, name))
    for name in ('train', 'val')
  }
  return types.SimpleNamespace(config=config, workdir=tmp_path, **parts)


def test_data_is_what_was_trained_and_evaluated(smoke_run, digits):
  data, report = (
    read(smoke_run, 'data.json'),
    read(smoke_run, 'eval/report.json'),
  )
  assert set(data) == {'train', 'val'}
  for name, count in (('train', 16), ('val', 12)):
    part = data[name]
    assert part['split'] == name and part['format'] == 'digits'
    assert part['root'] == str(digits) and part['unit'] == 'videos'
    assert (part['listed'], part['missing']) == (count, 0)
    assert part['missing_ids'] == []
    names, counts = zip(*part['classes'], strict=True)
    assert sum(counts) == count
    assert list(names) == read(smoke_run, 'classes.json')
  assert data['val']['sha256'] == report['split_sha256']
  assert data['train']['sha256'] != data['val']['sha256']


def test_missing_videos_are_counted_and_the_first_are_named(run):
  ids = tuple(f'{n}.mp4' for n in range(150))
  split = dataclasses.replace(run.train.split, missing=ids)
  found = start_files.describe_split(split, run.config, 'train')
  assert (found['listed'], found['missing']) == (166, 150)
  assert found['missing_ids'] == list(ids[:100])


def test_classes_count_what_is_trained_of_them(run):
  split = run.train.split.choose([0, 1, 2])
  found = start_files.describe_split(split, run.config, 'train')
  wanted = dict.fromkeys(split.class_names, 0)
  for label in split.labels:
    wanted[split.class_names[label]] += 1
  assert found['classes'] == list(wanted.items()) and found['listed'] == 3


def test_costs_are_counted_as_elsewhere(smoke_run):
  costs, model = read(smoke_run, 'costs.json'), trained.load(smoke_run)
  wanted = counts.count_costs(model.config, model.model)
  assert costs['parameters'] == params.count(model.params) == wanted.total
  assert costs['tunable_params'] == wanted.tunable
  assert costs['view_macs'] == wanted.view_macs
  assert costs['batch_size'] == model.config['batch_size']
  assert costs['train_peak_bytes'] > 4 * wanted.total
  assert (costs['devices'], costs['hosts']) == (1, 1)
  assert costs['platform'] == costs['device_kind'] == 'cpu'


def test_a_method_without_a_formula_has_no_macs():
  class Method:
    def macs(self):
      raise NotImplementedError

  model = types.SimpleNamespace(image_model=Method(), num_steps=1)
  assert start_files._count_view_macs(model) is None


def test_a_start_says_which_command_and_versions(smoke_run):
  text = (smoke_run / 'starts.jsonl').read_text(encoding='utf-8')
  (start,) = map(json.loads, text.splitlines())
  assert (start['step'], start['steps']) == (0, 3)
  assert start['i2v_jax'] == i2v_jax.__version__
  assert start['jax'] == jax.__version__
  assert (start['devices'], start['platform']) == (1, 'cpu')
  assert start['command'] == signals.format_command()
  assert start['time'] > 1.7e9


@pytest.fixture
def begin(run):
  """Starts the run at a step, as far as its files go."""
  device = types.SimpleNamespace(platform='cpu')
  devices = types.SimpleNamespace(flat=[device])
  run.mesh = types.SimpleNamespace(size=1, devices=devices)
  run.steps = 9
  return lambda step: start_files.write_start(run, step)


def test_every_start_adds_a_line_and_replaces_the_data(run, begin):
  for step in (0, 4):
    begin(step)
    (run.workdir / 'data.json').write_text('{', encoding='utf-8')
  begin(7)
  text = (run.workdir / 'starts.jsonl').read_text(encoding='utf-8')
  assert [json.loads(line)['step'] for line in text.splitlines()] == [0, 4, 7]
  assert read(run.workdir, 'data.json')['train']['listed'] == 16


def test_only_the_first_process_writes(run, begin, monkeypatch):
  monkeypatch.setattr(jax, 'process_index', lambda: 1)
  begin(0)
  start_files.write_costs(run, None)
  assert not list(run.workdir.iterdir())


def test_a_full_disk_is_said_with_the_file(run, begin, full_disk):
  text = r'data\.json could not be written .*; mend the disk and start'
  with pytest.raises(OSError, match=text):
    begin(0)


def test_a_damaged_list_of_starts_gets_a_line_more(tmp_path):
  path = tmp_path / 'starts.jsonl'
  path.write_bytes(b'{"step": 0}\n\xff{"comm')
  start_files._add_line(path, {'step': 7})
  lines = path.read_text(encoding='utf-8').splitlines()
  assert json.loads(lines[0]) == {'step': 0}
  assert json.loads(lines[-1]) == {'step': 7} and len(lines) == 3
