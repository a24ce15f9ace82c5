"""What is drawn does not depend on whether JAX may use 64 bits."""

import importlib

import jax
import numpy as np
import pytest
import small

from configs import methods
from i2v_jax import weights
from i2v_jax.adapters import dropout
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import experiment
from i2v_jax.training.augment import draw_kept, draw_mixing


def both(function):
  """What a function of a key returns without and with 64 bits."""
  found = []
  for wide in (False, True):
    with jax.enable_x64(wide):
      found.append(jax.tree.map(np.asarray, function(jax.random.key(7))))
  return found


DRAWS = {
  'patches that stay': lambda key: draw_kept(key, 3, 16, 0.5),
  'mixup': lambda key: draw_mixing(key, (8, 8), 0.8, 0.0)[0],
  'cutmix': lambda key: draw_mixing(key, (8, 8), 0.0, 1.0),
  'both': lambda key: draw_mixing(key, (8, 8), 0.8, 1.0),
  'branches': lambda key: dropout.drop_path(
    np.ones((64, 2), 'f4'), 0.4, key, (0,)
  ),
  'values': lambda key: dropout.draw_kept(key, 0.9, (4, 8, 16)),
}


@pytest.mark.parametrize('name', DRAWS)
def test_draws_are_the_same(name):
  narrow, wide = both(DRAWS[name])
  jax.tree.map(np.testing.assert_array_equal, narrow, wide)


@pytest.mark.parametrize('family', ['clip', 'siglip'])
def test_random_weights_are_the_same(family):
  sizes = dict(width=8, depth=1, num_heads=2, patch_size=4, image_size=8)
  cfg = ViTConfig.named(family=family, **sizes)
  narrow, wide = both(lambda _: weights.load_backbone('random', cfg, 3))
  assert jax.tree.map(lambda x: x.dtype, narrow) == jax.tree.map(
    lambda x: x.dtype, wide
  )
  jax.tree.map(np.testing.assert_array_equal, narrow, wide)


@pytest.mark.parametrize('method', methods.METHODS)
def test_parameters_of_every_method_have_32_bits(method):
  module = importlib.import_module('configs.finetune_folder')
  config = module.get_config(f'method={method},smoke')
  model = experiment.build_model(config, 3)
  with jax.enable_x64(True):
    found = jax.tree.leaves(param_shapes(model))
  assert {leaf.dtype for leaf in found} == {np.dtype('float32')}


def test_gradients_have_32_bits():
  model = small.build({'name': 'zeroi2v', 'offsets': (-1, 1)}, depth=1)
  model = model.clone(dropout=0.0)  # flax draws with as many bits as there are
  params, clips = small.random(model), small.clips(model)
  rngs = {'dropout': jax.random.key(0)}

  def loss(params):
    return (model.apply({'params': params}, *clips, rngs=rngs) ** 2).sum()

  narrow, wide = both(lambda _: jax.jit(jax.grad(loss))(params))
  for one, other in zip(*map(jax.tree.leaves, (narrow, wide)), strict=True):
    assert one.dtype == other.dtype == np.dtype('f4')
    scale = np.abs(one).max()
    np.testing.assert_allclose(other / scale, one / scale, rtol=0, atol=1e-5)
