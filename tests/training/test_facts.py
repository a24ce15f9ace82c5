"""Facts of a model are those that were measured on it."""

import json
import shutil

import pytest

from i2v_jax.deploy import evaluation, trained
from i2v_jax.deploy.export import export_merged
from i2v_jax.deploy.predict import set_views
from i2v_jax.training import experiment, facts
from i2v_jax.training.evaluation import evaluate


@pytest.fixture
def run(smoke_run, tmp_path):
  shutil.copytree(smoke_run, tmp_path / 'run')
  return tmp_path / 'run'


def test_facts_of_a_run(run):
  model = trained.load(run)
  found = facts.collect_facts(model)
  assert found['adapter']['name'] == 'zeroi2v' and found['classes'] == 4
  assert found['trained_parameters'] == experiment.count_trained(
    model.config, model.params
  )
  assert found['step'] == 3
  (report,) = found['evaluations']
  assert report == json.loads(
    (run / 'eval' / 'report.json').read_text(encoding='utf-8')
  )
  assert json.loads(json.dumps(found))['base'] == found['base']


def test_an_evaluation_of_other_weights_is_no_fact(run):
  path = run / 'eval' / 'report.json'
  report = json.loads(path.read_text(encoding='utf-8'))
  path.write_text(json.dumps(report | {'step': 2}), encoding='utf-8')
  assert facts.collect_facts(trained.load(run))['evaluations'] == []


def test_facts_go_with_the_export(run, tmp_path):
  first = facts.collect_facts(trained.load(run))
  export_merged(trained.load(run), tmp_path / 'merged')
  merged = trained.load(tmp_path / 'merged')
  found = facts.collect_facts(merged)
  for key in ('adapter', 'base', 'trained_parameters', 'evaluations', 'step'):
    assert found[key] == first[key]
  assert 0 < found['merge_max_diff'] < 1e-5

  (tmp_path / 'merged' / 'facts.json').unlink()
  found = facts.collect_facts(merged)
  assert not {'base', 'trained_parameters', 'merge_max_diff'} & found.keys()
  assert found['evaluations'] == [] and found['classes'] == 4


def test_a_newer_evaluation_with_the_same_views_replaces_the_older(
  run, digits, tmp_path
):
  export_merged(trained.load(run), tmp_path / 'merged')
  merged = trained.load(tmp_path / 'merged', root=str(digits))
  for views in ('1x1', '2x1'):
    spec = set_views(merged.spec, views)
    split, result = evaluation.evaluate_trained(merged, spec)
    evaluate.write_evaluation(result, split, merged.folder / f'eval-{views}')
  one, two = facts.collect_facts(merged)['evaluations']
  assert (one['views'], two['views']) == (
    '1 clips x 1 crops',
    '2 clips x 1 crops',
  )
  assert 'step' not in one and one['weights_sha256']


@pytest.mark.parametrize(
  ('weights', 'local'),
  [
    ('hf:openai/clip-vit-base-patch16', False),
    ('builtin:digits', False),
    ('random', False),
    ('/data/clip', True),
    ('random/model.safetensors', True),
  ],
)
def test_paths_are_told_from_names(weights, local):
  assert facts.is_local(weights) == local
