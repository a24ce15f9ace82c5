"""Published video checkpoints: recognised by their keys."""

import jax
import numpy as np
import published
import pytest
import small
from published import arguments

from i2v_jax import params as params_lib
from i2v_jax.deploy.release import load_release
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import param_shapes

# File -> what its report says, and the method that was found.
FILES = {
  'zeroi2v_3adapters_rf3': ('ZeroI2V on CLIP', 'zeroi2v'),
  'zeroi2v_4adapters_rf3': ('ZeroI2V on CLIP', 'zeroi2v'),
  'zeroi2v_6adapters_rf5': ('ZeroI2V on CLIP', 'zeroi2v'),
  'zeroi2v_gelu_adapters': ('ZeroI2V on CLIP', 'gelu_adapters'),
  'zeroi2v_long_rf6': ('ZeroI2V on CLIP', 'zeroi2v'),
  'aim_clip_3adapters': ('AIM on CLIP', 'aim'),
  'aim_clip_4adapters': ('AIM on CLIP', 'aim'),
  'aim_imagenet_vit': ('AIM on ImageNet ViT', 'aim'),
  'st_adapter_12': ('ST-Adapter on CLIP', 'st_adapter'),
  'st_adapter_24': ('ST-Adapter on CLIP', 'st_adapter'),
  'dualpath_release_16f': ('DualPath on CLIP', 'dualpath'),
  'evl_decoder4': ('EVL on CLIP', 'evl'),
}
MERGED = ('zeroi2v_3adapters_rf3', 'zeroi2v_4adapters_rf3')


def clips(arrays):
  if 'images' in arrays:
    images = arrays['images'].transpose(0, 2, 3, 1)[None]
    return images[:, 1:], images[:, :1]
  return (published.video(arrays),)


def check(loaded, arrays):
  logits = small.apply(loaded.model, loaded.params, *clips(arrays))
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-6)


@pytest.mark.parametrize('name', FILES)
def test_logits_agree_with_the_release(golden, name):
  config, arrays = published.load(golden / f'{name}.npz')
  loaded = load_release(arrays['state'], **arguments(config, arrays))
  check(loaded, arrays)
  found, model = loaded.report, loaded.model
  assert (found.format, model.adapter['name']) == FILES[name]
  assert set(found.loaded) == set(arrays['state'])
  vit = model.image_model
  assert (vit.width, vit.depth, vit.patch_size, vit.image_size) == tuple(
    config[key] for key in ('width', 'layers', 'patch', 'image')
  )
  assert model.num_classes == config['classes']
  assert model.num_frames in (config['frames'], 0)


@pytest.mark.parametrize('name', MERGED)
def test_merged_files_are_recognised(golden, name):
  config, arrays = published.load(golden / f'{name}.npz')
  head = {k: v for k, v in arrays['state'].items() if k.startswith('cls_head')}
  given = arguments(config, arrays)
  del given['adapter_scale']
  loaded = load_release(arrays['merged'] | head, **given)
  check(loaded, arrays)
  assert loaded.report.format == 'ZeroI2V on CLIP, merged'
  assert loaded.model.adapter['num_adapters'] == 0
  assert 'adapters' not in loaded.params
  with pytest.raises(ValueError, match=r'has no head, cls_head\.fc_cls'):
    load_release(arrays['merged'], **given)


@pytest.mark.parametrize('name', MERGED)
def test_our_merge_is_theirs(golden, name):
  config, arrays = published.load(golden / f'{name}.npz')
  given = arguments(config, arrays)
  loaded = load_release(arrays['state'], **given)
  _, ours = merge(loaded.model, loaded.params)
  head = {k: v for k, v in arrays['state'].items() if k.startswith('cls_head')}
  theirs = load_release(arrays['merged'] | head, **given).params
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
  jax.tree.map(close, ours, theirs)


@pytest.mark.parametrize(
  'name', ['aim_clip_3adapters', 'zeroi2v_4adapters_rf3']
)
def test_checkpoints_as_they_are_downloaded(golden, name):
  pytest.importorskip('torch')
  config, arrays = published.load(golden / f'{name}.npz')
  given = arguments(config, arrays)
  check(load_release(golden / 'checkpoints' / f'{name}.pth', **given), arrays)


def test_other_operators_are_an_option(golden):
  config, arrays = published.load(golden / 'ablation_channel_shift_kv.npz')
  operator = dict(name='channel_shift', share=4, on='kv')
  given = arguments(config, arrays) | dict(offsets=())
  check(
    load_release(arrays['state'], **given, temporal_operator=operator), arrays
  )


def test_without_frames_in_any_parameter_all_numbers_go(golden):
  _, arrays = published.load(golden / 'st_adapter_12.npz')
  loaded = load_release(arrays['state'], num_heads=6)
  for frames in (1, 3):
    (clip,) = clips(arrays)
    logits = small.apply(loaded.model, loaded.params, clip[:, :frames])
    assert logits.shape == (2, 5)
  fixed = load_release(arrays['state'], num_heads=6, num_frames=4)
  with pytest.raises(ValueError, match='takes 4 frames, the video has 8'):
    fixed.model.apply({'params': fixed.params}, clip)


