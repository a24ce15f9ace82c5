"""Sweeps over seeds: what is trained, and what a row says of them."""

import numpy as np
import pytest

from i2v_jax.training import loop
from i2v_jax.training.config_files import Variant
from i2v_jax.training.sweeps import seeds, sweep


def test_seeds_follow_that_of_the_config():
  found = seeds.expand_seeds(Variant('AIM', {'seed': 3, 'steps': 1}), 3)
  assert [v.name for v in found] == ['AIM', 'AIM, seed 4', 'AIM, seed 5']
  assert [v.config['seed'] for v in found] == [3, 4, 5]
  assert len({v.folder for v in found}) == 3


def row(name, top1=None, error=None):
  found = {'name': name, 'reported': 0.0, 'parameters': 9, 'error': error}
  return found | ({} if error else {'top1': top1})


def test_a_row_has_mean_and_deviation():
  rows = [row('a', 0.5), row('a, seed 1', 0.7), row('a, seed 2', 0.6)]
  found = seeds.gather_seeds(rows)
  assert found['top1'] == pytest.approx(0.6)
  assert found['top1_deviation'] == pytest.approx(0.1)
  assert found['seeds'] == rows and found['reported'] == 0.0
  assert sweep.format_score(found) == '60.0% ± 10.0'
  assert seeds.gather_seeds(rows[:1]) == rows[0]


def test_a_seed_that_fails_is_named():
  rows = [row('a', 0.5), row('a, seed 1', error='no memory')]
  found = seeds.gather_seeds(rows)
  assert found['error'] == 'a, seed 1: no memory' and 'top1' not in found
  assert sweep.format_score(found) == 'failed'


@pytest.fixture
def trained(monkeypatch):
  """Instead of training: seeds in order, and accuracies that tell them."""
  asked = []

  def remember(config, folder):
    asked.append(config['seed'])
    folder.mkdir(parents=True)
    return type('Result', (), {'accuracy': {'top1': config['seed'] / 10}})

  monkeypatch.setattr(loop, 'train_and_evaluate', remember)
  return asked


def test_a_sweep_trains_every_seed_once(
  smoke_config, tmp_path, trained, capsys
):
  from i2v_jax.training import experiment

  config = experiment.to_plain(smoke_config(arg='smoke'))
  for _ in range(2):
    (found,) = sweep.train_and_show([Variant('q', config)], tmp_path, 3)
  assert trained == [0, 1, 2]
  np.testing.assert_allclose(found['top1'], 0.1)
  assert '10.0% ± 10.0' in capsys.readouterr().out


def test_later_rows_are_checked_before_the_first_is_trained(
  smoke_config, tmp_path, trained
):
  from i2v_jax.training import experiment

  good = experiment.to_plain(smoke_config())
  wrong = good | {'trainable': ['heads']}
  rows = sweep.train_and_show(
    [Variant('a', good), Variant('b', wrong)], tmp_path
  )
  assert [bool(row['error']) for row in rows] == [False, True]
  gone = good | {'weights': str(tmp_path / 'gone.safetensors')}
  trained.clear()
  with pytest.raises(FileNotFoundError, match=r'gone\.safetensors'):
    sweep.train_and_show([Variant('c', good), Variant('d', gone)], tmp_path)
  assert not trained
