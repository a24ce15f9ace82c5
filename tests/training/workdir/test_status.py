"""What `i2v status` says of a run: only what can be known."""

import json
import shutil
import time

import pytest

from i2v_jax import cli
from i2v_jax.training.workdir import checkpoint_files, heartbeat, status


@pytest.fixture
def beat(tmp_path):
  """The heartbeat of this process, training at step 40 of 100."""
  found = heartbeat.Heartbeat(tmp_path, 100)
  found.enter('training', 30)
  found.stepped(40)
  found.loss = 1.23456
  found.find_data_share = lambda: 0.1234
  found.write()
  return found


def change(beat, **changes):
  record = json.loads(beat.path.read_text(encoding='utf-8')) | changes
  beat.path.write_text(json.dumps(record), encoding='utf-8')
  return status.find_state(beat.path.parent, record)


def test_progress_rate_and_what_is_left(beat, tmp_path):
  change(beat, steps_per_second=0.25, host='h', pid=7)
  record = json.loads(beat.path.read_text(encoding='utf-8'))
  cells = status.make_row(tmp_path, record)
  assert cells[0] == '0 (h, 7)' and cells[2:] == (
    '40/100',
    '0.25/s',
    '4 min',
    '12 %',
    '1.235',
  )
  assert status.COLUMNS[-2:] == ('data', 'loss')


def test_a_heartbeat_without_a_share_of_data_still_has_its_line(beat, tmp_path):
  record = json.loads(beat.path.read_text(encoding='utf-8'))
  record |= {'steps_per_second': 0.25}
  unknown = status.make_row(tmp_path, record | {'data_share': None})
  assert unknown[-2:] == ('-', '1.235')
  for name in ('data_share', 'peak_bytes', 'peak_of'):  # as of older versions
    del record[name]
  assert status.make_row(tmp_path, record) == unknown
  beat.path.write_text(json.dumps(record), encoding='utf-8')
  head, row, *_ = status.make_report(tmp_path)
  assert head.split() == list(status.COLUMNS) and 'running' in row


def test_only_what_trains_has_a_share_of_data(beat, tmp_path):
  change(beat, steps_per_second=0.25, phase='evaluating')
  record = json.loads(beat.path.read_text(encoding='utf-8'))
  assert record['data_share'] == 0.1234
  assert status.make_row(tmp_path, record)[-2] == '-'


def test_a_heartbeat_has_a_peak_and_says_of_what(beat, tmp_path):
  record = beat.record()
  assert record['peak_of'] == 'process' and record['peak_bytes'] > 2**20
  other = heartbeat.Heartbeat(tmp_path, 9, read_peak=lambda: (7, 'device'))
  found = other.record()
  assert (found['peak_bytes'], found['peak_of']) == (7, 'device')


def test_a_process_that_is_there_runs_whatever_the_clock_says(beat):
  assert change(beat) == 'running'
  for jump in (-1e7, 1e7):
    assert change(beat, written=time.time() + jump) == 'running'


def test_a_process_that_is_gone_has_crashed(beat):
  assert change(beat, started='1') == 'crashed (its process is gone)'


def test_of_another_machine_only_the_last_sign_is_known(beat):
  other = dict(boot='another', started='1')
  assert change(beat, **other) == 'running'
  ahead = change(beat, **other, written=time.time() + 3600)
  assert ahead == 'running'
  silent = change(beat, **other, written=time.time() - 7500)
  assert silent == 'stalled (by the clock for 2 h 5 min)'


def test_of_another_container_the_common_clock_is_known(beat):
  other = dict(space='another', started='1', written=0)
  assert change(beat, **other) == 'running'
  clock = time.monotonic() - 600
  assert change(beat, **other, clock=clock) == 'stalled (no sign for 10 min)'


def test_standing_still_is_a_stall_unless_steps_are_slow(beat):
  stall = change(beat, idle=300, steps_per_second=2)
  assert stall == 'stalled (at the same place for 5 min)'
  assert change(beat, idle=300, steps_per_second=0.01) == 'running'
  starting = change(beat, idle=300, phase='starting')
  assert starting == 'starting'


def test_a_copy_is_no_run(beat, tmp_path):
  copy = shutil.copytree(tmp_path, tmp_path / 'copy')
  record = json.loads(beat.path.read_text(encoding='utf-8'))
  assert status.find_state(copy, record) == 'a copy, made when it was running'


