"""A finished run can be extended, by what may change and nothing else."""

import json
import shutil

import pytest

from i2v_jax.training import loop
from i2v_jax.training.workdir import checkpoint, stored_config
from i2v_jax.training.workdir import claim as workdir_lib


@pytest.fixture
def workdir(smoke_run, tmp_path):
  return shutil.copytree(smoke_run, tmp_path / 'run')


def test_without_extend_the_error_names_it(workdir, smoke_config):
  with pytest.raises(ValueError, match=r'steps = 3, now it is 4; .*--extend'):
    loop.train_and_evaluate(smoke_config(steps=4), workdir)


def test_a_finished_run_is_extended_and_then_resumed(
  workdir, smoke_config, capsys
):
  config = smoke_config(steps=4)
  with config.unlocked():
    config.optimizer.lr = 1e-4
  loop.train_and_evaluate(config, workdir, extend=True)
  told = capsys.readouterr().out
  assert 'extended at step 3 (optimizer.lr 0.003 -> 0.0001, steps 3 -> 4)' in (
    told
  )
  assert 'the optimiser state is kept' in told and '0 at step 4' in told
  with checkpoint.Checkpoints(workdir) as checkpoints:
    saved = checkpoints.metadata(4)
  (found,) = saved['extensions']
  assert found['changed']['steps'] == [3, 4] and found['step'] == 3
  assert saved['examples_seen'] == 32 and saved['config']['steps'] == 4
  assert (
    json.loads((workdir / 'config.json').read_text(encoding='utf-8'))['steps']
    == 4
  )
  loop.train_and_evaluate(config, workdir)
  assert 'resumed at step 4 of 4' in capsys.readouterr().out
  text = (workdir / 'starts.jsonl').read_text(encoding='utf-8')
  starts = [json.loads(line) for line in text.splitlines()]
  assert [s['step'] for s in starts] == [0, 3, 4]
  assert [s['steps'] for s in starts] == [3, 4, 4]
  assert stored_config.read_config(workdir)['steps'] == 4


def test_a_config_that_ends_earlier_does_not_extend(workdir, smoke_config):
  with pytest.raises(ValueError, match='is at step 3 and the config ends at'):
    loop.train_and_evaluate(smoke_config(steps=2), workdir, extend=True)


def test_there_must_be_a_run_to_extend(smoke_config, tmp_path):
  with pytest.raises(ValueError, match='no checkpoint to extend'):
    loop.train_and_evaluate(smoke_config(), tmp_path, extend=True)


def nested(key, value):
  for name in reversed(key.split('.')):
    value = {name: value}
  return workdir_lib.complete_config(value)


@pytest.mark.parametrize('key', workdir_lib.EXTENDABLE)
def test_what_may_change(key):
  old, new = nested(key, 1), nested(key, 2)
  changed = workdir_lib.check_same_config(old, new, 'run', True)
  assert changed[key] == [1, 2]
  with pytest.raises(ValueError, match='--extend'):
    workdir_lib.check_same_config(old, new, 'run')


@pytest.mark.parametrize(
  'key', ['seed', 'model.num_frames', 'trainable', 'optimizer.name', 'mixup']
)
def test_all_else_is_refused(key):
  with pytest.raises(ValueError, match=f'a run with {key}') as error:
    workdir_lib.check_same_config(nested(key, 1), nested(key, 2), 'run', True)
  assert '--extend' not in str(error.value)
