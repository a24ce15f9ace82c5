"""AdaptFormer: its equation, count and start."""

import jax
import numpy as np
import small

from i2v_jax.backbones.vit import Mlp


def test_the_branch_reads_the_tokens_before_the_norm():
  """x + mlp(ln2 x) + 0.1 up(relu(down x)), written out."""
  model = small.build(dict(name='adaptformer', rank=5), depth=1)
  params = small.random(model)
  x = jax.random.normal(jax.random.key(0), (1, 4, 17, 32))

  def attended(m, x):
    block = m.backbone.blocks[0]
    y = x + block.attn(block.ln1(x))
    return y, block.ln2(y)

  y, normed = small.apply(model, params, x, method=attended)
  frozen = params['backbone']['blocks_0']['mlp']
  mlp = small.apply(Mlp(model.image_model), frozen, normed)
  beside = params['adapters']['blocks_0']['beside']
  linear = lambda p, x: x @ p['kernel'] + p['bias'].reshape(1, 1, 1, -1)
  h = np.maximum(linear(beside['down'], y), 0)
  wanted = y + mlp + 0.1 * linear(beside['up'], h)
  found = small.apply(model, params, x, method=small.first_block)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-6)


def test_parameter_count_at_full_size():
  spec = dict(
    backbone=dict(variant='B/16'),
    num_frames=8,
    adapter=dict(name='adaptformer'),
  )
  assert small.count(spec, 400, ('adapters',)) == 1_189_632


def test_starts_as_lora_does():
  params = small.initial(small.build(dict(name='adaptformer')))
  beside = params['adapters']['blocks_0']['beside']
  down = np.asarray(beside['down']['kernel'])
  assert 0.9 * 32**-0.5 < np.abs(down).max() <= 32**-0.5
  assert not any(
    np.any(x) for x in (beside['down']['bias'], *beside['up'].values())
  )
