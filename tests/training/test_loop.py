"""What a step changes and what it leaves alone; what cannot be trained."""

import dataclasses
import functools
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from configs import quickstart
from i2v_jax import params as params_lib
from i2v_jax.backbones.normalization import normalize
from i2v_jax.deploy import trained
from i2v_jax.runtime import files
from i2v_jax.training import augment, loop
from i2v_jax.training.augment import mix
from i2v_jax.training.run import prepare_run
from i2v_jax.training.train_step import make_train_step
from i2v_jax.training.workdir import checkpoint, log


def synthetic_batch(size=4, mask=None):
  rng = np.random.default_rng(0)
  return {
    'video': rng.integers(0, 256, (size, 8, 32, 32, 3), np.uint8),
    'label': rng.integers(0, 4, size).astype(np.int32),
    'mask': np.ones(size, 'f4') if mask is None else np.array(mask, 'f4'),
  }


@functools.cache
def compiled_step(run_id, **options):
  run = RUNS[run_id]
  step = make_train_step(run.model, run.tx, normalization='half', **options)
  return jax.jit(step)


RUNS = {}


def steps_of(run, count, batch, **options):
  RUNS[id(run)] = run
  state, metrics = run.state, None
  for _ in range(count):
    step = compiled_step(id(run), **options)
    state, metrics = step(state, run.frozen, batch)
  return state, metrics


@pytest.fixture(scope='module')
def run(digits, tmp_path_factory):
  config = quickstart.get_config('smoke')
  config.model.temporal_embedding = True
  config.trainable = ('temporal_embedding', *config.trainable)
  config.data.root = str(digits)
  return prepare_run(config, tmp_path_factory.mktemp('run'))


@pytest.mark.parametrize(
  ('name', 'changes'),
  [
    ('zeroi2v', {}),
    ('linear probe', {'model.adapter': None, 'trainable': ('head',)}),
    ('full', {'trainable': ('',)}),
  ],
)
def test_frozen_stays_and_everything_else_moves(
  smoke_config, tmp_path, name, changes
):
  config = smoke_config()
  with config.ignore_type():
    config.update_from_flattened_dict(changes)
  run = prepare_run(config, tmp_path)
  before = flatten_dict(jax.device_get(run.params), sep='/')
  state, _ = steps_of(run, 3, synthetic_batch())
  after = params_lib.join(state.params, run.frozen)
  after = flatten_dict(jax.device_get(after), sep='/')
  mine = flatten_dict(run.state.params, sep='/')
  assert after.keys() == before.keys()
  for path, value in after.items():
    moved = (value != before[path]).any()
    assert moved == (path in mine), path
  moments = params_lib.num_bytes(run.state.opt_state)
  assert moments < 2 * params_lib.num_bytes(run.state.params) + 100


def test_accumulation_changes_nothing(run):
  batch = synthetic_batch(8, mask=[1, 1, 0, 1, 1, 1, 1, 0])
  plain, metrics = steps_of(run, 2, batch)
  parts, metrics_of_parts = steps_of(run, 2, batch, accumulate=4)
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
  jax.tree.map(close, metrics, metrics_of_parts)
  jax.tree.map(close, plain.params, parts.params)


@pytest.mark.parametrize('remat', ['dots', 'block'])
def test_remat_changes_nothing_under_adapters_and_dropout(run, remat):
  vit = dataclasses.replace(run.model.image_model, remat=remat)
  other = dataclasses.replace(run, model=run.model.clone(image_model=vit))
  (one, metrics), (two, again) = (
    steps_of(r, 1, synthetic_batch()) for r in (run, other)
  )
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
  jax.tree.map(close, metrics, again)
  jax.tree.map(close, one.params, two.params)


def test_only_frozen_kernels_are_kept_in_the_compute_type(
  smoke_config, tmp_path
):
  run = prepare_run(smoke_config(dtype='bfloat16'), tmp_path)
  for path, value in flatten_dict(run.frozen, sep='/').items():
    wanted = 'float32' if value.ndim == 1 else 'bfloat16'
    assert value.dtype == wanted, path
  mine = jax.tree.leaves((run.state.params, run.state.opt_state))
  assert {str(x.dtype) for x in mine} == {'float32', 'int32'}  # Adam's count


