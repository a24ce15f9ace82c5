"""The files of a run are read as far as they are there."""

import json
import shutil

import numpy as np
import pytest
import reported
from paths import ROOT

from i2v_jax.training.report import evaluations, run_files

OLDER = ROOT / 'tests/golden/from_44cb18a/run'


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  folder = tmp_path_factory.mktemp('run_files') / 'run'
  reported.make_run(folder, examples=12, steps=4)
  return folder


def test_a_complete_run(run):
  found = run_files.read_run_files(run)
  assert found.notes == [] and len(found.records) == 4
  assert found.starts[0]['command'] == reported.COMMAND
  assert found.data['val']['listed'] == 12 and found.costs['devices'] == 1
  (evaluation,) = evaluations.read_evaluations(found)
  assert evaluation.name == 'eval' and len(evaluation.scores.ids) == 11
  assert evaluation.scores.class_names == list(reported.NAMES)


def test_a_run_of_an_older_version():
  found = run_files.read_run_files(OLDER)
  assert found.notes == [] and len(found.records) == 5
  assert found.starts == [] and found.data == {} and found.costs == {}


@pytest.mark.parametrize('name', ['metrics.jsonl', 'starts.jsonl'])
def test_damaged_lines_are_noted_but_not_one_being_written(run, tmp_path, name):
  folder = shutil.copytree(run, tmp_path / 'run')
  count = len((folder / name).read_text().splitlines())
  with (folder / name).open('a') as file:
    file.write('{"step": 5, "comm')
  assert run_files.read_run_files(folder).notes == []
  with (folder / name).open('a') as file:
    file.write('\n[1]\n{"step": 6, "command": "x"}\n')
  found = run_files.read_run_files(folder)
  (note,) = found.notes
  assert f'{name}: 2 damaged lines' in note and f'line {count + 1} on' in note
  read = {'metrics.jsonl': found.records, 'starts.jsonl': found.starts}[name]
  assert len(read) == count + 1


@pytest.mark.parametrize(
  ('name', 'text'),
  [
    ('data.json', '{"train": {}, "val": 3}'),
    ('data.json', '[]'),
    ('heartbeat-0.json', '{}'),
    ('bad_videos.csv', 'video,reason\na\n'),
    ('costs.json', '{"parameters": "many"}'),
    ('heartbeat-0.json', '{"phase": "training", "step": "4", "steps": 9}'),
    ('bad_videos.csv', 'video,reason\na,"cut off\n' + 'x' * 200_000),
    ('eval/report.json', '{"accuracy": {}}'),
    ('eval/report.json', '{"accuracy": {}, "decoded": 1, "listed": 1}'),
    ('eval/report.json', '{"accuracy": [], "decoded": 1, "listed": 1}'),
    (
      'eval/report.json',
      '{"accuracy": {"top1": 1}, "decoded": 1, "listed": 1, "step": "4"}',
    ),
    ('eval/classes.csv', ''),
    ('eval/timeline.json', '{}'),
    (
      'eval/timeline.json',
      '{"temporal_mAP": {"0.5": 1}, "listed": 1, "files": '
      '[{"file": "a", "duration": null, "segments": []}]}',
    ),
    ('eval/scores.npz', 'PK'),
  ],
)
def test_a_file_of_another_form_counts_as_absent(run, tmp_path, name, text):
  folder = shutil.copytree(run, tmp_path / 'run')
  (folder / name).write_text(text)
  found = run_files.read_run_files(folder)
  evaluations.read_evaluations(found)
  assert len(found.notes) == 1 and found.notes[0].startswith(name)


@pytest.mark.parametrize(
  ('name', 'change'),
  [
    ('labels', lambda labels: labels[1:]),
    ('labels', lambda labels: labels + 9),
    ('labels', lambda labels: labels.astype(float)),
    ('ids', lambda ids: ids[:, None]),
    ('seconds', lambda seconds: seconds[:-1]),
    ('spans', lambda spans: spans[:, :1]),
    ('class_names', lambda names: names[1:]),
  ],
)
def test_arrays_that_do_not_fit_count_as_absent(run, tmp_path, name, change):
  folder = shutil.copytree(run, tmp_path / 'run')
  with np.load(folder / 'eval/scores.npz') as arrays:
    found = dict(arrays)
  found[name] = change(found[name])
  np.savez(folder / 'eval/scores.npz', **found)
  read = run_files.read_run_files(folder)
  (evaluation,) = evaluations.read_evaluations(read)
  assert evaluation.scores is None and evaluation.report['accuracy']
  assert read.notes[0].startswith('eval/scores.npz cannot be read')


@pytest.mark.parametrize('key', ['data', 'model'])
def test_a_config_of_another_form_is_left_out(run, tmp_path, key):
  folder = shutil.copytree(run, tmp_path / 'run')
  (folder / 'config.json').write_text(json.dumps({key: 'small'}))
  found = run_files.read_run_files(folder)
  assert found.config == {}
  problem = f"({key} is 'small', no object)"
  assert found.notes == [
    f'The config cannot be read, so it is left out {problem}.'
  ]


def test_costs_that_are_not_known_are_left_out(run, tmp_path):
  folder = shutil.copytree(run, tmp_path / 'run')
  (folder / 'costs.json').write_text('{"hosts": null, "devices": 2}')
  assert run_files.read_run_files(folder).costs == {'devices': 2}


def test_heartbeats_are_in_order(run, tmp_path):
  folder = shutil.copytree(run, tmp_path / 'run')
  for number in (10, 2):
    text = f'{{"phase": "training", "step": {number}, "steps": 20}}'
    (folder / f'heartbeat-{number}.json').write_text(text)
  beats = run_files.read_run_files(folder).beats
  assert [beat['step'] for beat in beats] == [4, 2, 10]
