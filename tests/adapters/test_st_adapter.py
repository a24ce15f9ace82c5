"""ST-Adapter against the published implementation, and Table 3's variant."""

import jax
import jax.numpy as jnp
import numpy as np
import published
import pytest
import small

from i2v_jax.backbones.vit import ViT
from i2v_jax.models.inputs import param_shapes

FILES = {'st_adapter_12': False, 'st_adapter_24': True}


@pytest.mark.parametrize(('name', 'pre_attn'), FILES.items())
def test_the_release_is_found_as_it_was_built(golden, name, pre_attn):
  """Its logits are those of test_weights_releases."""
  config, _ = published.load(golden / f'{name}.npz')
  model, _, _ = published.release(name)
  adapter = model.adapter
  assert (adapter['rank'], adapter['kernel']) == (
    config['adapter_width'],
    tuple(config['kernel']),
  )
  assert adapter['pre_attn'] == config['pre_attn'] == pre_attn
  assert adapter['pre_mlp'] and config['pre_mlp']


@pytest.mark.parametrize(
  ('variant', 'adapter', 'count'),
  [
    ('B/16', dict(name='st_adapter'), 7_110_144),
    ('B/16', dict(name='st_adapter', pre_attn=True), 14_220_288),
    ('L/14', dict(name='st_adapter'), 24 * 789_376),
    ('B/16', dict(name='st_adapter', blocks=(10, 11)), 2 * 592_512),
  ],
)
def test_parameter_counts_at_full_size(variant, adapter, count):
  spec = dict(
    backbone=dict(variant=variant), num_frames=8, adapter=dict(adapter)
  )
  assert small.count(spec, 400, ('adapters',)) == count


def test_zeros_stand_outside_the_clip():
  """The first and the last frame see one neighbour, and nothing wraps."""
  model = small.build(dict(name='st_adapter', pre_attn=True), frames=5, depth=1)
  params = small.random(model)
  assert small.reach(model, params, 0) == {0, 1}
  assert small.reach(model, params, 4) == {3, 4}


def test_the_kernel_decides_what_is_mixed():
  wide = dict(name='st_adapter', pre_attn=True, kernel=(5, 1, 1))
  model = small.build(wide, frames=5, depth=1)
  assert small.reach(model, small.random(model), 2) == {0, 1, 2, 3, 4}
  still = dict(name='st_adapter', pre_attn=True, kernel=(1, 3, 3))
  model = small.build(still, frames=5, depth=1)
  assert small.reach(model, small.random(model), 2) == {2}


def test_the_readout_averages_before_the_final_norm():
  options = dict(temporal_embedding=False)
  first = small.build(None, mean_first=True, **options)
  params, (clip,) = small.random(first), small.clips(first)
  encode = lambda vit, clip: vit.encode(vit.embed(clip))[:, :, 0]
  cls_BxTxD = small.apply(
    ViT(first.image_model), params['backbone'], clip, method=encode
  )
  norm = params['backbone']['ln_post']
  mean = np.asarray(cls_BxTxD.mean(1), np.float64)
  y = (mean - mean.mean(-1)) / np.sqrt(mean.var(-1) + 1e-5)
  y = y * norm['scale'] + norm['bias']
  wanted = y @ params['head']['kernel'] + params['head']['bias']
  logits = small.apply(first, params, clip)
  np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-5)
  other = small.apply(small.build(None, **options), params, clip)
  assert jnp.abs(other - logits).max() > 1e-3


@pytest.mark.parametrize(
  ('adapter', 'error'),
  [
    (dict(name='st_adapter', pre_mlp=False), 'pre_attn or pre_mlp'),
    (dict(name='st_adapter', kernel=(2, 1, 1)), 'an odd integer'),
    (dict(name='st_adapter', kernel=(3,)), 'a list of 3'),
    (dict(name='st_adapter_zeroi2v', num_adapters=3), r'one of \(2, 4\)'),
  ],
)
def test_wrong_options_are_named(adapter, error):
  with pytest.raises(ValueError, match=error):
    param_shapes(small.build(adapter))


def test_the_variant_of_table_3_written_out():
  """fc2(GELU(conv over frames(fc1 x))) with skip, four times in a block."""
  model = small.build(dict(name='st_adapter_zeroi2v', rank=4), depth=1)
  params = small.random(model)
  x = np.asarray(jax.random.normal(jax.random.key(0), (1, 4, 17, 32)))
  adapters = params['adapters']['blocks_0']

  def adapt(name, x):
    p, wide = adapters[name], lambda b: b.reshape(1, 1, 1, -1)
    h = x @ p['fc1']['kernel'] + wide(p['fc1']['bias'])
    h = jnp.pad(h, ((0, 0), (1, 1), (0, 0), (0, 0)))
    taps = p['conv']['kernel'][:, 0]
    h = sum(h[:, j : j + 4] * wide(taps[j]) for j in range(3))
    h = jax.nn.gelu(h + wide(p['conv']['bias']), approximate=False)
    return x + h @ p['fc2']['kernel'] + wide(p['fc2']['bias'])

  def by_hand(m, x):
    block = m.backbone.blocks[0]
    y = adapt('adapt_attn', x)
    y = y + adapt('attn_out', block.attn(block.ln1(y)))
    y = adapt('adapt_mlp', y)
    return y + adapt('mlp_out', block.mlp(block.ln2(y)))

  found, wanted = (
    small.apply(model, params, x, method=f)
    for f in (small.first_block, by_hand)
  )
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)


def test_blocks_that_are_not_there_are_named():
  with pytest.raises(ValueError, match=r'blocks is \(1, 9\); .* 0 to 1'):
    param_shapes(small.build(dict(name='st_adapter', blocks=(1, 9))))
