"""A grid of a probe: each cell is its own run, whatever the others do."""

import functools
import json
import operator

import jax
import numpy as np
import pytest

from i2v_jax import cli
from i2v_jax.cli.probe import numbers, positive
from i2v_jax.training import features, loop, probe_grid
from i2v_jax.training import run as run_lib
from i2v_jax.training.run import prepare_run
from i2v_jax.training.train_step import jit_step

STEP = {
  'model.adapter': dict(name='step_probe'),
  'model.temporal_embedding': False,
  'model.dropout': 0.3,
  'trainable': ('adapters', 'head'),
  'cache_gb': 0.1,
  'clips_per_video': 1,
  'steps': 3,
  'optimizer.eps': 1e-5,  # or Adam makes much of how small gradients round
}
# Another program may round elsewhere, and Adam divides small numbers.
close = functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=1e-6)
RATES, DECAYS = (1e-3, 1e-2), (0.0, 0.5)


@pytest.fixture
def config(smoke_config):
  return changed(smoke_config(), STEP)


def changed(config, changes):
  with config.unlocked(), config.ignore_type():
    config.update_from_flattened_dict(changes)
  return config


def train_alone(config, folder, lr, decay):
  """A run with the step of the loop, without its checkpoints."""
  rates = {'optimizer.lr': lr, 'optimizer.weight_decay': decay}
  run = prepare_run(changed(config, rates), folder)
  step = jit_step(run_lib.make_run_step(run), run.state, run.mesh)
  for batch in features.read_batches(run, 0):
    run.state, metrics = step(run.state, run.frozen, batch)
  return run, metrics


def test_each_cell_is_its_own_run(config, tmp_path):
  run = prepare_run(config, tmp_path)
  cells = probe_grid.make_cells(RATES, DECAYS)
  states, losses = probe_grid.train_cells(run, cells)
  found = probe_grid.evaluate_cells(run, states.params, 4)
  assert len(found) == len(losses) == 4
  for cell in (1, 2):
    lr, decay = float(cells.lr[cell]), float(cells.decay[cell])
    alone, metrics = train_alone(config, tmp_path, lr, decay)
    mine = jax.tree.map(operator.itemgetter(cell), states)
    jax.tree.map(close, mine.params, alone.state.params)
    jax.tree.map(close, mine.opt_state, alone.state.opt_state)
    np.testing.assert_allclose(losses[cell], metrics['loss'], rtol=1e-5)
    wanted = loop.evaluate_run(alone, alone.val.spec).accuracy
    assert found[cell] == pytest.approx(wanted)
  start = run.state.params['head']['kernel']
  ends = np.asarray(states.params['head']['kernel'])
  moved = np.abs(ends - start[None]).max(axis=(1, 2))
  assert moved.min() > 1e-4 and moved[2] > 3 * moved[0]
  assert np.abs(ends[2] - ends[3]).max() > 1e-6  # which decay alone made


def test_a_cell_that_diverges_leaves_the_others(config, tmp_path, capsys):
  rows = probe_grid.train_grid(config, [1e-2, 1e30], [0.5], tmp_path)
  assert rows[0]['error'] is None and 0 < rows[0]['top1'] < 1
  assert rows[1]['error'] == 'loss or scores are not finite'
  assert 'top1' not in rows[1] and rows[1]['loss'] is None
  assert json.loads((tmp_path / 'results.json').read_text('utf-8')) == rows
  assert probe_grid.find_best(rows) is rows[0]
  lines = capsys.readouterr().out.splitlines()
  (low,), (high,) = (
    [line for line in lines if line.strip().startswith(word)]
    for word in ('0.01', '1e+30')
  )
  assert low.split()[1].endswith('%') and high.split()[1] == 'diverged'
  assert low.rstrip().endswith('%') and len(low) == len(high)


def test_a_run_in_its_workdir_trains_on_its_features(
  config, tmp_path, monkeypatch
):
  probe_grid.train_grid(config, [1e-3], [0.0], tmp_path)
  computed = []
  monkeypatch.setattr(
    features, '_compute_rows', lambda *args: computed.append(args)
  )
  run, _ = train_alone(config, tmp_path, 1e-3, 0.0)
  assert int(run.state.step) == run.steps and not computed


@pytest.mark.parametrize(
  ('changes', 'error'),
  [
    ({'cache_gb': 0.0}, 'A grid trains on kept features; set cache_gb'),
    (
      {'model.adapter': dict(name='zeroi2v')},
      'zeroi2v changes the features at every step',
    ),
  ],
)
def test_without_kept_features_there_is_no_grid(
  config, tmp_path, changes, error
):
  with pytest.raises(ValueError, match=error):
    probe_grid.train_grid(changed(config, changes), [1.0], [0.0], tmp_path)


def test_the_command_takes_lists_and_ends_with_the_best_cell(
  tmp_path, monkeypatch, capsys
):
  asked = []

  def train_grid(config, rates, decays, workdir):
    asked.append((config['cache_gb'], config['clips_per_video'], decays))
    rows = [dict(lr=lr, weight_decay=decays[0]) for lr in rates]
    return [row | dict(top1=row['lr'], error=None) for row in rows]

  monkeypatch.setattr(probe_grid, 'train_grid', train_grid)
  command = ['probe', '--config', 'configs/quickstart.py:smoke']
  command += ['--lr', '1e-3,3e-3', '--workdir', str(tmp_path)]
  command += ['--set', 'batch_size=4']
  with pytest.raises(SystemExit, match='0'):
    cli.main(command)
  assert asked == [(20.0, 1, [0.05])]
  text = capsys.readouterr().out
  assert '--config.optimizer.lr=0.003' in text
  assert '--config.batch_size=4' in text and '--config.cache_gb=20.0' in text


@pytest.mark.parametrize(
  ('text', 'error'), [('1,1.0', 'twice'), ('1,', "'' is not"), ('-1', 'not')]
)
def test_numbers_that_are_none_are_refused(text, error):
  assert numbers(positive)('1e-3,0.5') == [0.001, 0.5]
  with pytest.raises(Exception, match=error):
    numbers(positive)(text)