def test_evaluates_while_training_and_at_the_end(smoke_config, tmp_path):
  loop.train_and_evaluate(smoke_config(eval_every=2), tmp_path)
  records = log.read_records(tmp_path / 'metrics.jsonl')
  assert [r['step'] for r in records if 'val/top1_1view' in r] == [2]
  assert [r['step'] for r in records if 'val/top1' in r] == [3]
  for record in records:
    assert ('loss' in record) == ('step_seconds' in record)
    assert 0 <= record.get('data_seconds', 0) <= record.get('step_seconds', 0)
  beat = files.read_json(tmp_path / 'heartbeat-0.json')
  assert 0 <= beat['data_share'] <= 1
  assert beat['peak_of'] == 'process' and beat['peak_bytes'] > 2**20


def test_masked_rows_count_for_nothing(run):
  batch = synthetic_batch(4, mask=[1, 1, 0, 0])
  other = {k: v.copy() for k, v in batch.items()}
  other['video'][2:] = 7
  other['label'][2:] = 0
  one, two = (steps_of(run, 1, b)[0].params for b in (batch, other))
  jax.tree.map(np.testing.assert_array_equal, one, two)
  empty = steps_of(run, 1, batch | {'mask': np.zeros(4, 'f4')})[1]
  assert float(empty['loss']) == 0


def test_label_smoothing_is_the_published_one(run):
  batch = synthetic_batch()
  pixels = normalize(jnp.asarray(batch['video']), 'half')
  logits = jax.jit(run.model.apply)({'params': run.params}, pixels)
  targets = 0.9 * jax.nn.one_hot(batch['label'], 4) + 0.1 / 4
  wanted = optax.softmax_cross_entropy(logits, targets).mean()
  _, metrics = steps_of(run, 1, batch, label_smoothing=0.1)
  np.testing.assert_allclose(metrics['loss'], wanted, rtol=1e-6)


MIXED = [
  dict(mixup=0.8, cutmix=1.0),
  pytest.param(dict(mixup=0.8), marks=pytest.mark.slow),
  pytest.param(dict(cutmix=1.0), marks=pytest.mark.slow),
]


@pytest.mark.parametrize('options', MIXED)
def test_accumulation_changes_nothing_of_mixed_batches(run, options):
  batch = synthetic_batch(8, mask=[1, 1, 0, 1, 1, 1, 1, 0])
  plain, metrics = steps_of(run, 2, batch, **options)
  parts, metrics_of_parts = steps_of(run, 2, batch, accumulate=4, **options)
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
  jax.tree.map(close, metrics, metrics_of_parts)
  jax.tree.map(close, plain.params, parts.params)
  _, unmixed = steps_of(run, 2, batch)
  assert abs(metrics['loss'] - unmixed['loss']) > 1e-4


def test_a_mixed_loss_is_that_of_both_smoothed_labels(run):
  batch = synthetic_batch()
  key = jax.random.fold_in(jax.random.key(0), 0)  # of seed 0 at step 0
  mixed = mix(batch, jax.random.split(key)[1], mixup=0.8)
  pixels = normalize(mixed['video'], 'half')
  logits = jax.jit(run.model.apply)({'params': run.params}, pixels)
  own, other = (jax.nn.one_hot(mixed[k], 4) for k in ('label', 'other'))
  share = mixed['share'][:, None]
  targets = 0.9 * (share * own + (1 - share) * other) + 0.1 / 4
  wanted = optax.softmax_cross_entropy(logits, targets).mean()
  _, metrics = steps_of(run, 1, batch, label_smoothing=0.1, mixup=0.8)
  np.testing.assert_allclose(metrics['loss'], wanted, rtol=1e-5)
  hits = (logits.argmax(axis=-1) == batch['label']).mean()
  np.testing.assert_allclose(metrics['accuracy'], hits)


def test_without_mixing_nothing_is_drawn_for_it(run, monkeypatch):
  plain = steps_of(run, 1, synthetic_batch())
  monkeypatch.setattr(augment, 'mix', None)
  step = make_train_step(
    run.model, run.tx, normalization='half', mixup=0.0, cutmix=0.0
  )
  again = jax.jit(step)(run.state, run.frozen, synthetic_batch())
  jax.tree.map(np.testing.assert_array_equal, plain, again)


def test_mixing_compiles_once_and_draws_anew_at_every_step(run):
  batch, options = synthetic_batch(), dict(mixup=0.8, cutmix=0.5)
  steps_of(run, 1, batch, **options)
  step = compiled_step(id(run), **options)
  states = [run.state.replace(step=run.state.step + i) for i in range(4)]
  losses = {float(step(s, run.frozen, batch)[1]['loss']) for s in states}
  assert len(losses) == 4 and step._cache_size() == 1


