"""ZeroI2V and AIM on Swin against their published implementations."""

import jax
import numpy as np
import published
import pytest
import small
import swin_goldens
from flax.traverse_util import flatten_dict

from i2v_jax.deploy.release import load_release
from i2v_jax.models.build import merge
from i2v_jax.runtime.errors import UserError

GROUPS = {'aim_swin': ('grad', 'grad_not_in_release')}


@pytest.mark.parametrize('name', swin_goldens.ARGUMENTS)
def test_outputs_loss_and_gradients_agree_with_the_release(name):
  model, params, arrays = swin_goldens.load(name)
  loss_fn = lambda params: small.golden_loss(model, params, arrays)
  run = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
  (loss, logits), found = run(params)
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=2e-6)
  np.testing.assert_allclose(loss, arrays['loss'], rtol=1e-5)
  groups = GROUPS.get(name, ('grad',))
  wanted = swin_goldens.gradients(name, arrays, groups)
  assert len(wanted) > 40
  found = flatten_dict(found, sep='/')
  for path, gradient in wanted.items():
    # A constant on every key cancels in the softmax: what is stored for the
    # bias of K is rounding.
    atol = max(1e-4 * np.abs(gradient).max(), 1e-7)
    np.testing.assert_allclose(
      found[path], gradient, rtol=0, atol=atol, err_msg=path
    )


@pytest.mark.parametrize('name', swin_goldens.ARGUMENTS)
def test_tokens_of_every_stage_agree(name):
  model, params, arrays = swin_goldens.load(name)
  stages = sorted(key for key in arrays if key.startswith('stage_'))
  clip, cfg = published.video(arrays), model.image_model

  def run(m, clip):
    x, found = m.backbone.embed(clip), []
    adapters = m.adapters.blocks
    merges = iter(m.backbone.merges)
    for block, adapter in zip(m.backbone.blocks, adapters, strict=True):
      if block.cfg.stage and not block.cfg.index:
        found.append(x)
        x = next(merges)(x)
      x = block(x, adapter)
    return [*found, x]

  found = small.apply(model, params, clip, method=run)
  assert len(found) == len(stages) == len(cfg.depths)
  for key, tokens in zip(stages, found, strict=True):
    wanted = arrays[key].reshape(tokens.shape)
    np.testing.assert_allclose(tokens, wanted, rtol=0, atol=1e-5, err_msg=key)


def test_merged_weights_agree_with_the_release():
  model, params, arrays = swin_goldens.load('zeroi2v_swin')
  published_model, wanted, _ = swin_goldens.load('zeroi2v_swin', 'merged')
  merged, found = merge(model, params)
  assert merged == published_model.clone(adapter=merged.adapter)
  close = lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-6)
  jax.tree.map(close, found, wanted)
  logits = small.apply(published_model, wanted, published.video(arrays))
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=2e-6)


def test_the_file_gives_what_the_arrays_give():
  pytest.importorskip('torch')
  params = swin_goldens.load('aim_swin')[1]
  file = published.HERE / 'checkpoints' / 'aim_swin.pth'
  loaded = load_release(file)
  jax.tree.map(np.testing.assert_array_equal, loaded.params, params)
  assert loaded.report.format == 'AIM on Swin'
  ignored = {key.rpartition('.')[2] for key in loaded.report.ignored}
  assert ignored == {
    'attn_mask',
    'relative_position_index',
    't_relative_coords',
  }
  assert not loaded.report.assumed  # a mask shows the size of the image
  assert loaded.model.num_frames == 8 and loaded.model.image_model.tubelet == 2


def state(name):
  return dict(swin_goldens.load(name)[2]['state'])


def test_what_no_file_holds_is_asked_for():
  arrays = state('zeroi2v_swin')
  with pytest.raises(UserError, match='give offsets=…'):
    load_release(arrays, adapter_scale=1.0)
  with pytest.raises(UserError, match='give adapter_scale=…'):
    load_release(arrays, offsets='quarter')
  with pytest.raises(UserError, match=r'has \(4, 8, 16, 32\) heads in its st'):
    load_release(arrays, offsets='quarter', adapter_scale=1.0, num_heads=4)
  stated = dict(num_heads=[4, 8, 16, 32], adapter_scale=1.0)
  loaded = load_release(arrays, offsets='quarter', **stated)
  assert loaded.report.assumed == ('image_size 96',)
  larger = dict(offsets='quarter', adapter_scale=1.0, image_size=192)
  model = load_release(arrays, **larger).model
  assert model.image_model.block(7).window == 3


def test_windows_over_frames_are_not_ours():
  arrays = state('zeroi2v_swin_full')
  for key in [k for k in arrays if k.endswith('relative_position_index')]:
    arrays[key] = np.zeros((36, 36), np.int64)
  with pytest.raises(UserError, match='for windows over several frames, as Vi'):
    load_release(arrays, offsets='quarter')


@pytest.mark.parametrize(
  ('key', 'error'),
  [
    ('backbone.norm3.weight', 'norm3.weight'),
    ('backbone.layers.1.blocks.1.mlp.MLP_Adapter.D_fc2.bias', 'D_fc2.bias'),
    ('cls_head.fc_cls.bias', 'has no head'),
    ('backbone.layers.2.downsample.norm.bias', 'layers.2.downsample.norm.bia'),
  ],
)
def test_a_missing_array_is_named(key, error):
  arrays = state('zeroi2v_swin')
  del arrays[key]
  with pytest.raises(UserError, match=error):
    load_release(arrays, offsets='quarter', adapter_scale=1.0)


def test_an_unknown_key_is_refused():
  arrays = state('aim_swin') | {'backbone.layers.0.blocks.0.gate': np.ones(1)}
  with pytest.raises(UserError, match=r'blocks\.0\.gate'):
    load_release(arrays)
