"""EVL against the published implementation, and that its backbone is frozen."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import published
import pytest
import small
from flax.core import FrozenDict

from i2v_jax import params as params_lib
from i2v_jax.adapters import evl
from i2v_jax.backbones.vit import ViT
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.models.evl import EVLClassifier
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training.run import prepare_run
from i2v_jax.weights.image import compute_shapes

TINY = ViTConfig(width=16, depth=3, num_heads=2, patch_size=4, image_size=8)
TRAINABLE = ('adapters', 'head')


def classifier(cfg, num_classes, num_frames, **options):
  adapter = FrozenDict(dict(name='evl') | options)
  return EVLClassifier(cfg, num_classes, num_frames, adapter)


def tiny(num_frames=4, **options):
  """A small classifier whose every parameter is random and not zero."""
  model = classifier(TINY, 3, num_frames, **dict(layers=2) | options)
  (clip,) = small.clips(model, batch=2)
  return model, small.random(model, 0.5), clip


def test_outputs_agree_with_the_release_without_the_final_norm():
  """EVL has none; with blocks rematerialised, as in training at its size."""
  model, params, arrays = published.release('evl_decoder4')
  unused = np.full(model.image_model.width, np.nan, 'f4')
  params['backbone']['ln_post'] = {'scale': unused, 'bias': unused}
  vit = dataclasses.replace(model.image_model, remat='block')
  logits = small.apply(
    model.clone(image_model=vit), params, published.video(arrays)
  )
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-6)


def test_parameter_counts_at_full_size():
  trees = [
    param_shapes(classifier(ViTConfig.named(variant), 400, 8))
    for variant in ('B/16', 'L/14')
  ]
  base, large = (params_lib.split(tree, TRAINABLE)[0] for tree in trees)
  assert params_lib.count(base) == 33_183_376
  assert params_lib.count(large) == 58_727_824
  assert params_lib.count(base['head']) == 309_136
  assert params_lib.count(base['adapters'].pop('cls')) == 768
  part = lambda *names: params_lib.count(
    [[layer[name] for name in names] for layer in base['adapters'].values()]
  )
  assert part('conv') == 12_288
  assert part('pos') == 24_576
  assert part('w1', 'w2') == 4_478_976
  assert part('attn', 'mlp', 'norm1', 'norm2', 'norm3') == 28_357_632


def test_starts_as_the_release():
  params = small.initial(tiny()[0])
  assert not params['adapters']['cls'].any()
  layer, fc = params['adapters']['layers_0'], params['head']['fc']
  mlp, xavier = layer['mlp'], (6 / (16 + 64)) ** 0.5
  assert not any(layer[name].any() for name in ('pos', 'w1', 'w2'))
  for x, bound in (
    (layer['conv']['kernel'], 3**-0.5),
    (layer['conv']['bias'], 3**-0.5),
    (mlp['fc1']['kernel'], xavier),
    (mlp['fc2']['kernel'], xavier),
    (fc['kernel'], 16**-0.5),
    (fc['bias'], 16**-0.5),
  ):
    assert 0.5 * bound < abs(x).max() <= bound
    assert x.min() < 0 < x.max()
  assert 0 < abs(mlp['fc1']['bias']).max() < 1e-5
  variance = layer['attn']['q']['kernel'].var()
  np.testing.assert_allclose(variance, 1 / 16, rtol=0.2)


def test_the_query_may_start_apart_from_zero():
  params = small.initial(tiny(cls_std=0.02)[0])
  np.testing.assert_allclose(params['adapters']['cls'].std(), 0.02, rtol=0.5)


def test_backbone_is_the_image_model():
  model, params, clip = tiny()
  params_lib.check_same_tree(
    compute_shapes(TINY), params['backbone'], 'backbone'
  )
  features = small.apply(model, params, clip, method='features')
  assert jax.tree.map(jnp.shape, features) == (((2, 4, 5, 16),) * 3,) * 2
  run = lambda vit, image: vit.encode(vit.embed(image))
  tokens = small.apply(ViT(TINY), params['backbone'], clip, method=run)
  np.testing.assert_array_equal(features[-1][0], tokens)


def test_cached_features_give_the_logits_and_gradients_of_the_whole():
  model, params, clip = tiny()
  features = jax.tree.map(
    np.array, small.apply(model, params, clip, method='features')
  )

  def loss_fn(params, inputs, method=None):
    logits = model.apply({'params': params}, inputs, method=method)
    return (logits**2).sum(), logits

  grad_fn = jax.jit(jax.grad(loss_fn, has_aux=True), static_argnums=2)
  grads, wanted = grad_fn(params, clip)
  mine, _ = params_lib.split(params, TRAINABLE)
  found = grad_fn(mine, features, 'decode')
  trainable, frozen = params_lib.split(grads, TRAINABLE)
  assert not any(x.any() for x in jax.tree.leaves(frozen))
  assert trainable['adapters']['layers_0']['w1'].any()
  close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
  jax.tree.map(close, found, (trainable, wanted))


def decoder_layer(grid, num_frames):
  """A layer of one head, its random parameters, and random features."""
  cfg = ViTConfig(16, 1, 1, patch_size=4, image_size=4 * grid)
  layer = evl.DecoderLayer(cfg, num_frames, kernel=3, dropout=0.0)
  tokens = (3, 1, num_frames, 1 + grid**2, 16)
  features = jax.random.normal(jax.random.key(1), tokens)
  query = jnp.zeros((1, 1, 16))
  tree = jax.eval_shape(layer.init, jax.random.key(0), query, *features)
  return layer, small.random_like(tree['params'], 0.5), features


def test_motion_looks_up_where_a_patch_was_and_where_it_goes():
  layer, params, _ = decoder_layer(grid=3, num_frames=3)
  # Each patch shows one thing, and all move a column to the right every frame.
  # Large numbers make the attention certain.
  things = 40 * np.eye(9, 16, dtype='f4').reshape(3, 3, 16)
  frames = [np.roll(things, t, axis=1).reshape(9, 16) for t in range(3)]
  x = np.pad(np.stack(frames), ((0, 0), (1, 0), (0, 0)))[None]
  found = np.asarray(small.apply(layer, params, x, x, method='motion'))
  assert not found[:, :, 0].any()
  found = found[0, :, 1:].reshape(3, 3, 3, 16)  # frames, rows, columns, width
  came, goes = params['w1'][2 * 5 + 3], params['w2'][2 * 5 + 1]
  assert abs(found[2, :, 1:] - came).max() < 1e-6
  assert abs(found[0, :, :2] - goes).max() < 1e-6
  assert abs(found[1, :, 1] - came - goes).max() < 1e-6


@pytest.mark.parametrize(
  ('what', 'token', 'reach'),
  [
    ('x', 0, {1, 2, 3}),
    ('x', 1, {1, 2, 3}),
    ('q', 0, set()),
    ('q', 1, {2}),
    ('k', 0, set()),
    ('k', 1, {1, 3}),
  ],
)
def test_which_frames_feel_frame_2_before_the_query(what, token, reach):
  layer, params, features = decoder_layer(grid=2, num_frames=6)
  mix = lambda x: small.apply(layer, params, *x, method='mix')
  moved = features.at['xqk'.index(what), :, 2, token].add(jnp.arange(16.0))
  changed = (mix(moved) != mix(features)).any(axis=(0, 2, 3))
  assert set(np.flatnonzero(changed)) == reach


@pytest.mark.parametrize('frame', range(4))
def test_every_frame_reaches_the_logits(frame):
  model, params, clip = tiny(num_frames=4)
  logits = small.apply(model, params, clip)
  changed = small.apply(model, params, clip.at[:, frame].add(1.0))
  assert abs(changed - logits).max() > 1e-3


def without(params, *names):
  """The decoder's layers with these of their parameters zero."""
  still = lambda path, x: x * all(key.key not in names for key in path)
  adapters = jax.tree_util.tree_map_with_path(still, params['adapters'])
  return params | {'adapters': adapters}


