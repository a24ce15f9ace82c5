"""Parameters are looked up without their initialisers, and still checked."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn

from i2v_jax.backbones.declared import Declared, Dense, init_shapes
from i2v_jax.models.inputs import clip_shapes, param_shapes

X = jnp.ones((2, 3))


def test_it_computes_what_flaxs_does():
  ours, flaxs = Dense(4), nn.Dense(4)
  params = ours.init(jax.random.key(0), X)
  same = jax.tree.map(np.array_equal, params, flaxs.init(jax.random.key(0), X))
  assert all(jax.tree.leaves(same))
  assert (ours.apply(params, X) == flaxs.apply(params, X)).all()


def test_an_initialiser_is_called_for_a_parameter_that_is_not_there():
  called = []

  def init(rng, shape, dtype):
    called.append(shape)
    return jnp.ones(shape, dtype)

  module = Dense(4, kernel_init=init)
  shapes = init_shapes(module, X)
  assert not called
  params = module.init(jax.random.key(0), X)['params']
  assert called == [(3, 4)] and (params['kernel'] == 1).all()
  assert jax.eval_shape(lambda: params) == shapes
  module.apply({'params': params}, X)
  assert called == [(3, 4)]


def test_a_parameter_of_another_shape_is_named():
  params = Dense(5).init(jax.random.key(0), X)
  with pytest.raises(flax.errors.ScopeParamShapeError, match='"kernel"'):
    Dense(4).apply(params, X)


class Twice(Declared, nn.Module):
  @nn.compact
  def __call__(self):
    for _ in range(2):
      self.param('scale', nn.initializers.ones, (2,), jnp.float32)


@pytest.mark.parametrize(
  'use',
  [
    lambda: Twice().init(jax.random.key(0)),
    lambda: Twice().apply({'params': {'scale': jnp.ones(2)}}),
    lambda: init_shapes(Twice()),
  ],
)
def test_a_name_is_given_once(use):
  with pytest.raises(ValueError, match='Duplicate use of scope name: "scale"'):
    use()


@pytest.mark.parametrize('family', ['clip', 'dinov2'])
@pytest.mark.parametrize('method', ['zeroi2v', 'lora', 'ssf'])
def test_initialisers_of_a_block_are_not_traced_again(
  method, family, monkeypatch
):
  """Only those outside are: the patch convolution, tokens, positions."""
  traced = []
  evaluate = jax.eval_shape
  model = small.build({'name': method}, depth=2, family=family)
  params, clips = small.random(model), small.clips(model)

  def count(call, *args):
    traced.append(call)
    return evaluate(call, *args)

  monkeypatch.setattr(jax, 'eval_shape', count)
  evaluate(lambda *clips: model.apply({'params': params}, *clips), *clips)
  assert 0 < len(traced) <= 5


MODELS = {
  name: small.build({'name': name} | options, family='dinov2')
  for name, options in {
    'evl': dict(layers=2),
    'ssf': {},
    'st_adapter': {},
    'pro_tuning': {},
  }.items()
}
MODELS['swin'] = small.on_swin({'name': 'aim'})


@pytest.mark.parametrize('name', MODELS)
def test_shapes_without_drawing_are_those_of_what_is_drawn(name):
  model = MODELS[name]
  init = lambda *clips: model.init(jax.random.key(0), *clips)['params']
  assert param_shapes(model) == jax.eval_shape(init, *clip_shapes(model))
