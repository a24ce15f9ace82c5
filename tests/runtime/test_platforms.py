"""Other systems: Windows lacks modules, consoles lack characters."""

import os
import subprocess
import sys
import types

import jax
import numpy as np
import pytest
import small

from i2v_jax import weights
from i2v_jax.bench import timing
from i2v_jax.runtime import devices, errors
from i2v_jax.runtime.console import accept_all_text, make_encodable
from i2v_jax.training import memory

# What Windows does not have, and then one command after another.
COMMANDS = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
  def find_spec(self, name, path=None, target=None):
    if name in ('fcntl', 'resource', 'pwd', 'grp', 'termios'):
      raise ModuleNotFoundError(f'No module named {name!r}', name=name)

sys.meta_path.insert(0, Blocked())
for name in ('fcntl', 'resource'):
  sys.modules.pop(name, None)

from i2v_jax import cli
from i2v_jax.training import config_files, loop

run, video, out = sys.argv[1:]
for command in (
  ['predict', '--workdir', run, video],
  ['export', '--workdir', run, '--out', f'{out}/export'],
  ['eval', '--workdir', run],
  ['status', '--workdir', run],
  ['data', 'show', video, '--out', f'{out}/sheet.png'],
):
  try:
    cli.main(command)
  except SystemExit as end:
    assert not end.code, command
changes = ['steps=1', 'trainable=("head",)', 'model.adapter=None']
changes += ['cache_gb=1', 'clips_per_video=1']
root = f'data.root={config_files.load_config(f"{out}/own.py")["data"]["root"]}'
changes.append(root)
config = config_files.load_config('configs/quickstart.py:smoke', changes)
loop.train_and_evaluate(config, f'{out}/trained')
"""


def test_one_process_runs_without_what_windows_lacks(
  smoke_run, digits, videos, tmp_path
):
  own = f'get_config = lambda arg: {{"data": {{"root": {str(digits)!r}}}}}'
  (tmp_path / 'own.py').write_text(own, encoding='utf-8')
  changed = {'PYTHONPATH': ':'.join(sys.path), 'PYTHONIOENCODING': 'cp1252'}
  arguments = [smoke_run, videos / 'h265.mp4', tmp_path]
  done = subprocess.run(
    [sys.executable, '-c', COMMANDS, *map(str, arguments)],
    env=os.environ | changed,
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert '%' in done.stdout and '####' in done.stdout  # bars of ASCII
  assert 'train.lock is not locked' in done.stderr
  assert (tmp_path / 'export' / 'config.json').is_file()


@pytest.mark.parametrize(
  ('encoding', 'shown'),
  [
    ('utf-8', '█ é 中'),
    ('cp1252', '# é \\u4e2d'),
    ('ascii', '# \\xe9 \\u4e2d'),
  ],
)
def test_text_that_an_encoding_lacks(tmp_path, monkeypatch, encoding, shown):
  path = tmp_path / 'out'
  with path.open('w', encoding=encoding) as file:
    monkeypatch.setattr(sys, 'stdout', file)
    accept_all_text()
    print(make_encodable('█', instead='#'), 'é', '中', end='')
  assert path.read_text(encoding=encoding) == shown


class Jax(types.SimpleNamespace):
  """JAX, on a machine that has none of the devices it was asked for."""

  error = AssertionError

  def devices(self):
    raise self.error


@pytest.mark.parametrize('error', [AssertionError, RuntimeError('no backend')])
def test_a_missing_device_is_one_sentence(monkeypatch, capsys, error):
  monkeypatch.setenv('JAX_PLATFORMS', 'cuda')
  monkeypatch.setitem(sys.modules, 'jax', Jax(error=error))
  assert errors.run_guarded(sys.modules['jax'].devices) == 1
  said = capsys.readouterr().err.splitlines()
  assert said[0].startswith('error: JAX finds no device for JAX_PLATFORMS=cuda')
  assert len(said) == 2


def test_no_device_is_missing_where_none_was_asked_for(monkeypatch, capsys):
  monkeypatch.delenv('JAX_PLATFORMS', raising=False)
  monkeypatch.setitem(sys.modules, 'jax', Jax())
  assert devices.find_missing() == ''
  assert errors.run_guarded(sys.modules['jax'].devices) == 1
  assert errors.BUG in capsys.readouterr().err


def test_without_jit_a_model_and_a_step_run(monkeypatch):
  model = small.build(None, frames=1, depth=1)
  params = small.random(model)
  with jax.disable_jit():
    call, _ = timing.compile_forward(model, params)
    assert call().shape == (1, 3)
    monkeypatch.setattr(memory, 'make_run_step', lambda run: 'step')
    monkeypatch.setattr(memory, 'jit_step', lambda step, *_: f'jitted {step}')
    run = types.SimpleNamespace(state=None, mesh=None)
    assert memory.compile_step(run) == 'jitted step'


def test_random_weights_are_those_of_a_compiled_program():
  cfg = small.build(None, frames=1, depth=1).image_model
  expected = weights.load_backbone('random', cfg, 3)
  with jax.disable_jit():
    found = weights.load_backbone('random', cfg, 3)
  jax.tree.map(np.testing.assert_array_equal, expected, found)
