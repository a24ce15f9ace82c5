"""VPT: where prompts stand, how long they live, how they start."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small

from i2v_jax.backbones.vit import Block
from i2v_jax.models.inputs import param_shapes


def by_hand(model, params, clip):
  """Class tokens before the final norm, from plain blocks and concatenation."""
  run = lambda x, method: small.apply(model, params, x, method=method)
  x = run(clip, lambda m, clip: m.backbone.embed(clip))
  x += params['temporal_embedding'][None, :, None]
  x = run(x, lambda m, x: m.backbone.ln_pre(x))
  deep = model.adapter['deep']
  for i in range(model.image_model.depth):
    if deep or i == 0:
      prompts = params['adapters'][f'blocks_{i}']['prompts']
      prompts = jnp.broadcast_to(prompts, (1, 4, *prompts.shape))
      # Behind the patches: without a mask their order does not matter.
      x = jnp.concatenate([x, prompts], axis=2)
    block = params['backbone'][f'blocks_{i}']
    x = small.apply(Block(model.image_model), block, x)
    x = x[:, :, :17] if deep else x
  return run(x[:, :, 0], lambda m, x: m.backbone.ln_post(x))


@pytest.mark.parametrize('deep', [True, False])
def test_features_are_those_of_concatenated_tokens(deep):
  model = small.build(dict(name='vpt', prompts=3, deep=deep))
  params, (clip,) = small.random(model), small.clips(model)
  found = small.apply(model, params, clip, method='features')
  wanted = by_hand(model, params, clip)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize(('deep', 'count'), [(True, 73_728), (False, 6_144)])
def test_parameter_counts_at_full_size(deep, count):
  adapter = dict(name='vpt', deep=deep)
  spec = dict(backbone=dict(variant='B/16'), num_frames=8, adapter=adapter)
  assert small.count(spec, 400, ('adapters',)) == count


def test_prompts_start_within_the_bound_of_the_release():
  prompts = small.initial(small.build(dict(name='vpt', prompts=64)))
  prompts = np.asarray(prompts['adapters']['blocks_1']['prompts'])
  bound = (6 / (3 * 4**2 + 32)) ** 0.5
  assert 0.95 * bound < prompts.max() <= bound
  assert -bound <= prompts.min() < -0.95 * bound


def test_dropout_acts_on_the_prompts_only_with_its_rng():
  model = small.build(dict(name='vpt', dropout=0.5), dropout=0.0)
  params, (clip,) = small.random(model), small.clips(model)
  apply = jax.jit(lambda tree, rngs: model.apply(tree, clip, rngs=rngs))
  run = functools.partial(apply, {'params': params})
  assert (run({}) == run({})).all()
  assert (run({'dropout': jax.random.key(0)}) != run({})).any()


def test_no_prompt_is_refused():
  with pytest.raises(ValueError, match=r'prompts is 0; .* from 1'):
    param_shapes(small.build(dict(name='vpt', prompts=0)))
