"""Every method on every family of image models, not on CLIP's alone."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
import small

from i2v_jax import adapters
from i2v_jax import params as params_lib
from i2v_jax.adapters.evl import DecoderLayer
from i2v_jax.backbones.vit_config import FAMILIES
from i2v_jax.models.build import build, merge
from i2v_jax.models.inputs import param_shapes
from i2v_jax.weights import image

BACKBONES = {
  'imagenet': {},
  'augreg': {},
  'dinov2': dict(registers=2),
  'dinov2, mean': dict(pool='mean'),
  'dinov2, swiglu': dict(activation='swiglu', mlp_dim=24),
  'siglip': {},
  'siglip, mean': dict(pool='mean'),
}
# The two that have most that CLIP has not.
FAR = ('dinov2', 'siglip')
GRID = dict(grid=(2, 2), spatial_frames=2)
WHOLE = ('dualpath', 'evl', 'attentive_probe', 'step_probe')
PER_BLOCK = sorted(set(adapters.METHODS) - set(WHOLE))
MERGING = [n for n in PER_BLOCK if adapters.can_merge(dict(name=n))]
OPTIONS = {
  'dualpath': dict(preset='release', **GRID),
  'evl': dict(layers=2),
  'lora': dict(rank=4, on=('q', 'out', 'fc1', 'fc2')),
  'st_adapter': dict(rank=4, pre_attn=True),
  'st_adapter_zeroi2v': dict(rank=4),
}


@functools.cache
def classifier(name, backbone, frames=4, depth=2, operator=None):
  family = backbone.partition(',')[0]
  spec = dict(name=name, **OPTIONS.get(name, {})) if name else None
  options = dict(temporal_embedding=name not in WHOLE)
  if name == 'dualpath':
    options |= dict(dropout=0.0)
  elif operator:
    options |= dict(temporal_operator=dict(name=operator))
  sizes = dict(width=32, depth=depth, num_heads=4, patch_size=4, image_size=16)
  vit = dict(family=family, **sizes | BACKBONES[backbone])
  return build(
    dict(backbone=vit, num_frames=frames, adapter=spec, **options), 3
  )


def test_every_family_is_here():
  here = {name.partition(',')[0] for name in BACKBONES}
  assert here | {'clip'} == set(FAMILIES)


@pytest.mark.parametrize('backbone', FAR)
def test_the_backbones_tree_is_the_image_models(backbone):
  wanted = image.compute_shapes(classifier(None, backbone).image_model)
  for name in (None, *adapters.METHODS):
    found = param_shapes(classifier(name, backbone))['backbone']
    params_lib.check_same_tree(wanted, found, str(name))


@pytest.mark.parametrize('backbone', FAR)
@pytest.mark.parametrize('name', [*PER_BLOCK, None])
def test_it_starts_as_the_image_model_frame_by_frame(name, backbone):
  # The prompts of VPT are tokens from the start.
  small.check_start(
    classifier(name, backbone), 5e-6, is_image_model=name != 'vpt'
  )


@pytest.mark.parametrize('backbone', ['dinov2', 'dinov2, swiglu', 'siglip'])
@pytest.mark.parametrize('name', MERGING)
def test_what_merges_merges(name, backbone):
  model = classifier(name, backbone)
  params, (clip,) = small.random(model), small.clips(model)
  merged, tree = merge(model, params)
  assert 'adapters' not in tree
  params_lib.check_same_tree(param_shapes(merged), tree, name)
  wanted = small.apply(model, params, clip)
  found = small.apply(merged, tree, clip)
  np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-4)


def test_a_merge_leaves_no_trace_of_layer_scale_behind_the_adapter():
  """A(s y) has one linear layer and one scale to take it up: the layer's."""
  model = classifier('zeroi2v', 'dinov2')
  params = small.random(model)
  _, tree = merge(model, params)
  for part in ('attn', 'mlp'):
    scale = tree['backbone']['blocks_1'][part]['scale']
    np.testing.assert_array_equal(scale, np.ones(32))


@pytest.mark.parametrize('backbone', FAR)
def test_st_adapters_leave_what_is_no_patch(backbone):
  """Without class token all tokens are patches; registers are none."""
  model = classifier('st_adapter', backbone, depth=1)
  params, (clip,) = small.random(model), small.clips(model)
  first = model.image_model.num_prefix
  assert first == {'dinov2': 3, 'siglip': 0}[backbone]
  x = jnp.ones((1, 4, first + 16, 32))
  adapt = lambda m, x: m.adapters.blocks[0].adapt_attn(x[:, :, first:])
  y = small.apply(model, params, x, method=adapt)
  assert y.shape == (1, 4, 16, 32)
  assert small.apply(model, params, clip).shape == (1, 3)


@pytest.mark.parametrize('backbone', ['dinov2', 'siglip', 'siglip, mean'])
def test_shallow_prompts_are_gone_before_pooling(backbone):
  family, sizes = backbone.partition(',')[0], dict(width=32, depth=2)
  vit = dict(family=family, num_heads=4, patch_size=4, image_size=16)
  spec = dict(name='vpt', prompts=3, deep=False)
  model = build(
    dict(
      backbone=vit | sizes | BACKBONES[backbone], num_frames=4, adapter=spec
    ),
    3,
  )
  params, (clip,) = small.random(model), small.clips(model)
  embed = lambda m, clip: m.backbone.embed(clip)
  encode = lambda m, x: m.backbone.encode(x, m.adapters.blocks)
  x = small.apply(model, params, clip, method=embed)
  assert small.apply(model, params, x, method=encode).shape == x.shape


def test_token_shift_wants_a_class_token():
  assert param_shapes(classifier(None, 'dinov2', operator='token_shift'))
  with pytest.raises(ValueError, match='moves class tokens and this image'):
    param_shapes(classifier(None, 'siglip', operator='token_shift'))


@pytest.mark.parametrize('backbone', FAR)
def test_evl_looks_for_motion_among_patches(backbone):
  model = classifier('evl', backbone)
  params, (clip,) = small.random(model), small.clips(model)
  features = small.apply(model, params, clip, method='features')
  layer = DecoderLayer(model.image_model, 4, kernel=3, dropout=0.0)
  motion = small.apply(
    layer, params['adapters']['layers_0'], *features[0][1:], method='motion'
  )
  first = model.image_model.num_prefix
  assert not motion[:, :, :first].any() and motion[:, :, first:].all()


@pytest.mark.parametrize('backbone', FAR)
def test_dualpath_numbers_patches_only(backbone):
  model = classifier('dualpath', backbone)
  params, clips = small.random(model), small.clips(model)
  code = small.apply(
    model, params, method=lambda m: m.adapters.position_code(1)
  )
  assert code.shape == (1, model.image_model.num_positions, 32)
  assert small.apply(model, params, *clips).shape == (1, 3)


@pytest.mark.parametrize('backbone', BACKBONES)
def test_relocated_heads_take_registers_and_all_along(backbone):
  operator = dict(name='head_relocation', offsets=(-1, 1))
  model = classifier(None, backbone, frames=5, depth=1).clone(
    temporal_operator=adapters.operators.resolve(operator)
  )
  assert small.reach(model, small.random(model), 2) == {1, 2, 3}
