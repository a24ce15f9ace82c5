"""A sweep of two tiny runs: none twice, each resumed, refusals in the table."""

import json

import jax
import pytest

from i2v_jax import cli
from i2v_jax.runtime import errors, signals
from i2v_jax.training import loop
from i2v_jax.training.config_files import Variant
from i2v_jax.training.sweeps import preview, sweep


@pytest.fixture
def command(sweep_file, digits, tmp_path):
  """`command(text, *flags)` -> exit code of `i2v sweep` on the digits."""

  def run(*flags, arg='', text=None):
    argv = ['sweep', f'--config={sweep_file(text)}:{arg}']
    argv += [f'--workdir={tmp_path / "runs"}', f'--set=data.root={digits}']
    with pytest.raises(SystemExit) as end:
      cli.main([*argv, *flags])
    return end.value.code

  return run


def results(tmp_path):
  rows = json.loads(
    (tmp_path / 'runs' / 'results.json').read_text(encoding='utf-8')
  )
  return {row['name']: row for row in rows}


def forbidden(*args):
  raise AssertionError('Nothing is to be trained.')


def test_a_sweep_ends_with_its_table(command, tmp_path, capsys, monkeypatch):
  assert command() == 0
  rows = results(tmp_path)
  assert list(rows) == ['ZeroI2V 1/2', 'probe']
  assert rows['probe']['tunable_params'] == 32 * 4 + 4
  assert rows['ZeroI2V 1/2']['tunable_params'] > 1000
  assert all(0 <= row['top1'] <= 1 for row in rows.values())
  head, adapted, probe = table(capsys.readouterr().out)
  columns = ['name', 'parameters', 'tunable', 'GFLOP/view', 'top-1', 'paper']
  assert head == columns
  assert adapted[-1] == '12.5%' and probe[-1] == '-'
  assert probe[:3] == ['probe', '37,732', '132']
  macs = rows['probe']['view_macs']  # counted once, as in papers
  assert float(probe[3]) == pytest.approx(macs / 1e9, rel=1e-3)
  made = json.loads(
    (tmp_path / 'runs' / 'conditions.json').read_text(encoding='utf-8')
  )
  assert set(made) == {'caption', 'command', 'time'} and made['caption'] == ''
  assert made['command'] == signals.format_command()
  page = (tmp_path / 'runs' / 'report.html').read_text(encoding='utf-8')
  assert 'href="probe/report.html"' in page
  assert (tmp_path / 'runs' / 'probe' / 'report.html').is_file()

  monkeypatch.setattr(loop, 'train_and_evaluate', forbidden)
  before = rows
  assert command() == 0
  assert results(tmp_path) == before
  assert command('--set=reported=70') == 0  # beside ours, and no part of it
  assert {row['reported'] for row in results(tmp_path).values()} == {70.0}
  older = tmp_path / 'runs' / 'probe' / sweep.RECORD
  record = json.loads(older.read_text(encoding='utf-8'))
  del record['config']['clip']['age']  # a key that came after some records
  older.write_text(json.dumps(record), encoding='utf-8')
  assert command() == 0
  capsys.readouterr()
  assert command('--set=views.clips=2') == 1
  assert errors.BUG in capsys.readouterr().err
  failed = [row['error'] for row in results(tmp_path).values()]
  assert failed == ['AssertionError: Nothing is to be trained.'] * 2


def table(text):
  """The cells of the last table, as far apart as columns are."""
  text = text[text.rindex('Results') : text.rindex('report: ')]
  lines = [line for line in text.splitlines()[1:] if line.strip(' ─')]
  return [[x.strip() for x in line.split('  ') if x.strip()] for line in lines]


def test_an_interrupted_variant_goes_on_where_it_was(
  command, tmp_path, capsys, monkeypatch
):
  def die(*args):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(loop, 'evaluate_run', die)
    assert command() == 130
  capsys.readouterr()
  assert command() == 0
  text = capsys.readouterr().out
  assert text.count('resumed at step 3 of 3') == 1
  assert list(results(tmp_path)) == ['ZeroI2V 1/2', 'probe']


