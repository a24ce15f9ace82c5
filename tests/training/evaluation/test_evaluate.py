"""Every video counts once, and views are averaged as published."""

import csv
import dataclasses
import json

import jax
import numpy as np
import pytest

import i2v_jax
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos.decode import DecodeError
from i2v_jax.deploy import evaluation, trained
from i2v_jax.models.probabilities import compute_probabilities
from i2v_jax.runtime import sharding
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import evaluate


@pytest.fixture(scope='module')
def model(smoke_run):
  return trained.load(smoke_run)


def run(model, split, spec=None, batch_size=8, on_bad_video='error', cap=0.0):
  config = dict(model.config) | {'batch_size': batch_size}
  config['data'] = config['data'] | {'max_bad_share': cap}
  loader = Loader(split, spec or model.spec, on_bad_video)
  return evaluate.evaluate(
    model.model, model.params, loader, config, sharding.make_mesh()
  )


@pytest.mark.parametrize('batch_size', [5, 8, 12, 100])
def test_a_partial_last_batch_counts_every_video_once(model, batch_size):
  split = experiment.load_split(model.config, 'val')
  found = run(model, split, batch_size=batch_size)
  alone = np.stack([model.probabilities(path) for path in split.paths])
  np.testing.assert_allclose(found.scores, alone, rtol=0, atol=1e-6)
  hits = alone.argmax(axis=1) == split.labels
  assert found.accuracy['top1'] == pytest.approx(hits.mean())
  assert found.fingerprint['listed'] == found.fingerprint['decoded'] == 12


def test_views_are_averaged_after_the_softmax(model, videos):
  spec = dataclasses.replace(model.spec, clips=2, crops=3, stride=16)
  path = str(videos / 'arm_wrestling.mp4')
  loader = Loader(
    Split((path,), np.array([0]), model.class_names, ('a',)), spec
  )
  views = loader.load_views(0)['video']
  assert views.shape == (6, 8, 32, 32, 3)
  one_by_one = [
    compute_probabilities(
      model.model, 'half', model.params, {'video': v[None, None]}
    )
    for v in views
  ]
  found = model.probabilities(path, spec)
  np.testing.assert_allclose(
    found, np.mean(one_by_one, axis=0)[0], rtol=0, atol=1e-6
  )
  assert len({v.tobytes() for v in views}) == 6


@pytest.fixture
def with_a_bad_one(model, videos):
  names = ('arm_wrestling.mp4', 'corrupted.mp4', 'h265.mp4')
  paths = tuple(str(videos / name) for name in names)
  labels = np.array([0, 1, 2])
  split = Split(paths, labels, model.class_names, names)
  return split, dataclasses.replace(model.spec, sampling='uniform')


def test_an_unreadable_video_stops_the_evaluation(model, with_a_bad_one):
  with pytest.raises(DecodeError, match=r'corrupted\.mp4.*on_bad_video'):
    run(model, *with_a_bad_one)


def test_skipped_videos_are_counted_and_listed(model, with_a_bad_one, tmp_path):
  split, spec = with_a_bad_one
  found = run(model, split, spec, on_bad_video='skip', cap=0.5)
  facts = found.fingerprint
  assert (facts['listed'], facts['decoded'], facts['failed']) == (3, 2, 1)
  assert np.isfinite(found.scores).all(axis=1).tolist() == [True, False, True]
  hits = found.scores[::2].argmax(axis=1) == [0, 2]
  assert found.accuracy['top1'] == pytest.approx(hits.mean())
  evaluate.write_evaluation(found, split, tmp_path)
  stored = np.load(tmp_path / 'scores.npz')
  lengths = [i2v_jax.probe(split.paths[n]).duration for n in (0, 2)]
  wanted = np.array([lengths[0], np.nan, lengths[1]], np.float32)
  assert stored['seconds'].dtype == np.float32
  np.testing.assert_array_equal(stored['seconds'], wanted)
  assert stored['spans'].shape == (3, 2) and np.isnan(stored['spans']).all()
  rows = list(csv.reader((tmp_path / 'bad_videos.csv').open(encoding='utf-8')))
  assert rows[1][0] == 'corrupted.mp4' and 'frame' in rows[1][1]
  assert '2 of 3 videos (1 unreadable)' in evaluate.format_summary(found)


def test_too_many_unreadable_videos_stop_it(model, videos):
  paths = (str(videos / 'corrupted.mp4'), str(videos / 'none.mp4'))
  split = Split(paths, np.array([0, 1]), model.class_names, ('a', 'b'))
  spec = dataclasses.replace(model.spec, sampling='uniform')
  with pytest.raises(DecodeError, match='2 of 2 videos cannot be read'):
    run(model, split, spec, on_bad_video='skip', cap=0.1)


def test_the_report_says_what_was_evaluated(smoke_run):
  report = json.loads(
    (smoke_run / 'eval' / 'report.json').read_text(encoding='utf-8')
  )
  wanted = {
    'views': '1 clips x 1 crops',
    'frames': '8x1',
    'normalization': 'half',
    'listed': 12,
    'decoded': 12,
    'failed': 0,
    'step': 3,
  }
  assert wanted.items() <= report.items()
  assert len(report['split_sha256']) == 16
  scores = np.load(smoke_run / 'eval' / 'scores.npz')
  assert scores['scores'].shape == (12, 4)
  assert len(set(scores['ids'])) == 12
  np.testing.assert_allclose(scores['scores'].sum(axis=1), 1, rtol=1e-6)


def test_evaluating_again_gives_the_same(smoke_run):
  model = trained.load(smoke_run)
  split, found = evaluation.evaluate_trained(model)
  stored = np.load(smoke_run / 'eval' / 'scores.npz')
  np.testing.assert_allclose(found.scores, stored['scores'], rtol=0, atol=1e-6)
  assert list(stored['ids']) == list(split.ids)


def test_another_label_order_is_refused(smoke_run):
  model = trained.load(smoke_run)
  names = model.class_names[::-1]
  with pytest.raises(ValueError, match='labels would not mean the same'):
    evaluation.evaluate_trained(dataclasses.replace(model, class_names=names))


def test_a_model_that_gives_no_numbers_is_not_called_unreadable(model):
  split = experiment.load_split(model.config, 'val')
  params = jax.tree.map(lambda x: x * np.nan, model.params)
  with pytest.raises(
    FloatingPointError, match='non-finite scores for 12 videos'
  ):
    run(dataclasses.replace(model, params=params), split)


def test_the_batch_is_spread_over_the_devices():
  mesh = sharding.make_mesh()
  assert mesh.size == jax.device_count()
