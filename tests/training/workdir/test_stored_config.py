"""The config of a run, as a program without JAX reads it."""

import json
import shutil

import pytest

from i2v_jax.training.workdir import checkpoint, stored_config


@pytest.fixture
def workdir(smoke_run, tmp_path):
  return shutil.copytree(smoke_run, tmp_path / 'run')


def test_it_is_that_of_the_newest_start(workdir):
  found = stored_config.read_config(workdir)
  assert found['steps'] == 3 and found['data']['format'] == 'digits'
  path = workdir / 'config.json'
  path.write_text(json.dumps(found | {'steps': 5}), encoding='utf-8')
  assert stored_config.read_config(workdir)['steps'] == 5


@pytest.mark.parametrize('text', [None, '', '{"steps', '[]'])
def test_without_that_file_it_is_that_of_the_checkpoint(workdir, text):
  path = workdir / 'config.json'
  path.unlink()
  if text is not None:
    path.write_text(text, encoding='utf-8')
  with checkpoint.Checkpoints(workdir) as checkpoints:
    wanted = checkpoints.metadata(3)['config']
  assert stored_config.read_config(workdir) == wanted
  shutil.rmtree(workdir / 'checkpoints')
  assert stored_config.read_config(workdir) is None


def test_a_folder_without_a_run_has_none(tmp_path):
  assert stored_config.read_config(tmp_path) is None
  assert stored_config.read_config(tmp_path / 'absent') is None
