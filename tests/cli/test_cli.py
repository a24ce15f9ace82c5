"""Commands of `i2v` that only pass on what was typed."""

import json
import runpy
import shutil
import sys

import pytest

import i2v_jax
from i2v_jax import cli


def test_train_is_the_main_program_with_the_same_flags(monkeypatch):
  asked = []
  monkeypatch.setattr(
    runpy, 'run_module', lambda *args, **kwargs: asked.append((args, kwargs))
  )
  monkeypatch.setattr(sys, 'argv', ['i2v'])
  cli.main(['train', '--config', 'q.py', '--workdir=runs/q', '--extend'])
  assert sys.argv[1:] == ['--config', 'q.py', '--workdir=runs/q', '--extend']
  ((name,), options) = asked[0]
  assert name == 'i2v_jax.main' and options['run_name'] == '__main__'


def test_the_version_is_said(capsys):
  with pytest.raises(SystemExit, match='0'):
    cli.main(['--version'])
  assert capsys.readouterr().out == f'i2v_jax {i2v_jax.__version__}\n'


@pytest.fixture
def folder(digits, tmp_path):
  """Two clips, one of them in a folder, and a file that is not a video."""
  clips = sorted(digits.glob('val/*/*.mp4'))[:2]
  (tmp_path / 'clips' / 'b').mkdir(parents=True)
  shutil.copy(clips[0], tmp_path / 'clips' / 'b' / 'one.mp4')
  shutil.copy(clips[1], tmp_path / 'clips' / 'a.mp4')
  (tmp_path / 'clips' / 'notes.txt').write_text('mine', encoding='utf-8')
  return tmp_path / 'clips'


def test_predict_takes_a_folder(smoke_run, folder, capsys):
  command = ['predict', '--workdir', str(smoke_run), '--json', str(folder)]
  with pytest.raises(SystemExit, match='0'):
    cli.main(command)
  done = capsys.readouterr()
  assert 'left out, not videos: 1 file' in done.err and 'notes.txt' in done.err
  lines = done.out.splitlines()
  files = [json.loads(line)['file'] for line in lines]
  assert files == [f'{folder}/a.mp4', f'{folder}/b/one.mp4']


def test_what_is_set_is_no_argument_of_the_command(capsys):
  with pytest.raises(SystemExit) as end:
    cli.main(['weights', 'inspect', 'a.npz', '--set=source=3'])
  assert end.value.code == 1
  assert 'error: --set source is an argument of' in capsys.readouterr().err