def test_some_blocks_only_may_have_st_adapters(golden):
  _, arrays = published.load(golden / 'st_adapter_12.npz')
  state = {k: v for k, v in arrays['state'].items() if '0.adapter' not in k}
  loaded = load_release(state, num_heads=6)
  assert loaded.model.adapter['blocks'] == (1,)
  assert list(loaded.params['adapters']) == ['blocks_1']


def test_evl_takes_its_backbone_from_any_image_file(golden):
  config, arrays = published.load(golden / 'evl_decoder4.npz')
  folder = golden / 'hf_clip_vision'
  state = {k: v for k, v in arrays['state'].items() if not is_late(k)}
  loaded = load_release(state, backbone=folder)
  assert loaded.model.adapter['layers'] == 2
  assert loaded.model.image_model.num_heads == config['heads'] == 6
  assert not loaded.report.new


def is_late(key):
  """Whether a key is of the decoder's third layer or the fourth."""
  return key.startswith('decoder.') and bool({'2', '3'} & {*key.split('.')[:3]})


def test_heads_of_a_published_width_are_assumed_and_reported(golden):
  config, arrays = published.load(golden / 'zeroi2v_long_rf6.npz')
  given = published.arguments(config, arrays) | dict(offsets=())
  assert not load_release(arrays['state'], **given).report.assumed
  del given['num_heads']
  loaded = load_release(arrays['state'], **given)
  assert loaded.report.assumed == ('num_heads 1',)  # of 64 channels


def test_positions_are_resampled(golden):
  config, arrays = published.load(golden / 'aim_clip_3adapters.npz')
  given = arguments(config, arrays)
  loaded = load_release(arrays['state'], **given, image_size=48)
  assert loaded.params['backbone']['pos'].shape == (37, 48)
  assert 'positional_embedding: 10 to 37' in loaded.report.reshaped[0]


def test_dualpath_brings_a_whole_clip_along(golden):
  config, arrays = published.load(golden / 'dualpath_release_16f.npz')
  text = {
    'positional_embedding': np.ones((77, 32), 'f2'),
    'transformer.resblocks.0.ln_1.weight': np.ones(32, 'f4'),
    'logit_scale': np.ones((), 'f4'),
  }
  loaded = load_release(arrays['state'] | text, **arguments(config, arrays))
  assert set(loaded.report.ignored) == set(text)
  check(loaded, arrays)


@pytest.mark.parametrize(
  ('name', 'without', 'error'),
  [
    ('zeroi2v_4adapters_rf3', 'offsets', r'which heads .*; give offsets=…'),
    ('zeroi2v_4adapters_rf3', 'adapter_scale', r'give adapter_scale=…'),
    ('aim_clip_3adapters', 'adapter_scale', r"AIM's adapters; give adapter_sc"),
    ('evl_decoder4', 'backbone', 'frozen image model; give backbone=…'),
  ],
)
def test_what_no_file_holds_is_asked_for(golden, name, without, error):
  config, arrays = published.load(golden / f'{name}.npz')
  given = arguments(config, arrays)
  del given[without]
  with pytest.raises(ValueError, match=error):
    load_release(arrays['state'], **given)


BLOCK = 'backbone.transformer.resblocks.'
WRONG = {
  'renamed': (
    lambda s: {k.replace('1.ln_1.w', '1.ln_x.w'): v for k, v in s.items()},
    r"has no 'backbone\.transformer\.resblocks\.1\.ln_1\.weight'",
  ),
  'a key too many': (
    lambda s: s | {BLOCK + '1.S_Adapter.gate': np.ones(2)},
    'has 1 keys that the model lacks',
  ),
  'a block missing': (
    lambda s: {k: v for k, v in s.items() if not k.startswith(BLOCK + '0')},
    'lacks block 0 of 2',
  ),
  'an adapter missing': (
    lambda s: {k: v for k, v in s.items() if '1.MLP_Adapter_out' not in k},
    'MLP_Adapter_out',
  ),
  'odd places': (
    lambda s: {k: v for k, v in s.items() if 'S_Adapter' not in k},
    'no known arrangement of ZeroI2V',
  ),
  'transposed': (
    lambda s: (
      s | {BLOCK + '1.mlp.c_fc.weight': s[BLOCK + '1.mlp.c_fc.weight'].T}
    ),
    r'mlp/fc1/kernel is \(192, 48\), the model wants \(48, 192\)',
  ),
  'an image model': (
    lambda s: {k.removeprefix('backbone.'): v for k, v in s.items()},
    'is not a known published video model',
  ),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_files_are_refused(golden, case):
  config, arrays = published.load(golden / 'zeroi2v_4adapters_rf3.npz')
  change, error = WRONG[case]
  with pytest.raises(ValueError, match=error):
    load_release(change(arrays['state']), **arguments(config, arrays))


def test_an_unknown_option_is_named(golden):
  config, arrays = published.load(golden / 'aim_clip_3adapters.npz')
  with pytest.raises(ValueError, match='aim has no option warmth; it has'):
    load_release(arrays['state'], **arguments(config, arrays), warmth=1)


def test_parameters_are_those_of_the_model(golden):
  config, arrays = published.load(golden / 'aim_imagenet_vit.npz')
  loaded = load_release(arrays['state'], **arguments(config, arrays))
  shapes = param_shapes(loaded.model)
  params_lib.check_same_tree(shapes, loaded.params, 'found')
