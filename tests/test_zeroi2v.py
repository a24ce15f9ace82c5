"""ZeroI2V against the published implementation, and what makes it free."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import published
import pytest
from flax.traverse_util import flatten_dict

from i2v_jax import params as params_lib
from i2v_jax import video
from i2v_jax.adapters import zeroi2v
from i2v_jax.vit import ViT, ViTConfig

GOLDEN = pathlib.Path(__file__).parent / 'golden'
FILES = {  # file -> adapters per block
  'zeroi2v_3adapters_rf3': 3,
  'zeroi2v_4adapters_rf3': 4,
  'zeroi2v_6adapters_rf5': 6,
  'zeroi2v_long_rf6': 4,
}
TRAINABLE = ('adapters', 'temporal_embedding', 'head', 'backbone/ln_post')


@functools.partial(jax.jit, static_argnums=(0, 3))
def _apply(model, params, clip, method):
  return model.apply({'params': params}, clip, method=method)


def apply(model, params, clip, method=None):
  return _apply(model, params, clip, method)


def classifier(config, num_adapters):
  spec = dict(
    backbone=dict(
      width=config['width'],
      depth=config['layers'],
      num_heads=config['heads'],
      patch_size=config['patch'],
      image_size=config['image'],
    ),
    num_frames=config['frames'],
    adapter=dict(
      name='zeroi2v',
      num_adapters=num_adapters,
      offsets=tuple(config['offsets']),
      scale=config['adapter_scale'],
    ),
  )
  return video.build(spec, config['classes'])


@pytest.fixture(params=FILES)
def golden(request):
  config, arrays = published.load(GOLDEN / f'{request.param}.npz')
  model = classifier(config, FILES[request.param])
  params = published.params(arrays['state'], config['layers'])
  return model, params, arrays, arrays['input'].transpose(0, 2, 3, 4, 1)


def tiny(offsets=(-1, 1), num_adapters=4, num_frames=4, depth=1, **options):
  """A small classifier whose every parameter is random and not zero."""
  spec = dict(
    backbone=dict(
      width=32, depth=depth, num_heads=4, patch_size=4, image_size=8
    ),
    num_frames=num_frames,
    adapter=dict(
      name='zeroi2v', num_adapters=num_adapters, offsets=offsets, **options
    ),
  )
  model = video.build(spec, 3)
  clip = jax.random.normal(jax.random.key(1), (1, num_frames, 8, 8, 3))
  shapes = jax.eval_shape(model.init, jax.random.key(0), clip)['params']
  rng = np.random.default_rng(0)
  random = lambda x: 0.2 * rng.standard_normal(x.shape, 'f4')
  return model, jax.tree.map(random, shapes), clip


def test_outputs_agree_with_the_release(golden):
  model, params, arrays, clip = golden
  shapes = jax.eval_shape(model.init, jax.random.key(0), clip)['params']
  params_lib.check_same_tree(shapes, params, 'golden')
  logits = apply(model, params, clip)
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-5)


def test_loss_and_gradients_agree_with_the_release(golden):
  model, params, arrays, clip = golden
  mine, frozen = params_lib.split(params, TRAINABLE)

  def loss_fn(mine):
    logits = model.apply({'params': params_lib.join(mine, frozen)}, clip)
    return optax.softmax_cross_entropy_with_integer_labels(
      logits, arrays['labels']
    ).mean()

  loss, grads = jax.jit(jax.value_and_grad(loss_fn))(mine)
  np.testing.assert_allclose(loss, arrays['loss'], rtol=1e-5)
  wanted = published.gradients(arrays['grad'], model.vit.depth)
  wanted = flatten_dict(wanted, sep='/')
  grads = flatten_dict(grads, sep='/')
  assert grads.keys() == wanted.keys()
  for path, grad in grads.items():
    # A constant on every key cancels in the softmax: the gradient of the
    # biases before K is zero, and what is stored for it is rounding.
    atol = max(1e-4 * np.abs(wanted[path]).max(), 1e-9)
    np.testing.assert_allclose(
      grad, wanted[path], rtol=0, atol=atol, err_msg=path
    )


def test_merged_weights_agree_with_the_release(golden):
  model, params, arrays, clip = golden
  merged_model, merged = video.merge(model, params)
  np.testing.assert_allclose(
    apply(merged_model, merged, clip), arrays['output'], rtol=0, atol=1e-5
  )
  if 'merged' not in arrays:  # the release merges neither 6 nor long offsets
    assert set(merged['backbone']) == set(params['backbone'])
    return
  wanted = published.backbone(arrays['merged'], model.vit.depth)
  wanted = flatten_dict(wanted, sep='/')
  found = flatten_dict(merged['backbone'], sep='/')
  assert found.keys() == wanted.keys()
  for path, value in found.items():
    np.testing.assert_allclose(
      value, wanted[path], rtol=0, atol=1e-5, err_msg=path
    )


@pytest.mark.parametrize(
  ('offset', 'sources'),
  [
    (0, [0, 1, 2, 3, 4, 5, 6, 7]),
    (-1, [0, 0, 1, 2, 3, 4, 5, 6]),
    (1, [1, 2, 3, 4, 5, 6, 7, 7]),
    (-2, [0, 1, 0, 1, 2, 3, 4, 5]),
    (2, [2, 3, 4, 5, 6, 7, 6, 7]),
    (-3, [0, 1, 2, 0, 1, 2, 3, 4]),
    (8, [0, 1, 2, 3, 4, 5, 6, 7]),
    (-9, [0, 1, 2, 3, 4, 5, 6, 7]),
  ],
)
def test_frame_sources(offset, sources):
  frames = jnp.arange(8.0).reshape(1, 8, 1, 1, 1)
  assert zeroi2v.shift(frames, offset).ravel().tolist() == sources


def test_half_heads_are_laid_from_channel_zero():
  cfg = ViTConfig(width=8, depth=1, num_heads=2, patch_size=4)
  groups = zeroi2v.channel_groups(((-1, 2), (1, 2)), cfg)
  assert groups == [(-1, 2), (1, 2), (0, 4)]
  frames = jnp.broadcast_to(jnp.arange(4.0)[:, None, None], (4, 1, 8))
  moved = zeroi2v.relocate(frames[None], groups, 4)[0, :, 0]
  assert moved[2].tolist() == [1, 1, 3, 3, 2, 2, 2, 2]
  whole = zeroi2v.channel_groups((-1, -1), cfg)
  assert whole == zeroi2v.channel_groups(((-1, 8),), cfg) == [(-1, 8)]


def test_more_offsets_than_heads_are_refused():
  cfg = ViTConfig(width=8, depth=1, num_heads=2, patch_size=4)
  with pytest.raises(ValueError, match='2 heads of 4'):
    zeroi2v.channel_groups((1, 1, 1), cfg)


@pytest.mark.parametrize(
  ('offsets', 'reach'),
  [((), {2}), ((0, 0), {2}), ((-1, 1), {1, 2, 3}), ((-2,), {2, 4})],
)
def test_which_frames_feel_frame_2(offsets, reach):
  model, params, clip = tiny(offsets, num_frames=6)
  features = lambda clip: apply(model, params, clip, 'features')
  changed = features(clip.at[:, 2].add(1.0)) != features(clip)
  assert set(np.flatnonzero(changed.any(axis=(0, 2)))) == reach


@pytest.mark.parametrize('num_adapters', [0, 3, 4, 6])
@pytest.mark.parametrize('offsets', [(-1, 1, -3), ((-2, 12), (2, 4))])
def test_merge_keeps_the_function(num_adapters, offsets):
  model, params, clip = tiny(offsets, num_adapters, depth=2, scale=0.7)
  merged_model, merged = video.merge(model, params)
  assert 'adapters' not in merged
  assert merged_model.adapter['offsets'] == model.adapter['offsets']
  np.testing.assert_allclose(
    apply(merged_model, merged, clip),
    apply(model, params, clip),
    rtol=0,
    atol=2e-6,
  )


def test_merge_refuses_what_has_no_linear_adapters():
  model, params, _ = tiny()
  with pytest.raises(ValueError, match='a model without adapter'):
    video.merge(model.clone(adapter=None), params)


def test_merged_model_costs_what_the_image_model_costs():
  model, params, clip = tiny((-1, 1, 2), depth=2)
  merged_model, merged = video.merge(model, params)
  plain = model.clone(adapter=None)

  def flops(model, params):
    apply = jax.jit(lambda p, x: model.apply({'params': p}, x))
    return apply.lower(params, clip).compile().cost_analysis()['flops']

  assert flops(merged_model, merged) == flops(plain, merged)
  assert flops(model, params) > 1.05 * flops(plain, merged)


def test_backbone_tree_is_the_image_models():
  model, params, clip = tiny()
  init = ViT(model.vit).init
  image = jax.eval_shape(init, jax.random.key(0), clip[:, 0])['params']
  params_lib.check_same_tree(image, params['backbone'], 'backbone')


def test_starts_as_the_image_model_with_moved_heads():
  model, _, clip = tiny((), num_adapters=6)
  params = jax.jit(model.init)(jax.random.key(0), clip)['params']
  image = apply(ViT(model.vit), params['backbone'], clip)
  features = apply(model, params, clip, 'features')
  np.testing.assert_allclose(features, image[:, :, 0], rtol=0, atol=1e-6)


def test_dropout_acts_only_with_its_rng():
  model, params, clip = tiny()
  run = jax.jit(lambda rngs: model.apply({'params': params}, clip, rngs=rngs))
  one, two = (run({'dropout': jax.random.key(i)}) for i in range(2))
  assert (run({}) == run({})).all()
  assert (one != two).any()
  assert (one != run({})).any()


@pytest.mark.parametrize(
  ('preset', 'count'),
  [  # 4 adapters unless the preset says otherwise
    ('k400_B_8f_release', 14_517_136),
    ('ssv2_B_8f_paper', 21_444_270),
    ('k400_L_8f_release', 50_874_768),
    ('ssv2_L_32f_release', 50_667_694),
    ('ssv2_B_8f_paper/4', 14_343_342),
  ],
)
def test_parameter_counts_at_full_size(preset, count):
  name, _, num_adapters = preset.partition('/')
  dataset, size, frames, _ = name.split('_')
  adapter = dict(name='zeroi2v', preset=name)
  if num_adapters:
    adapter['num_adapters'] = int(num_adapters)
  spec = dict(
    backbone=dict(variant={'B': 'B/16', 'L': 'L/14'}[size]),
    num_frames=int(frames[:-1]),
    adapter=adapter,
  )
  model = video.build(spec, {'k400': 400, 'ssv2': 174}[dataset])
  clip = jax.ShapeDtypeStruct((1, model.num_frames, 224, 224, 3), jnp.float32)
  shapes = jax.eval_shape(model.init, jax.random.key(0), clip)['params']
  assert params_lib.count(params_lib.split(shapes, TRAINABLE)[0]) == count


@pytest.mark.parametrize('name', zeroi2v.OFFSETS)
def test_presets_have_the_receptive_field_of_the_tables(name):
  dataset, size, frames, source = name.split('_')
  frames = int(frames[:-1])
  table = {'k400': {8: 3, 16: 4, 32: 6}, 'ssv2': {8: 3, 16: 5, 32: 6}}
  field = len(set(zeroi2v.OFFSETS[name]) | {0})
  published_differently = {'k400_B_16f_release': 3, 'k400_L_32f_release': 4}
  assert field == published_differently.get(name, table[dataset][frames])
  options = zeroi2v.ZeroI2V.preset(name)
  assert options['scale'] == {'k400': 0.5, 'ssv2': 1.0}[dataset]
  assert options['num_adapters'] == (6 if name == 'ssv2_B_8f_paper' else 4)
  assert options['dropout'] == (0 if name == 'ssv2_B_16f_release' else 0.1)
  assert len(zeroi2v.OFFSETS[name]) <= {'B': 12, 'L': 16}[size]
  assert source in ('paper', 'release')


@pytest.mark.parametrize(
  ('spec', 'error'),
  [
    (dict(name='zeroi2w'), 'Unknown adapter'),
    (dict(name='zeroi2v', rang=1), 'no option'),
    (dict(name='zeroi2v', preset='k400_B_64f_paper'), 'No ZeroI2V preset'),
    (dict(name='zeroi2v', num_adapters=5), 'not 5'),
  ],
)
def test_wrong_options_are_named(spec, error):
  clip = jnp.zeros((1, 4, 8, 8, 3))
  with pytest.raises(ValueError, match=error):
    spec = dict(
      backbone=dict(width=32, depth=1, num_heads=4, patch_size=4, image_size=8),
      num_frames=4,
      adapter=spec,
    )
    video.build(spec, 3).init(jax.random.key(0), clip)


def test_wrong_number_of_frames_is_named():
  model, params, clip = tiny(num_frames=4)
  with pytest.raises(ValueError, match='takes 4 frames, the video has 3'):
    model.apply({'params': params}, clip[:, :3])
