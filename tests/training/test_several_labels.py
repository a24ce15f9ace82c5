"""A run whose clips have any number of labels, from training to an export."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from i2v_jax import cli
from i2v_jax.deploy import evaluation, export, model_card, trained
from i2v_jax.params import sha256
from i2v_jax.training import experiment, loop
from i2v_jax.training.evaluation import evaluate
from i2v_jax.training.evaluation.calibration import UNFITTED
from i2v_jax.training.facts import collect_facts
from i2v_jax.training.run import load_splits
from i2v_jax.training.workdir import checkpoint_files, status

OPTIONS = {
  'task': 'multi',
  'class_weights': 'inverse',
  'logit_adjustment': 0.5,
  'label_smoothing': 0.1,
  'mixup': 0.4,
  'accumulate': 2,
  'drop_patches': 0.25,
}


def label(split):
  """Clips keep their class, every second gets class 0 too, and two nothing."""
  targets = np.eye(len(split.class_names), dtype=bool)[split.labels]
  targets[::2, 0] = True
  targets[:2] = False
  none = np.full(len(split), -1)
  return dataclasses.replace(split, labels=none, targets=targets)


@pytest.fixture(scope='module', autouse=True)
def labelled():
  """Splits of this module have any number of labels."""
  plain = experiment.load_split
  with pytest.MonkeyPatch.context() as patch:
    single = lambda config: dict(config) | {'task': 'single'}
    load = lambda config, name: label(plain(single(config), name))
    patch.setattr(experiment, 'load_split', load)
    yield


@pytest.fixture(scope='module')
def run(smoke_config, tmp_path_factory):
  """Workdir, config and result."""
  workdir = tmp_path_factory.mktemp('labels') / 'run'
  config = smoke_config(**OPTIONS)
  return workdir, config, loop.train_and_evaluate(config, workdir)


@pytest.fixture(scope='module')
def model(run):
  return trained.load(run[0])


def read(path):
  return json.loads(path.read_text(encoding='utf-8'))


def test_what_cannot_be_trained_is_said_at_once(smoke_config, monkeypatch):
  weights = {'nowhere': 2.0}
  config = experiment.to_plain(smoke_config(task='multi'))
  with pytest.raises(ValueError, match="class_weights names 'nowhere'"):
    load_splits(config | {'class_weights': weights})
  load = experiment.load_split
  empty = lambda split: dataclasses.replace(
    split, targets=split.targets & False
  )
  monkeypatch.setattr(
    experiment, 'load_split', lambda *args: empty(load(*args))
  )
  with pytest.raises(ValueError, match='No example of 12 to be tested has a'):
    load_splits(config)


def test_its_report_has_map_and_classes(run):
  workdir, _, result = run
  report = read(workdir / 'eval' / 'report.json')
  assert report['accuracy'] == result.accuracy
  assert {*result.accuracy} == {'mAP', 'f1_micro', 'f1_macro', 'best_class'}
  assert report['fitted_here'] and report['task'] == 'multi'
  scores = np.load(workdir / 'eval' / 'scores.npz')
  assert scores['targets'].shape == scores['scores'].shape == (12, 4)
  with (workdir / 'eval' / 'classes.csv').open(encoding='utf-8') as file:
    rows = [*csv.DictReader(file)]
  assert [int(row['examples']) for row in rows] == [
    *scores['targets'].sum(axis=0)
  ]
  assert not (workdir / 'eval' / 'confusion.csv').exists()
  assert f'mAP {result.accuracy["mAP"]:.2%}' in status.make_report(workdir)[-1]


def test_probabilities_are_sigmoids_and_calibrated_on_demand(run, model):
  split = experiment.load_split(model.config, 'val')
  found = model.probabilities(split.paths[3])
  wanted = run[2].scores[3]
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
  assert abs(found.sum() - 1) > 0.1
  fitted = model.calibration
  assert len(fitted.thresholds) == 4 and fitted.temperature != 1
  odds = lambda p: np.log(p / (1 - p))
  calibrated = odds(model.calibrate(found))
  wanted = odds(found) / fitted.temperature
  np.testing.assert_allclose(calibrated, wanted, rtol=0, atol=1e-6)


def test_evaluated_again_it_says_where_it_was_fitted(run, model, capsys):
  split, found = evaluation.evaluate_trained(model)
  assert found.accuracy == run[2].accuracy
  assert found.calibration == run[2].calibration
  evaluate.print_result(found)
  said = ' '.join(capsys.readouterr().out.split())
  assert f'fitted on {model.config["data"]["val"]}; this is that split' in said
  other = dataclasses.replace(model.calibration, split_sha256='another')
  elsewhere = evaluate.use_calibration(found, split, other)
  assert elsewhere.calibration['fitted_here'] is False


def test_rules_of_timelines_need_segments(run, capsys):
  with pytest.raises(SystemExit):
    cli.main(['eval', '--workdir', str(run[0]), '--min-length', '1'])
  assert '--min-length is of timelines, but' in capsys.readouterr().err


@pytest.mark.parametrize('kind', ['merged', 'adapter'])
def test_exports_keep_thresholds_and_temperature(model, kind, tmp_path):
  out = tmp_path / kind
  getattr(export, f'export_{kind}')(model, out)
  again = trained.load(out)
  assert again.calibration == model.calibration
  assert again.config['task'] == 'multi'
  known = collect_facts(again) | {'format': kind, 'evaluations': []}
  assert known['calibration'] == model.calibration.to_json()


def test_its_card_shows_map(model):
  known = collect_facts(model) | {'format': 'merged'}
  card = model_card.make_card('me/labels', known)
  assert '| mAP | micro F1 | macro F1 | videos |' in card


def test_what_was_not_stored_is_fitted_again(run, model, caplog):
  """As after a kill between evaluation and storing."""
  workdir, config, _ = run
  step = checkpoint_files.find_newest(workdir)[0]
  folder = checkpoint_files.checkpoints_folder(workdir) / str(step)
  file = folder / checkpoint_files.CALIBRATION
  before = file.read_bytes()
  file.write_text('{', encoding='utf-8')
  assert not checkpoint_files.find_damage(folder)
  with pytest.raises(ValueError, match='only repeats the fit'):
    trained.load(workdir)
  file.unlink()
  with caplog.at_level('WARNING'):
    older = trained.load(workdir)
  unfitted = dataclasses.replace(UNFITTED, training_fps=model.training_fps)
  assert older.calibration == unfitted
  assert 'nothing is fitted at step' in caplog.text
  assert sha256(older.params) == sha256(model.params)
  loop.train_and_evaluate(config, workdir)
  assert file.read_bytes() == before


def test_features_of_a_frozen_model_keep_the_labels(smoke_config, tmp_path):
  changes = {'cache_gb': 1.0, 'clips_per_video': 1, 'trainable': ('head',)}
  config = smoke_config(task='multi', label_smoothing=0.0, **changes)
  with config.unlocked():
    config.model.adapter = None
    config.model.temporal_embedding = False
  loop.train_and_evaluate(config, tmp_path / 'run')
  (record, *_) = loop.log.read_records(tmp_path / 'run' / 'metrics.jsonl')
  assert 0 < record['loss'] < 2
