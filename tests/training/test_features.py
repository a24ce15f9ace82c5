"""A head trained on kept features is the head trained on the clips."""

import itertools
import os
import signal

import jax
import numpy as np
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.models.inputs import feature_shapes
from i2v_jax.runtime import signals
from i2v_jax.training import features, loop
from i2v_jax.training.resume import resume_run
from i2v_jax.training.run import prepare_run
from i2v_jax.training.workdir.checkpoint import Checkpoints

PROBE = {'model.adapter': None, 'trainable': ('head',)}
EVL = {
  'model.adapter': dict(name='evl', layers=2, dropout=0.5),
  'model.backbone.depth': 2,
  'model.temporal_embedding': False,
  'trainable': ('adapters', 'head'),
}

STEP = {
  'model.adapter': dict(name='step_probe'),
  'model.temporal_embedding': False,
  'trainable': ('adapters', 'head'),
}


def changed(config, changes):
  with config.unlocked(), config.ignore_type():
    config.update_from_flattened_dict(changes | {'clips_per_video': 2})
  return config


def head(run):
  with Checkpoints(run.workdir) as checkpoints:
    return jax.device_get(resume_run(run, checkpoints).params)


@pytest.mark.parametrize(
  'changes', [PROBE, STEP, pytest.param(EVL, marks=pytest.mark.slow)]
)
def test_it_trains_the_same_parameters(smoke_config, tmp_path, changes):
  found = {}
  for name, more in (('plain', {}), ('cached', {'cache_gb': 0.1})):
    config = changed(smoke_config(), changes | more | {'steps': 4})
    loop.train_and_evaluate(config, tmp_path / name)
    found[name] = head(prepare_run(config, tmp_path / name))
  # Another program may round elsewhere, where it fuses other operations.
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
  jax.tree.map(close, found['plain'], found['cached'])
  assert (tmp_path / 'cached/features/features.bin').stat().st_size > 0


def test_what_was_killed_goes_on_and_nothing_is_computed_twice(
  smoke_config, tmp_path, monkeypatch
):
  config = changed(smoke_config(), PROBE | {'cache_gb': 0.1})
  whole = prepare_run(config, tmp_path / 'whole')
  wanted = jax.device_get(next(features.read_batches(whole, 1)))
  run = prepare_run(config, tmp_path / 'killed')
  real = features._compute_rows
  first = lambda run, store: itertools.islice(real(run, store), 2)
  monkeypatch.setattr(features, '_compute_rows', first)
  with pytest.raises(ValueError, match='has 16 of 32 rows'):
    next(features.read_batches(run, 0))
  monkeypatch.setattr(features, '_compute_rows', real)
  found = jax.device_get(next(features.read_batches(run, 1)))
  jax.tree.map(np.testing.assert_array_equal, found, wanted)
  monkeypatch.setattr(features, '_compute_rows', None)
  next(features.read_batches(run, 1))


def test_a_signal_ends_it_and_what_was_computed_stays(
  smoke_config, tmp_path, monkeypatch
):
  config = changed(smoke_config(), PROBE | {'cache_gb': 0.1})
  real, calls = features.compute_features, []

  def told(*args):
    calls.append(args)
    if len(calls) == 2:
      os.kill(os.getpid(), signal.SIGTERM)
    return real(*args)

  monkeypatch.setattr(features, 'compute_features', told)
  with pytest.raises(signals.Stopped):
    loop.train_and_evaluate(config, tmp_path)
  assert len(calls) == 2
  loop.train_and_evaluate(config, tmp_path)
  assert len(calls) == 5  # 4 batches, of which one was done again


def test_a_video_that_cannot_be_read_counts_for_nothing(
  smoke_config, tmp_path, monkeypatch
):
  config = changed(smoke_config(), PROBE | {'cache_gb': 0.1, 'steps': 4})
  with config.unlocked():
    config.data.on_bad_video = 'skip'
  run = prepare_run(config, tmp_path)
  bad = run.train.split.paths[3]
  real = type(run.train.split).video
  lost = lambda split, i: '/gone' if split.paths[i] == bad else real(split, i)
  monkeypatch.setattr(type(run.train.split), 'video', lost)
  masks = np.concatenate([b['mask'] for b in features.read_batches(run, 0)])
  assert masks.sum() == 30  # two clips of each of 16 videos, but for one
  assert 'no such video' in (tmp_path / 'bad_videos.csv').read_text(
    encoding='utf-8'
  )


@pytest.mark.parametrize(
  ('changes', 'error'),
  [
    (dict(clips_per_video=0), 'set clips_per_video'),
    (dict(mixup=0.8), 'mixup makes new clips'),
    (dict(drop_patches=0.5), 'drop_patches makes new clips'),
    (dict(cache_gb=1e-9), 'more than cache_gb = 1e-09'),
    (dict(trainable=('head', 'backbone/ln_post')), 'backbone would change'),
    ({'model.adapter': dict(name='zeroi2v')}, 'zeroi2v changes the features'),
  ],
)
def test_what_cannot_be_kept_is_refused(smoke_config, tmp_path, changes, error):
  changes = {'cache_gb': 1.0} | changes
  config = changed(smoke_config(), PROBE)
  with config.unlocked(), config.ignore_type():
    config.update_from_flattened_dict(changes)
  with pytest.raises(ValueError, match=error):
    features.read_batches(prepare_run(config, tmp_path), 0)
  assert not (tmp_path / 'features').exists()


def test_features_of_other_clips_are_refused(smoke_config, tmp_path):
  config = changed(smoke_config(), PROBE | {'cache_gb': 0.1})
  next(features.read_batches(prepare_run(config, tmp_path), 0))
  with config.unlocked():
    config.clip.flip = 0.5
  run = prepare_run(config, tmp_path)
  with pytest.raises(ValueError, match=r'features of another clip\.flip'):
    next(features.read_batches(run, 0))


def test_other_test_views_keep_the_features(
  smoke_config, tmp_path, monkeypatch
):
  config = changed(smoke_config(), PROBE | {'cache_gb': 0.1})
  next(features.read_batches(prepare_run(config, tmp_path), 0))
  size = config.model.backbone.image_size
  views = {'views.clips': 1, 'views.crops': 1, 'views.short_side': size + 8}
  changed(config, views | {'clip.test_sampling': 'mmaction0'})
  run = prepare_run(config, tmp_path)
  assert {run.train.spec.clips, run.train.spec.crops} == {1}
  monkeypatch.setattr(features, '_compute_rows', None)
  next(features.read_batches(run, 0))


def test_bytes_are_those_of_the_blocks_that_are_read():
  model = small.build(dict(name='evl', layers=2), temporal_embedding=False)
  one = feature_shapes(model, 5)
  assert len(one) == 2 and all(len(block) == 3 for block in one)
  assert params_lib.num_bytes(one) == 2 * 3 * 5 * 4 * 17 * 32 * 4
