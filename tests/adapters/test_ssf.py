"""SSF: where it scales and shifts, that it merges, and its count."""

import jax
import numpy as np
import pytest
import small

from i2v_jax.adapters import ssf
from i2v_jax.models.build import merge


@pytest.mark.parametrize(
  'operator', [None, dict(name='head_relocation', offsets=(-1, 1))]
)
def test_merged_weights_are_the_same_function(operator):
  model = small.build(dict(name='ssf'), temporal_operator=operator)
  params, (clip,) = small.random(model), small.clips(model)
  merged, folded = merge(model, params)
  assert merged.adapter is None and 'adapters' not in folded
  before = small.apply(model, params, clip)
  after = small.apply(merged, folded, clip)
  np.testing.assert_allclose(after, before, rtol=0, atol=5e-6)
  plain = {k: v for k, v in params.items() if k != 'adapters'}
  plain = small.apply(merged, plain, clip)
  assert np.abs(plain - before).max() > 1e-3


@pytest.mark.parametrize('part', ssf.PARTS)
def test_every_part_is_shifted_by_itself(part):
  """A shift is the same as a change of the frozen bias of that part."""
  model = small.build(dict(name='ssf'), depth=1)
  params, (clip,) = small.random(model), small.clips(model)
  ones = jax.tree.map(np.zeros_like, params['adapters'])
  for parts in ones['blocks_0'].values():
    parts['scale'] = np.ones_like(parts['scale'])
  shift = params['adapters']['blocks_0'][part]['shift']
  ones['blocks_0'][part]['shift'] = shift
  found = small.apply(model, params | {'adapters': ones}, clip)
  plain = {k: v for k, v in params.items() if k != 'adapters'}
  node = plain['backbone']['blocks_0']
  for key in ssf.PARTS[part]:
    node = node[key]
  node['bias'] = node['bias'] + shift
  wanted = small.apply(model.clone(adapter=None), plain, clip)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


def test_parameter_count_at_full_size():
  spec = dict(
    backbone=dict(variant='B/16'), num_frames=8, adapter=dict(name='ssf')
  )
  assert small.count(spec, 400, ('adapters',)) == 12 * 2 * 11 * 768