@pytest.mark.parametrize(
  ('error', 'said'),
  [
    (None, 'finished'),
    (KeyboardInterrupt('SIGTERM'), 'stopped (SIGTERM)'),
    (OSError('no space\nleft'), 'crashed (no space)'),
    (KeyboardInterrupt(), 'stopped (KeyboardInterrupt)'),
  ],
)
def test_the_end_says_why(tmp_path, error, said):
  try:
    with heartbeat.Heartbeat(tmp_path, 9) as beat:
      assert change(beat) == 'starting'
      if error:
        raise error
  except BaseException as found:
    assert found is error
  assert change(beat) == said


def test_every_process_has_its_line_and_those_of_old_are_forgotten(tmp_path):
  for process in (0, 1, 2):
    heartbeat.Heartbeat(tmp_path, 100, process, 3).write()
  with heartbeat.Heartbeat(tmp_path, 100, 0, 2):
    pass
  head, first, second, *rest = status.make_report(tmp_path)
  assert head.split()[:2] == ['process', 'state']
  assert first.startswith('0 (') and second.startswith('1 (')
  assert first.index('finished') == second.index('starting')
  assert rest == ['newest checkpoint: none', 'last evaluation: none']


def test_a_run_without_a_sign_still_has_its_numbers(tmp_path, capsys):
  records = [
    {'step': 20, 'val/top1_1view': 0.25},
    {'step': 40, 'val/top1': 0.5},
    {'step': 41, 'loss': 1.0},
  ]
  lines = [*map(json.dumps, records), '{"step": 42']
  (tmp_path / 'metrics.jsonl').write_text('\n'.join(lines), encoding='utf-8')
  for step in (20, 40):
    for item in checkpoint_files.ITEMS:
      (tmp_path / 'checkpoints' / str(step) / item).mkdir(parents=True)
  shutil.rmtree(tmp_path / 'checkpoints' / '40' / 'params')
  with pytest.raises(SystemExit) as end:
    cli.main(['status', '--workdir', str(tmp_path)])
  assert end.value.code == 0
  assert capsys.readouterr().out.splitlines() == [
    'no process has left a sign',
    'newest checkpoint: step 20; a checkpoint is broken (of step 40: params is '
    'missing); falling back to step 20',
    'last evaluation: top-1 50.00% at step 40 (all views)',
  ]


@pytest.mark.parametrize('text', ['', '{"proc'])
def test_a_sign_that_cannot_be_read_is_a_line(tmp_path, text):
  for process in (0, 1, 10):
    heartbeat.Heartbeat(tmp_path, 9, process, 11).write()
  heartbeat.heartbeat_path(tmp_path, 1).write_text(text, encoding='utf-8')
  _, first, second, last, *_ = status.make_report(tmp_path)
  assert first.startswith('0 (') and last.startswith('10 (')
  assert second.split('  ')[0].strip() == '1'
  assert 'unknown (heartbeat-1.json cannot be read)' in second
  assert second.split().count('-') == len(status.COLUMNS) - 2


def test_no_array_is_read(tmp_path, monkeypatch):
  folder = tmp_path / 'checkpoints' / '20'
  for item in checkpoint_files.ITEMS:
    (folder / item).mkdir(parents=True)
    (folder / item / 'array').write_text('large', encoding='utf-8')
  checkpoint_files.seal(folder)
  monkeypatch.setattr(checkpoint_files, '_sha256', None)
  assert 'newest checkpoint: step 20' in status.make_report(tmp_path)
  (folder / 'params' / 'array').unlink()
  line = 'newest checkpoint: none complete: step 20: params/array is missing'
  assert status.make_report(tmp_path)[1] == line


def test_a_folder_without_a_run_is_refused(tmp_path):
  with pytest.raises(FileNotFoundError, match='holds no run'):
    status.make_report(tmp_path)


def test_the_variants_of_a_sweep_are_told_apart(tmp_path):
  for name in ('a', 'b'):
    (tmp_path / name).mkdir()
    heartbeat.Heartbeat(tmp_path / name, 9).write()
  lines = status.make_report(tmp_path)
  assert [x for x in lines if x.endswith(':')] == ['a:', 'b:']


def test_a_disk_that_refuses_costs_a_warning_and_no_more(
  beat, tmp_path, caplog
):
  shutil.rmtree(tmp_path)
  for _ in range(2):
    beat.write()
  (record,) = caplog.records
  assert 'no heartbeat' in record.message


@pytest.mark.parametrize(
  ('seconds', 'text'),
  [(0, '0 s'), (59.6, '1 min'), (3661, '1 h 1 min'), (90000, '1 d 1 h')],
)
def test_durations(seconds, text):
  assert status.format_duration(seconds) == text