def test_a_loss_that_is_no_number_stops_at_its_step(smoke_config, tmp_path):
  config = smoke_config()
  with config.unlocked():
    config.optimizer.lr = 1e38
    config.optimizer.clip_norm = 0.0
    config.steps = 20
  with pytest.raises(FloatingPointError, match=r'is (nan|inf) at step \d+'):
    loop.train_and_evaluate(config, tmp_path)


@pytest.fixture
def workdir(smoke_run, tmp_path):
  """Of the smoke run, to do anything with."""
  return shutil.copytree(smoke_run, tmp_path / 'run')


def test_a_workdir_of_another_config_is_refused(smoke_config, workdir):
  loop.train_and_evaluate(smoke_config(log_every=7), workdir)
  before = (workdir / 'config.json').read_text(encoding='utf-8')
  with pytest.raises(ValueError, match=r'smoothing = 0.0, now it is 0.1'):
    loop.train_and_evaluate(smoke_config(label_smoothing=0.1), workdir)
  assert (workdir / 'config.json').read_text(encoding='utf-8') == before


def test_a_workdir_of_other_data_is_refused(
  smoke_config, workdir, digits, tmp_path
):
  copy = shutil.copytree(digits, tmp_path / 'copy')
  config = smoke_config()
  with config.unlocked():
    config.data.root = str(copy)
  loop.train_and_evaluate(config, workdir)  # moved, the same
  next((copy / 'train').glob('*/*.mp4')).unlink()
  with pytest.raises(ValueError, match='other train_sha256'):
    loop.train_and_evaluate(config, workdir)


def test_a_failed_start_does_not_claim_the_workdir(smoke_config, tmp_path):
  with pytest.raises(ValueError, match=r'model\.adapter\.name is'):
    config = smoke_config()
    with config.unlocked():
      config.model.adapter.name = 'zeroi3v'
    prepare_run(config, tmp_path)
  assert not list(tmp_path.iterdir())
  prepare_run(smoke_config(), tmp_path)


@pytest.mark.parametrize(
  ('changes', 'error'),
  [
    ({'batch_size': 9, 'accumulate': 2}, 'multiple of 2'),
    ({'batch_size': 0}, 'batch_size is 0'),
    ({'accumulate': 0}, 'accumulate is 0'),
    ({'steps': 0, 'epochs': 0.0}, 'Nothing to train'),
    ({'seed': -1}, 'seed is -1'),
    ({'drop_patches': 1.0}, 'drop_patches is 1'),
    ({'dtype': 'float16'}, 'float16'),
    ({'data.normalization': 'none'}, 'none'),
    ({'trainable': ('adaptors',)}, "'adaptors'"),
    ({'optimizer.lr_multipliers': {'backbone/blocks_9': 0.1}}, 'blocks_9'),
    ({'optimizer.schedule': 'hour'}, 'hour'),
    ({'data.format': 'tfrecord'}, "data format is 'tfrecord'"),
    ({'data.val': 'test'}, 'make it next to train'),
    ({'data.on_bad_video': 'ignore'}, 'on_bad_video'),
    ({'model.num_frames': 0}, 'num_frames is 0'),
    ({'clip.sampling': 'sparse'}, 'sampling'),
    ({'weights': 'builtin:digits'}, 'width 64, the model config asks for 32'),
  ],
)
def test_what_cannot_be_is_said_at_the_start(
  smoke_config, tmp_path, changes, error
):
  config = smoke_config()
  with config.unlocked(), config.ignore_type():
    config.update_from_flattened_dict(changes)
  with pytest.raises((ValueError, OSError), match=error):
    prepare_run(config, tmp_path)


def test_checkpoints_hold_what_is_trained_and_whose_weights(workdir):
  with checkpoint.Checkpoints(workdir) as checkpoints:
    saved = checkpoints.manager.item_metadata(3)['params'].tree
  saved = set(flatten_dict(saved, sep='/'))
  model = trained.load(workdir)
  mine, _ = params_lib.split(model.params, model.config['trainable'])
  assert saved == set(flatten_dict(mine, sep='/'))
  found = next(workdir.glob('checkpoints/*/metadata/metadata'))
  metadata = files.read_json(found)
  assert (model.identity['step'], metadata['examples_seen']) == (3, 24)
  metadata['config']['seed'] = 1  # of the random backbone
  files.write_json(found, metadata)
  (found.parents[1] / 'digest.json').unlink()  # which would not match
  with pytest.raises(ValueError, match='other frozen weights'):
    trained.load(workdir)