def test_a_stop_ends_the_whole_sweep(command, tmp_path, capsys, monkeypatch):
  asked = []

  def stopped(config, folder):
    asked.append(folder)
    raise signals.Stopped('stopped by SIGTERM; to resume: …')

  monkeypatch.setattr(loop, 'train_and_evaluate', stopped)
  assert command() == 0 and len(asked) == 1
  assert 'stopped by SIGTERM' in capsys.readouterr().out
  assert not (tmp_path / 'runs' / 'results.json').exists()


def test_a_refused_variant_is_in_the_table_and_stops_no_other(
  command, tmp_path, capsys
):
  assert command(arg='refused') == 1
  rows = results(tmp_path)
  assert list(rows) == ['ZeroI2V 1/2', 'refused', 'probe']
  assert "'heads'" in rows['refused']['error']
  assert rows['probe']['error'] is None and rows['probe']['top1'] >= 0
  text = capsys.readouterr().out
  assert ['refused', '-', '-', '-', 'failed', '12.5%'] in table(text)
  assert text.index('refused is refused') < text.index('Parameters')
  assert f'refused failed: {rows["refused"]["error"]}' in text


def test_another_config_in_the_same_folder_is_refused(command, tmp_path):
  only = '--only=probe'
  assert command(only) == 0
  assert command(only, '--set=optimizer.lr=1') == 1
  assert 'optimizer.lr' in results(tmp_path)['probe']['error']


def test_missing_data_stops_at_once(command, tmp_path, capsys):
  nowhere = '--set=data.format=folder', f'--set=data.root={tmp_path}/nowhere'
  assert command(*nowhere) == 1
  assert 'nowhere is not a folder' in capsys.readouterr().err
  assert not (tmp_path / 'runs' / 'probe').exists()


def test_what_is_partly_trained_counts_in_part(command, tmp_path, capsys):
  channels = "optimizer.first_channels={'head/kernel': (1, 1)}"
  assert command('--only=probe', f'--set={channels}') == 0
  assert results(tmp_path)['probe']['tunable_params'] == 32 * 1 + 4
  lines = capsys.readouterr().out.splitlines()
  (line,) = [x.split() for x in lines if x.strip().startswith('all ')]
  assert line[1] == '36'


def test_too_little_memory_is_a_row_too(command, tmp_path, monkeypatch):
  def too_large(config, workdir):
    raise jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: out of memory')

  monkeypatch.setattr(loop, 'train_and_evaluate', too_large)
  assert command() == 1
  found = {name: row['error'] for name, row in results(tmp_path).items()}
  assert found.keys() == {'ZeroI2V 1/2', 'probe'}
  assert all('out of memory' in error for error in found.values())


def test_a_bug_in_one_variant_stops_no_other(
  command, tmp_path, capsys, monkeypatch
):
  real = loop.train_and_evaluate

  def fail(config, workdir):
    if config['model']['adapter']:
      raise ValueError('not one of ours')
    return real(config, workdir)

  monkeypatch.setattr(loop, 'train_and_evaluate', fail)
  assert command() == 1
  found = {name: row['error'] for name, row in results(tmp_path).items()}
  assert found == {'ZeroI2V 1/2': 'ValueError: not one of ours', 'probe': None}
  text = capsys.readouterr().err
  assert 'Traceback' in text and errors.BUG in text


def test_a_bug_before_training_stops_no_other(capsys, monkeypatch):
  def fail(config, splits):
    raise TypeError('not one of ours')

  monkeypatch.setattr(preview, '_count_costs', fail)
  variants = [Variant(name, {'reported': None}) for name in 'ab']
  rows = preview.preview_rows(variants)
  assert [row['error'] for row in rows] == ['TypeError: not one of ours'] * 2
  assert capsys.readouterr().err.count(errors.BUG) == 2


def test_the_folder_is_named_after_the_file_if_none_is_given(
  sweep_file, monkeypatch
):
  asked = []

  def remember(variants, workdir, seeds, baseline):
    asked.append((len(variants), workdir))
    return []

  monkeypatch.setattr(sweep, 'train_and_show', remember)
  with pytest.raises(SystemExit) as end:
    cli.main(['sweep', f'--config={sweep_file()}:smoke'])
  assert end.value.code == 0 and asked == [(2, 'runs/sweep-of_a_test')]
