"""Trained models on disk: what a checkpoint holds that no weights give."""

import json
import shutil

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from i2v_jax.deploy import trained
from i2v_jax.params import matches
from i2v_jax.training import fresh_params, loop
from i2v_jax.training.workdir import checkpoint, checkpoint_files


@pytest.fixture(scope='module')
def released(smoke_runs):
  """A run whose relative times stay as they were drawn."""
  return smoke_runs('aim_k400', 'variant=Swin-B,preset=release,smoke')[0]


def load(workdir):
  return flatten_dict(jax.device_get(trained.load(workdir).params), sep='/')


def test_frozen_parameters_that_were_drawn_are_in_the_checkpoint(
  released, monkeypatch
):
  wanted = load(released)
  tables = {path for path in wanted if path.endswith('times/table')}
  assert len(tables) == 2 and all(wanted[path].std() > 0.01 for path in tables)
  with checkpoint.Checkpoints(released) as checkpoints:
    metadata = checkpoints.metadata(checkpoints.newest())
  prefixes = metadata['config']['trainable']
  assert not any(matches(path, p) for path in tables for p in prefixes)
  draw = fresh_params._draw  # which another version of JAX may do differently

  def draw_others(model, paths, key):
    assert not tables & {*paths}
    return draw(model, paths, key)

  monkeypatch.setattr(fresh_params, '_draw', draw_others)
  found = load(released)
  assert found.keys() == wanted.keys()
  for path in tables:
    np.testing.assert_array_equal(found[path], wanted[path])


def test_a_resumed_run_takes_them_from_there(
  released, smoke_config, monkeypatch, tmp_path
):
  workdir, draw = tmp_path / 'run', fresh_params._draw
  shutil.copytree(released, workdir)
  others = lambda *args: jax.tree.map(lambda x: x + 1, draw(*args))
  monkeypatch.setattr(fresh_params, '_draw', others)
  arg = 'variant=Swin-B,preset=release,smoke'
  config = smoke_config('aim_k400', arg, steps=4)
  loop.train_and_evaluate(config, workdir, extend=True)
  monkeypatch.undo()
  found, wanted = load(workdir), load(released)
  for path in wanted:
    if path.endswith('times/table'):
      np.testing.assert_array_equal(found[path], wanted[path])


def test_an_older_checkpoint_draws_them_again(released, tmp_path):
  older = tmp_path / 'run'
  shutil.copytree(released, older)
  for step in checkpoint_files.find_steps(older):
    folder = checkpoint_files.checkpoints_folder(older) / str(step)
    shutil.rmtree(folder / checkpoint_files.DRAWN)
    digest = folder / checkpoint_files.DIGEST
    files = json.loads(digest.read_text(encoding='utf-8'))
    kept = {k: v for k, v in files.items() if not k.startswith('drawn/')}
    assert len(kept) < len(files)
    digest.write_text(json.dumps(kept), encoding='utf-8')
  found, wanted = load(older), load(released)
  for path, value in wanted.items():
    np.testing.assert_array_equal(found[path], value)


def test_a_run_without_such_parameters_has_no_such_item(smoke_run):
  (step,) = checkpoint_files.find_steps(smoke_run)[-1:]
  assert not checkpoint_files.has_drawn(smoke_run, step)
