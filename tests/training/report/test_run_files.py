"""The files of a run are read as far as they are there."""

import shutil

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
    ('eval/report.json', '{"accuracy": {}}'),
    ('eval/classes.csv', ''),
    ('eval/timeline.json', '{}'),
    ('eval/scores.npz', 'PK'),
  ],
)
def test_a_file_of_another_form_counts_as_absent(run, tmp_path, name, text):
  folder = shutil.copytree(run, tmp_path / 'run')
  (folder / name).write_text(text)
  found = run_files.read_run_files(folder)
  evaluations.read_evaluations(found)
  assert len(found.notes) == 1 and found.notes[0].startswith(name)


def test_heartbeats_are_in_order(run, tmp_path):
  folder = shutil.copytree(run, tmp_path / 'run')
  for number in (10, 2):
    text = f'{{"phase": "training", "step": {number}, "steps": 20}}'
    (folder / f'heartbeat-{number}.json').write_text(text)
  beats = run_files.read_run_files(folder).beats
  assert [beat['step'] for beat in beats] == [4, 2, 10]
