"""What a run writes down, and what it leaves alone."""

import json
import struct
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from i2v_jax.runtime import console
from i2v_jax.training.workdir import log


def records(workdir):
  lines = (workdir / 'metrics.jsonl').read_text(encoding='utf-8').splitlines()
  return [json.loads(line) for line in lines]


def test_every_call_is_one_line_of_json(tmp_path):
  with log.Writer(tmp_path) as writer:
    writer.scalars(1, {'loss': jnp.float32(0.5), 'lr': np.float64(3e-4)})
    writer.scalars(20, {'val/top1': 1})
    found = records(tmp_path)  # without waiting for the end
  assert [{**r, 'time': 0} for r in found] == [
    {'step': 1, 'time': 0, 'loss': 0.5, 'lr': 3e-4},
    {'step': 20, 'time': 0, 'val/top1': 1.0},
  ]
  assert isinstance(found[1]['val/top1'], float)
  assert found[0]['time'] <= found[1]['time']


def test_opening_again_appends(tmp_path):
  for step in (1, 2):
    with log.Writer(tmp_path) as writer:
      writer.scalars(step, {'loss': 1.0})
  assert [record['step'] for record in records(tmp_path)] == [1, 2]


def test_tensorboard_finds_the_same_numbers(tmp_path):
  with log.Writer(tmp_path) as writer:
    writer.scalars(7, {'train/loss': 0.25})
  (events,) = tmp_path.glob('events.out.tfevents.*')
  content = events.read_bytes()
  assert b'train/loss' in content and struct.pack('<f', 0.25) in content


def test_a_process_that_is_not_the_first_writes_nothing(tmp_path, capsys):
  with log.Writer(tmp_path / 'absent', enabled=False) as writer:
    writer.scalars(1, {'loss': 1.0})
  assert not list(tmp_path.iterdir())
  assert capsys.readouterr().out == ''


@pytest.mark.parametrize('show', [True, False])
def test_the_console_shows_what_is_to_be_shown(tmp_path, capsys, show):
  with log.Writer(tmp_path) as writer:
    writer.scalars(12, {'loss': 1 / 3, 'lr': 3e-5, 'val/top1': 1.0}, show)
  lines = capsys.readouterr().out.splitlines()
  wanted = ['step', '12', 'loss', '0.3333', 'lr', '3e-05', 'val/top1', '1']
  assert [line.split() for line in lines] == [wanted] * show


def test_what_is_not_shown_is_in_the_record(tmp_path, capsys):
  with log.Writer(tmp_path) as writer:
    writer.scalars(1, {'loss': 1.0}, unseen={'data_seconds': 0.25})
  (record,) = records(tmp_path)
  assert list(record) == ['step', 'time', 'loss', 'data_seconds']
  assert capsys.readouterr().out.split() == ['step', '1', 'loss', '1']


def test_what_is_no_number_is_refused(tmp_path):
  with log.Writer(tmp_path) as writer:
    for value in ('high', np.ones(2)):
      with pytest.raises((TypeError, ValueError)):
        writer.scalars(1, {'loss': value})
  assert records(tmp_path) == []


def test_a_missing_workdir_is_not_hidden(tmp_path):
  with pytest.raises(FileNotFoundError, match='absent'):
    log.Writer(tmp_path / 'absent')


def test_a_full_disk_is_told_with_the_file(tmp_path, full_disk):
  (tmp_path / 'metrics.jsonl').write_text(' ' * 99, encoding='utf-8')
  text = r'metrics\.jsonl could not be written \(File .*\); mend the disk and'
  with pytest.raises(OSError, match=text), log.Writer(tmp_path) as writer:
    writer.scalars(1, {'loss': 1.0}, show=False)


def test_a_full_disk_is_told_with_the_file_of_tensorboard(tmp_path, full_disk):
  text = r'events could not be written .*; mend the disk and start'
  with pytest.raises(OSError, match=text):
    found = log.Events(tmp_path)
    for step in range(9):
      found.scalars(step, {'loss': 1.0})


def test_progress_is_silent_where_there_is_no_terminal(monkeypatch, capsys):
  no_terminal = console.Console(force_terminal=False)
  monkeypatch.setattr(console, 'console', no_terminal)
  bar, advance = console.make_progress(10, 'training', done=3)
  with bar:
    advance()
    advance(2)
  assert bar.tasks[0].completed == 6
  assert capsys.readouterr().out == ''


def test_tensorflow_is_not_needed():
  assert 'tensorboardX' in sys.modules
  assert 'tensorflow' not in sys.modules
