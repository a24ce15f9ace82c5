"""How far the gradient goes, said and compiled."""

import itertools

import jax
import optax
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import gradient_depth

ZERO = dict(name='zeroi2v', offsets=(-1, 1), rank=4)


def trainable(model, *prefixes):
  return params_lib.split(param_shapes(model), prefixes)[0]


@pytest.mark.parametrize(
  ('options', 'prefixes', 'lowest'),
  [
    ({}, ('adapters', 'head'), 0),
    ({}, ('adapters/blocks_2', 'adapters/blocks_3', 'head'), 2),
    ({}, ('head', 'backbone/ln_post'), 4),
    ({}, ('head', 'temporal_embedding'), 0),
    ({}, ('head', 'backbone/pos'), 0),
    ({}, ('backbone/blocks_1/mlp',), 1),
    (dict(blocks=(1, 3)), ('adapters', 'head'), 1),
    (dict(blocks=(3,)), ('adapters', 'temporal_embedding'), 0),
  ],
)
def test_the_gradient_ends_at_the_lowest_block_that_is_trained(
  options, prefixes, lowest
):
  model = small.build(ZERO | options, depth=4)
  assert (
    gradient_depth.find_lowest_block(model, trainable(model, *prefixes))
    == lowest
  )


def test_what_xla_computes_ends_there_too():
  model = small.build(ZERO, depth=3)
  tree, clips = param_shapes(model), jax.eval_shape(lambda: small.clips(model))

  def flops(*prefixes):
    mine, frozen = params_lib.split(tree, prefixes)

    def loss(mine, frozen, clip):
      params = params_lib.join(mine, frozen)
      return optax.l2_loss(model.apply({'params': params}, clip)).sum()

    lowered = jax.jit(jax.grad(loss)).lower(mine, frozen, *clips)
    return lowered.cost_analysis()['flops']

  forward = flops('head')
  backwards = [flops(f'adapters/blocks_{i}') - forward for i in range(3)]
  # The adapters of one block, and all blocks above it.
  steps = [a - b for a, b in itertools.pairwise(backwards)]
  assert min(steps) > 0.15 * forward and max(steps) < 1.02 * min(steps)
  embedded = flops('temporal_embedding', 'adapters/blocks_2') - forward
  assert embedded > backwards[1]


def test_it_is_said_where_that_is_news():
  model = small.build(ZERO | dict(blocks=(2, 3)), depth=4)
  parts = ('adapters', 'head', 'temporal_embedding')
  told = lambda *parts: gradient_depth.describe_depth(
    model, trainable(model, *parts)
  )
  assert 'through 2 of 4 blocks' in told('adapters', 'head')
  assert 'through all 4 blocks to temporal_embedding, through 2' in told(*parts)
  assert not told('adapters', 'head', 'backbone/pos')
  whole = small.build(ZERO, depth=4)
  assert not gradient_depth.describe_depth(whole, trainable(whole, *parts))


def test_evl_has_no_backward_pass_in_the_image_model():
  model = small.build(dict(name='evl', layers=1), temporal_embedding=False)
  assert (
    gradient_depth.find_lowest_block(model, trainable(model, 'adapters')) == 2
  )
