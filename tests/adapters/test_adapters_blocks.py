"""Adapters in some blocks only: the others are frozen, and merging copes."""

import jax
import numpy as np
import pytest
import small

from i2v_jax.models.build import merge
from i2v_jax.models.inputs import param_shapes

RELOCATION = dict(name='head_relocation', offsets=(-1, 1))


def spec_of(name):
  ranked = name in ('adaptformer', 'lora', 'st_adapter')
  return dict(name=name) | (dict(rank=4) if ranked else {})


@pytest.mark.parametrize(
  ('name', 'operator'),
  [
    ('adaptformer', dict(name='token_shift')),
    ('aim', None),
    ('lora', dict(name='channel_shift', share=4)),
    ('st_adapter', None),
    ('zeroi2v', RELOCATION),
  ],
)
def test_blocks_that_are_left_out_are_the_frozen_ones(name, operator):
  spec = spec_of(name)
  more = dict(temporal_operator=operator)
  whole, some = (
    small.build(spec | blocks, **more) for blocks in ({}, dict(blocks=(1,)))
  )
  params = small.random(some)
  assert list(params['adapters']) == ['blocks_1']
  start = small.initial(whole)['adapters']  # changes nothing
  both = params | {'adapters': start | params['adapters']}
  (clip,) = small.clips(some)
  found, wanted = (
    small.apply(m, p, clip, method='features')
    for m, p in ((some, params), (whole, both))
  )
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)


def test_offsets_of_a_method_move_heads_in_every_block():
  spec = dict(name='zeroi2v', rank=4, offsets=(-1, 1), blocks=(1,))
  model = small.build(spec, frames=5)
  found = small.reach(model, small.random(model), 2)
  assert found == {0, 1, 2, 3, 4}  # one frame each way per block
  with pytest.raises(ValueError, match='are a head relocation themselves'):
    small.build(spec, temporal_operator=RELOCATION)


@pytest.mark.parametrize('name', ['zeroi2v', 'lora', 'ssf'])
def test_some_blocks_merge(name):
  spec = spec_of(name)
  if name == 'zeroi2v':
    spec |= dict(offsets=(-1, 1))
  model = small.build(spec | dict(blocks=(1,)))
  params, clips = small.random(model), small.clips(model)
  wanted = small.apply(model, params, *clips)
  merged, folded = merge(model, params)
  assert 'adapters' not in folded
  found = small.apply(merged, folded, *clips)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
  kept, there = folded['backbone']['blocks_0'], params['backbone']['blocks_0']
  jax.tree.map(np.testing.assert_array_equal, kept, there)


@pytest.mark.parametrize('blocks', [(2,), (0, 0), (-1,)])
def test_blocks_that_are_not_there_are_refused(blocks):
  with pytest.raises(ValueError, match=r'blocks 0 to 1|blocks\[0\] is -1'):
    param_shapes(small.build(dict(name='zeroi2v', blocks=blocks)))


def test_shallow_prompts_stand_in_all_blocks():
  spec = dict(name='vpt', deep=False, blocks=(1,))
  with pytest.raises(ValueError, match='leave its blocks empty'):
    param_shapes(small.build(spec))
