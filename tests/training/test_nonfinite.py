"""Non-finite values: the tensor where they first appear is named."""

import collections
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from configs import quickstart
from i2v_jax.training import loop, memory, nonfinite, train_step
from i2v_jax.training.run import prepare_run


@pytest.fixture(scope='module')
def run(digits, tmp_path_factory):
  config = quickstart.get_config('smoke')
  config.data.root = str(digits)
  return prepare_run(config, tmp_path_factory.mktemp('run'))


@pytest.fixture(scope='module')
def batch():
  rng = np.random.default_rng(0)
  return {
    'video': rng.integers(0, 256, (4, 8, 32, 32, 3), np.uint8),
    'label': rng.integers(0, 4, 4).astype(np.int32),
    'mask': np.ones(4, 'f4'),
  }


def changed(tree, path, value):
  """A tree with one number of an array replaced."""
  flat = flatten_dict(tree, sep='/')
  flat[path] = flat[path].at[(0,) * flat[path].ndim].set(value)
  return unflatten_dict(flat, sep='/')


def test_nothing_is_found_where_nothing_is_wrong(run, batch):
  assert nonfinite.find_nonfinite(run.state) == []
  nonfinite.check_state(run.state)
  assert 'done again, that step was finite' in nonfinite.find_first(
    run, run.state, batch
  )


def test_a_parameter_is_named_before_all_else(run, batch):
  params = changed(run.state.params, 'head/kernel', jnp.inf)
  state = run.state.replace(params=params)
  text = 'the parameter head/kernel was not finite before that step.'
  assert nonfinite.find_first(run, state, batch) == text
  with pytest.raises(FloatingPointError, match=r'^params/head/kernel .* 0 \(1'):
    nonfinite.check_state(state)


@pytest.mark.parametrize(
  'changes',
  [
    {'accumulate': 2},
    pytest.param({'mixup': 0.8}, marks=pytest.mark.slow),
    pytest.param({'remat': 'block'}, marks=pytest.mark.slow),
  ],
)
def test_of_many_outputs_the_first_is_named(run, batch, changes):
  """The second block gives none; everything behind it, neither."""
  vit = dataclasses.replace(
    run.model.image_model,
    remat=changes.get('remat', run.model.image_model.remat),
  )
  frozen = changed(run.frozen, 'backbone/blocks_1/mlp/fc1/kernel', jnp.nan)
  run = dataclasses.replace(
    run,
    frozen=frozen,
    model=run.model.clone(image_model=vit),
    config=dict(run.config) | changes,
  )
  text = 'the first tensor that is not finite is the output of '
  wanted = f'{text}backbone/blocks_1/mlp/fc1.'
  assert nonfinite.find_first(run, run.state, batch) == wanted


@pytest.mark.parametrize('parts', [1, 2])
def test_what_is_looked_at_is_what_the_step_did(run, batch, monkeypatch, parts):
  """The same patches, keys of dropout and precision, part by part."""
  seen, precisions = collections.Counter(), set()
  real = train_step.forward

  def forward(model, normalization, params, batch, rng):
    note = lambda *arrays: seen.update([tuple(x.tobytes() for x in arrays)])
    jax.debug.callback(note, batch['kept'], jax.random.key_data(rng))
    precisions.add(jax.config.jax_default_matmul_precision)
    return real(model, normalization, params, batch, rng)

  monkeypatch.setattr(train_step, 'forward', forward)
  monkeypatch.setattr(nonfinite, 'forward', forward)
  changes = {'drop_patches': 0.5, 'mixup': 0.8, 'accumulate': parts}
  run = dataclasses.replace(run, config=dict(run.config) | changes)
  nonfinite.find_first(
    run, run.state, batch
  )  # the outputs, and then the gradients
  jax.effects_barrier()
  assert list(seen.values()) == [2] * parts
  assert precisions == {'highest'}


@pytest.mark.parametrize('task', ['single', 'multi'])
def test_of_kept_features_the_first_output_is_named(run, batch, task):
  kept = {key: batch[key] for key in ('label', 'mask')}
  if task == 'multi':
    kept['targets'] = np.eye(4, dtype=np.uint8)
    run = dataclasses.replace(run, config=dict(run.config) | {'task': task})
  kept['features'] = jnp.full((4, 8, 32), 10.0)
  assert 'that step was finite' in nonfinite.find_first(run, run.state, kept)
  params = changed(run.state.params, 'head/kernel', 3e38)
  state = run.state.replace(params=params)
  assert nonfinite.find_first(run, state, kept).endswith(
    'is the output of head.'
  )


def test_of_many_gradients_the_last_layer_is_named(run, batch, monkeypatch):
  grads = changed(run.state.params, 'head/kernel', jnp.nan)
  grads = changed(grads, 'adapters/blocks_1/fc2/up/kernel', jnp.inf)
  give = lambda *args: (grads, {'loss': jnp.float32(1)})
  with monkeypatch.context() as patch:
    patch.setattr(nonfinite, '_compute_gradients', give)
    assert 'is that of head/kernel (2 of ' in nonfinite.find_first(
      run, run.state, batch
    )
  grads, metrics = nonfinite._compute_gradients(run, run.state, batch)
  assert jax.tree.structure(grads) == jax.tree.structure(run.state.params)
  norm = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(grads)))
  np.testing.assert_allclose(norm, metrics['grad_norm'], rtol=1e-6)


@pytest.mark.slow
def test_training_stops_before_it_saves_and_says_where(
  diverging_config, tmp_path
):
  with pytest.raises(FloatingPointError) as error:
    loop.train_and_evaluate(diverging_config(2), tmp_path)
  text = str(error.value)
  assert ' at step 5: ' in text and 'Nothing was saved since step 4.' in text
  assert 'the first tensor that is not finite is the output of ' in text
  beat = json.loads((tmp_path / 'heartbeat-0.json').read_text(encoding='utf-8'))
  assert beat['phase'] == 'crashed' and beat['why'] in text


def test_parameters_without_numbers_are_not_evaluated(
  smoke_config, tmp_path, monkeypatch
):
  compiled = memory.compile_step

  def diverging(run):
    step = compiled(run)

    def last_update(*args):
      state, metrics = step(*args)
      params = jax.tree.map(lambda x: x * jnp.inf, state.params)
      return state.replace(params=params), metrics

    return last_update

  monkeypatch.setattr(memory, 'compile_step', diverging)
  named = r'^params/adapters/.* is not finite after step 1 .* new --workdir\.$'
  with pytest.raises(FloatingPointError, match=named):
    loop.train_and_evaluate(smoke_config(eval_every=1), tmp_path)


def test_skipped_steps_are_no_problem_until_there_are_too_many():
  metrics = {'loss': jnp.nan, 'grad_norm': jnp.nan}
  assert nonfinite.find_problem(metrics) == 'loss is nan'
  assert nonfinite.find_problem(metrics | {'loss': 1.0}) == 'grad_norm is nan'
  assert nonfinite.find_problem({'loss': 1.0, 'grad_norm': 2.0}) == ''
  assert (
    nonfinite.find_problem(metrics | {'skipped_in_a_row': 0}) == 'loss is nan'
  )
  assert nonfinite.find_problem(metrics | {'skipped_in_a_row': 1}) == ''
  with pytest.raises(
    FloatingPointError, match=f'skipped {nonfinite.SKIPS} steps'
  ):
    nonfinite.find_problem(metrics | {'skipped_in_a_row': nonfinite.SKIPS})
