"""LoRA: what it adds, how it starts, and that it merges."""

import jax
import numpy as np
import pytest
import small

from i2v_jax.models.build import merge
from i2v_jax.models.inputs import param_shapes

ALL = ('q', 'k', 'v', 'out', 'fc1', 'fc2')
OFFSETS = dict(name='head_relocation', offsets=(-1, 1))


def lora(**options):
  return dict(name='lora', rank=4, **options)


@pytest.mark.parametrize('on', [('q', 'v'), ('out',), ('fc1', 'fc2'), ALL])
@pytest.mark.parametrize('operator', [None, OFFSETS])
def test_merged_weights_are_the_same_function(on, operator):
  """With an operator too: updates are added before the heads move."""
  adapter = lora(on=on, alpha=8.0)
  model = small.build(adapter, temporal_operator=operator)
  params, (clip,) = small.random(model), small.clips(model)
  merged, folded = merge(model, params)
  assert merged.adapter is None and 'adapters' not in folded
  assert merged.temporal_operator == model.temporal_operator
  before = small.apply(model, params, clip)
  after = small.apply(merged, folded, clip)
  np.testing.assert_allclose(after, before, rtol=0, atol=5e-6)
  plain = params | {'adapters': jax.tree.map(np.zeros_like, params['adapters'])}
  assert np.abs(small.apply(model, plain, clip) - before).max() > 1e-3


def test_the_update_is_alpha_over_rank_times_its_factors():
  model = small.build(lora(on=('fc1',), alpha=8.0))
  params = small.random(model)
  _, folded = merge(model, params)
  found, frozen = (
    tree['backbone']['blocks_1']['mlp']['fc1']['kernel']
    for tree in (folded, params)
  )
  update = params['adapters']['blocks_1']['fc1']
  added = 8 / 4 * update['down']['kernel'] @ update['up']['kernel']
  np.testing.assert_allclose(found, frozen + added, rtol=0, atol=1e-6)


def test_the_development_code_disturbs_the_image_model():
  dev = small.build(lora(init_scheme='zeroi2v_dev'))
  params = small.initial(dev)
  update = params['adapters']['blocks_0']['q']
  for factor in ('down', 'up'):
    kernel = update[factor]['kernel']
    np.testing.assert_allclose(kernel.std(), 0.02, rtol=0.3)
  standard = small.initial(small.build(lora()))['adapters']['blocks_0']['q']
  assert not standard['up']['kernel'].any()
  bound = 32**-0.5
  assert 0.9 * bound < np.abs(standard['down']['kernel']).max() <= bound


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    (dict(on=('q', 'o')), r"on\[1\] is 'o'"),
    (dict(on=()), 'some of'),
    (dict(init_scheme='random'), "init_scheme is 'random'"),
  ],
)
def test_wrong_options_are_named(options, error):
  with pytest.raises(ValueError, match=error):
    param_shapes(small.build(lora(**options)))
