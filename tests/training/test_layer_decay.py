"""Layer-wise decay of the learning rate."""

import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax.traverse_util import flatten_dict

from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import split
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import layer_decay, optimizer


def count(model, trainable=('',)):
  mine, _ = split(param_shapes(model), trainable)
  found = layer_decay.count_layers(mine, model.image_model)
  return flatten_dict(found, sep='/')


def test_layers_are_counted_from_the_head():
  """As VideoMAE: `depth + 1` below the embeddings, 1 below the last block."""
  layers = count(small.build('zeroi2v', depth=3))
  assert layers['head/kernel'] == layers['backbone/ln_post/scale'] == 0
  assert layers['backbone/blocks_2/mlp/fc1/kernel'] == 1
  assert layers['backbone/blocks_0/ln1/scale'] == 3
  for name in ('cls', 'pos', 'patch/kernel', 'ln_pre/scale'):
    assert layers[f'backbone/{name}'] == 4
  assert layers['temporal_embedding'] == 4
  of_first = {n for p, n in layers.items() if p.startswith('adapters/blocks_0')}
  assert of_first == {3}


def test_on_swin_blocks_are_counted_through_all_stages():
  layers = count(small.on_swin(None))
  assert layers['backbone/blocks_3/mlp/fc1/kernel'] == 1
  assert layers['backbone/merges_0/fc/kernel'] == 3
  assert layers['backbone/blocks_1/ln1/scale'] == 3
  assert layers['backbone/ln_patch/scale'] == 5


def test_the_rate_is_multiplied_once_for_each_layer():
  mine = {'head': jnp.ones(2), 'backbone': {'pos': jnp.ones((1, 2))}}
  layers = {'head': 0, 'backbone': {'pos': 3}}
  make = lambda **options: optimizer.make_optimizer(
    lambda _: 0.1, weight_decay=0.3, **options
  )
  decayed = make(layer_decay=0.5, layers=layers)
  plain, _ = make().update(mine, make().init(mine), mine)
  found, _ = decayed.update(mine, decayed.init(mine), mine)
  np.testing.assert_allclose(found['head'], plain['head'])
  pos = plain['backbone']['pos'] / 8
  np.testing.assert_allclose(found['backbone']['pos'], pos, rtol=1e-6)


@pytest.mark.parametrize('value', [0.0, 1.5, float('nan')])
def test_a_factor_out_of_its_range_is_named(value):
  with pytest.raises(UserError, match=r'optimizer\.layer_decay'):
    optimizer.make_optimizer(lambda _: 0.1, layer_decay=value)
