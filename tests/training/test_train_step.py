"""One compiled training step for runs of all seeds."""

import jax
import numpy as np
import optax
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.runtime import sharding
from i2v_jax.training.run import init_state
from i2v_jax.training.train_step import jit_step, make_rng, make_train_step


def state_of(seed):
  model = small.build(None, depth=1)
  mine, frozen = params_lib.split(small.random(model), ('head',))
  tx = optax.sgd(1e-3)
  mesh = sharding.make_mesh()
  state = init_state(mine, tx, 'replicated', mesh, seed)
  return model, tx, mesh, state, frozen


def lowered(seed):
  """A step that draws: dropout, MixUp and dropped patches."""
  model, tx, mesh, state, frozen = state_of(seed)
  step = make_train_step(
    model, tx, normalization='clip', mixup=0.8, drop_patches=0.5
  )
  batch = {
    'video': np.zeros((2, 4, 16, 16, 3), np.uint8),
    'label': np.zeros(2, np.int32),
    'mask': np.ones(2, np.float32),
  }
  jitted = jit_step(step, state, mesh)
  return jitted.lower(state, frozen, batch)


def test_two_seeds_share_one_program():
  assert lowered(1).as_text() == lowered(2).as_text()


def test_a_step_keeps_the_seed_that_it_draws_by():
  model, tx, _, state, frozen = state_of(7)
  step = make_train_step(model, tx, normalization='clip')
  features = {
    'features': np.ones((2, 4, 32), np.float32),
    'label': np.zeros(2, np.int32),
    'mask': np.ones(2, np.float32),
  }
  after, _ = step(state, frozen, features)
  assert (int(after.seed), int(after.step)) == (7, 1)


@pytest.mark.parametrize('seed', [0, 7, 2**31, 2**32 + 5])
def test_the_draws_are_those_of_the_seed(seed):
  *_, state, _ = state_of(seed)
  wanted = jax.random.fold_in(jax.random.key(seed), 0)
  found = make_rng(state)
  assert (jax.random.key_data(found) == jax.random.key_data(wanted)).all()