def test_the_order_of_frames_matters_through_the_temporal_parts_only():
  model, params, clip = tiny()
  runs = lambda p: [small.apply(model, p, c) for c in (clip, clip[:, ::-1])]
  forwards, backwards = runs(params)
  assert abs(forwards - backwards).max() > 1e-2
  forwards, backwards = runs(without(params, 'conv', 'pos', 'w1', 'w2'))
  np.testing.assert_allclose(forwards, backwards, rtol=0, atol=1e-5)


def test_one_frame_has_no_motion():
  model, params, clip = tiny(num_frames=1)
  still = without(params, 'w1', 'w2')
  assert (
    small.apply(model, params, clip) == small.apply(model, still, clip)
  ).all()


@pytest.mark.parametrize(('inside', 'head'), [(0.5, 0.0), (0.0, 0.5)])
def test_dropout_acts_only_with_its_rng(inside, head):
  model, params, clip = tiny(dropout=inside)
  model = model.clone(dropout=head)
  apply = jax.jit(lambda tree, rngs: model.apply(tree, clip, rngs=rngs))
  run = functools.partial(apply, {'params': params})
  one, two = (run({'dropout': jax.random.key(i)}) for i in range(2))
  assert (run({}) == run({})).all()
  assert (one != two).any() and (one != run({})).any()


def test_bfloat16_computes_in_it_and_answers_in_float32():
  model, params, clip = tiny()
  half = model.clone(image_model=dataclasses.replace(TINY, dtype=jnp.bfloat16))
  features = small.apply(half, params, clip, method='features')
  assert {x.dtype for x in jax.tree.leaves(features)} == {jnp.bfloat16.dtype}
  logits, wanted = (
    small.apply(half, params, clip),
    small.apply(model, params, clip),
  )
  assert logits.dtype == jnp.float32
  assert 0 < abs(logits - wanted).max() < 0.1 * abs(wanted).max()


def test_numbers_that_do_not_fit_are_named():
  for layers in (0, 4):
    with pytest.raises(ValueError, match=f'last {layers} blocks of 3'):
      tiny(layers=layers)
  model, params, clip = tiny(num_frames=4)
  run = functools.partial(model.apply, {'params': params})
  with pytest.raises(ValueError, match='takes 4 frames, the video has 3'):
    run(clip[:, :3])
  features = small.apply(model, params, clip, method='features')
  short = jax.tree.map(lambda x: x[:, :3], features)
  with pytest.raises(ValueError, match='takes 4 frames, the features have 3'):
    run(short, method='decode')
  with pytest.raises(ValueError, match='reads 2 blocks, the features are of 1'):
    run(features[:1], method='decode')


@pytest.mark.parametrize('prefix', ['', 'backbone', 'backbone/ln_post'])
def test_its_backbone_cannot_be_trained(smoke_config, tmp_path, prefix):
  config = smoke_config('evl_k400', trainable=('adapters', 'head', prefix))
  with pytest.raises(ValueError, match='evl gives backbone no gradient'):
    prepare_run(config, tmp_path)
