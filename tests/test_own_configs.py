"""The commands of docs/own_configs.md, from a folder elsewhere."""

import json
import os
import re
import shlex
import subprocess
import sys

import documented
import pytest
from paths import ROOT

from i2v_jax import cli
from i2v_jax.training import config_files


@pytest.fixture
def elsewhere(tmp_path, digits):
  """A folder with `mine.py`, and the digits where that looks for them."""
  text = documented.code('own_configs.md', 'A config')
  (tmp_path / 'mine.py').write_text(text, encoding='utf-8')
  (tmp_path / 'runs').mkdir()
  (tmp_path / 'runs' / 'smoke-digits').symlink_to(digits)
  return tmp_path


def commands():
  text = (documented.DOCS / 'own_configs.md').read_text(encoding='utf-8')
  return re.findall(r'```\n(i2v .*)\n```', text)


def run(command, folder):
  _, *args = shlex.split(command)
  path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
  return subprocess.run(
    [sys.executable, '-m', 'i2v_jax.cli', *args],
    cwd=folder,
    env=os.environ | {'PYTHONPATH': path},
    capture_output=True,
    text=True,
    check=True,
  ).stdout


def test_its_config_and_sweep_are_read(elsewhere):
  mine = str(elsewhere / 'mine.py')
  found = config_files.load_variants(mine)
  assert [variant.name for variant in found] == ['rank 8', 'rank 16']
  ranks = [v.config['model']['adapter']['rank'] for v in found]
  assert ranks == [8, 16]
  config = config_files.load_config(f'{mine}:rank=4')
  assert config['model']['adapter']['rank'] == 4 and not config['compare']


@pytest.mark.slow
def test_its_commands_do_what_it_says(elsewhere, monkeypatch, capsys):
  train, extend, sweep = commands()
  assert 'step       2' in run(train, elsewhere)
  assert 'extended at step 2 (steps 2 -> 3)' in run(extend, elsewhere)
  monkeypatch.chdir(elsewhere)
  with pytest.raises(SystemExit, match='0'):
    cli.main(shlex.split(sweep)[1:])
  table = capsys.readouterr().out
  assert 'GFLOP/view' in table and '±' in table
  rows = json.loads(
    (elsewhere / 'runs/sweep/results.json').read_text(encoding='utf-8')
  )
  assert [row['name'] for row in rows] == ['rank 8', 'rank 16']
  assert [len(row['seeds']) for row in rows] == [2, 2]
  assert rows[0]['tunable_params'] < rows[1]['tunable_params']
