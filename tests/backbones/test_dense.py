"""Parameters are looked up without their initialisers, and still checked."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn

from i2v_jax.backbones.dense import Dense

X = jnp.ones((2, 3))


def test_it_is_flaxs():
  ours, flaxs = Dense(4), nn.Dense(4)
  params = ours.init(jax.random.key(0), X)
  same = jax.tree.map(np.array_equal, params, flaxs.init(jax.random.key(0), X))
  assert all(jax.tree.leaves(same))
  assert (ours.apply(params, X) == flaxs.apply(params, X)).all()


def test_an_initialiser_is_called_for_a_parameter_that_is_not_there():
  called = []

  def init(rng, shape, dtype):
    called.append(shape)
    return jnp.zeros(shape, dtype)

  module = Dense(4, kernel_init=init)
  params = module.init(jax.random.key(0), X)
  module.apply(params, X)
  assert called == [(3, 4)]


def test_a_parameter_of_another_shape_is_named():
  params = Dense(5).init(jax.random.key(0), X)
  with pytest.raises(flax.errors.ScopeParamShapeError, match='"kernel"'):
    Dense(4).apply(params, X)


@pytest.mark.parametrize('family', ['clip', 'dinov2'])
@pytest.mark.parametrize('method', ['zeroi2v', 'lora', 'ssf'])
def test_initialisers_of_a_block_are_not_traced_again(
  method, family, monkeypatch
):
  """Of the whole model, those of single tokens and positions are."""
  traced = []
  evaluate = jax.eval_shape
  model = small.build({'name': method}, depth=2, family=family)
  params, clips = small.random(model), small.clips(model)

  def count(call, *args):
    traced.append(call)
    return evaluate(call, *args)

  monkeypatch.setattr(jax, 'eval_shape', count)
  evaluate(lambda *clips: model.apply({'params': params}, *clips), *clips)
  assert len(traced) <= 5
