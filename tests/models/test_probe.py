"""Probes: VideoEval's against its golden, STEP against its equations."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import published
import pytest
import small
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax import params as params_lib
from i2v_jax.adapters.probes import AttentiveProbe
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training.run import prepare_run

PROBES = ('attentive_probe', 'step_probe')
TRAINABLE = ('adapters', 'head')


@functools.cache
def tiny(name, **options):
  """A small classifier, every parameter random and not zero, and a clip."""
  model = small.build(dict(name=name, **options), temporal_embedding=False)
  (clip,) = small.clips(model, batch=2)
  return model, small.random(model, 0.5), clip


def flat_of_videoeval(arrays, prefix, heads):
  """VideoEval's tensors under our paths."""
  block = f'{prefix}attentive_pooler.cross_attention_block.'
  take = lambda name: arrays[block + name]
  k, v = np.split(take('xattn.kv.weight'), 2)
  by_head = lambda w: w.T.reshape(len(w), heads, -1)
  found = {
    'adapters/pos': arrays[f'{prefix}temporal_embedding'][0, :, 0],
    'adapters/query': arrays[f'{prefix}attentive_pooler.query_tokens'][0, 0],
    'adapters/attn/k/kernel': by_head(k),
    'adapters/attn/v/kernel': by_head(v),
    'adapters/attn/v/bias': np.split(take('xattn.kv.bias'), 2)[1].reshape(
      heads, -1
    ),
  }
  for norm in ('norm1', 'norm2'):
    found[f'adapters/{norm}/scale'] = take(f'{norm}.weight')
    found[f'adapters/{norm}/bias'] = take(f'{norm}.bias')
  layers = {'attn/q': 'xattn.q', 'attn/out': 'xattn.proj'}
  layers |= {'fc1': 'mlp.fc1', 'fc2': 'mlp.fc2'}
  for ours, name in layers.items():
    found[f'adapters/{ours}/kernel'] = take(f'{name}.weight').T
    found[f'adapters/{ours}/bias'] = take(f'{name}.bias')
  found['head/kernel'] = arrays['cls_head.fc_cls.weight'].T
  return found | {'head/bias': arrays['cls_head.fc_cls.bias']}


def test_the_attentive_probe_is_videoevals(golden):
  config, arrays = published.load(golden / 'vidtab_attentive_probe.npz')
  heads = config['heads']
  sizes = dict(width=48, depth=1, num_heads=heads, patch_size=4)
  model = small.build(
    dict(name='attentive_probe'), frames=8, temporal_embedding=False
  ).clone(image_model=ViTConfig(**sizes, image_size=12), num_classes=5)
  flat = flat_of_videoeval(arrays['state'], 'backbone.', heads)
  params = unflatten_dict(flat, sep='/')
  tree = param_shapes(model)
  params_lib.check_same_tree(
    {part: tree[part] for part in TRAINABLE}, params, 'golden'
  )
  probe = AttentiveProbe(model.image_model, 8)
  pooled = small.apply(probe, params['adapters'], arrays['input'])
  np.testing.assert_allclose(pooled, arrays['pooled'], rtol=0, atol=1e-5)

  def loss_fn(params):
    logits = model.apply({'params': params}, arrays['input'], method='decode')
    losses = optax.softmax_cross_entropy_with_integer_labels(
      logits, arrays['labels']
    )
    return losses.mean(), logits

  run = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
  (loss, logits), found = run(params)
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-5)
  np.testing.assert_allclose(loss, arrays['loss'], rtol=1e-5)
  wanted, found = (
    flat_of_videoeval(arrays['grad'], '', heads),
    flatten_dict(found, sep='/'),
  )
  assert wanted.keys() == found.keys()
  for path, x in wanted.items():
    atol = 1e-3 * np.abs(x).max()
    np.testing.assert_allclose(found[path], x, rtol=0, atol=atol, err_msg=path)


def test_the_bias_of_keys_that_is_left_out_never_trained(golden):
  _, arrays = published.load(golden / 'vidtab_attentive_probe.npz')
  block = 'attentive_pooler.cross_attention_block.xattn.kv'
  keys, values = np.split(arrays['grad'][f'{block}.bias'], 2)
  assert abs(keys).max() < 1e-8 < 1e-4 < abs(values).max()


def write_out_step(params, x_BxTxPxD, heads):
  """STEP's layer as its equations have it: self-attention of all tokens."""
  x = x_BxTxPxD + params['pos'][None, :, None]
  batch, width = len(x), x.shape[-1]
  cls = np.broadcast_to(params['cls'], (batch, 1, width))
  x = np.concatenate([cls, x.reshape(batch, -1, width)], axis=1)
  attn = params['attn']
  matrix = lambda name: np.reshape(attn[name]['kernel'], (width, width))
  q = x @ matrix('q') + attn['q']['bias']
  k, v = x @ matrix('k'), x @ matrix('v') + attn['v']['bias'].reshape(-1)
  y = np.zeros_like(x)
  for head in np.split(np.arange(width), heads):
    scores = q[..., head] @ k[..., head].swapaxes(1, 2) / len(head) ** 0.5
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    y[..., head] = weights @ v[..., head]
  return (y @ matrix('out') + attn['out']['bias'])[:, 0]


def test_steps_layer_is_attention_alone():
  model, params, clip = tiny('step_probe')
  x = np.asarray(small.apply(model, params, clip, method='features'))
  assert x.shape == (2, 4, 16, 32)  # patches, without class tokens of frames
  found = small.apply(model, params, clip, method='represent')
  exact = jax.tree.map(lambda x: np.asarray(x, 'f8'), params['adapters'])
  wanted = write_out_step(exact, x.astype('f8'), 4)
  assert np.abs(wanted).max() > 1
  np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
  logits = small.apply(model, params, clip)
  head = params['head']
  np.testing.assert_allclose(
    logits, wanted @ head['kernel'] + head['bias'], rtol=1e-3, atol=1e-3
  )


@pytest.mark.parametrize('positions', [True, False])
@pytest.mark.parametrize('name', PROBES)
def test_positions_alone_see_the_order_of_frames(name, positions):
  model, params, clip = tiny(name, positions=positions)
  assert ('pos' in params['adapters']) == positions
  logits = small.apply(model, params, clip)
  moved = small.apply(model, params, clip[:, jnp.array([2, 0, 3, 1])])
  if positions:
    assert abs(moved - logits).max() > 0.01
  else:
    np.testing.assert_allclose(moved, logits, rtol=0, atol=1e-4)


def test_videoevals_probe_starts_without_order_and_step_with_it():
  for name in PROBES:
    pos = small.initial(tiny(name)[0])['adapters']['pos']
    assert pos.any() == (name == 'step_probe')


@pytest.mark.parametrize('name', PROBES)
def test_kept_features_give_the_gradients_of_the_whole_and_none_below(name):
  model, params, clip = tiny(name)
  features = small.apply(model, params, clip, method='features')

  def loss_fn(params, inputs, method=None):
    logits = model.apply({'params': params}, inputs, method=method)
    return (logits**2).sum()

  grad_fn = jax.jit(jax.grad(loss_fn), static_argnums=2)
  mine, _ = params_lib.split(params, TRAINABLE)
  found = grad_fn(mine, features, 'decode')
  wanted, below = params_lib.split(grad_fn(params, clip), TRAINABLE)
  assert not any(x.any() for x in jax.tree.leaves(below))
  close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-3)
  jax.tree.map(close, found, wanted)


def test_tokens_come_after_the_final_norm_or_before_it():
  """As the last hidden state of Hugging Face's CLIP, which VideoEval reads."""
  model, params, clip = tiny('attentive_probe', final_norm=False)
  encode = lambda m, x: m.backbone.encode(m.backbone.embed(x))
  before = small.apply(model, params, clip, method=encode)
  found = small.apply(model, params, clip, method='features')
  np.testing.assert_array_equal(found, before)
  after = small.apply(
    tiny('attentive_probe')[0], params, clip, method='features'
  )
  assert abs(after - before).max() > 0.1


def test_parameter_counts_at_full_size():
  count = lambda name: small.count(
    dict(
      backbone=dict(variant='L/14'),
      num_frames=8,
      adapter=name,
      temporal_embedding=False,
    ),
    400,
    TRAINABLE,
  )
  width, head = 1024, 1025 * 400
  attention = 4 * width**2 + 3 * width
  mlp, norms = 8 * width**2 + 5 * width, 4 * width
  vectors = (8 + 1) * width
  assert count('step_probe') == attention + vectors + head
  assert count('attentive_probe') == attention + mlp + norms + vectors + head


def test_dropout_acts_only_with_its_rng():
  model, params, clip = tiny('step_probe')
  apply = jax.jit(lambda rngs: model.apply({'params': params}, clip, rngs=rngs))
  one, two = (apply({'dropout': jax.random.key(i)}) for i in range(2))
  assert (apply({}) == apply({})).all()
  assert (one != two).any() and (one != apply({})).any()


@pytest.mark.parametrize('name', PROBES)
def test_bfloat16_computes_in_it_and_answers_in_float32(name):
  model, params, clip = tiny(name)
  cfg = dataclasses.replace(model.image_model, dtype=jnp.bfloat16)
  half = model.clone(image_model=cfg)
  features = small.apply(half, params, clip, method='features')
  assert features.dtype == jnp.bfloat16
  found, wanted = (small.apply(m, params, clip) for m in (half, model))
  assert found.dtype == jnp.float32
  assert 0 < abs(found - wanted).max() < 0.2 * abs(wanted).max()


def test_another_number_of_frames_is_named():
  model, params, clip = tiny('step_probe')
  run = functools.partial(model.apply, {'params': params})
  with pytest.raises(ValueError, match='takes 4 frames, the video has 3'):
    run(clip[:, :3])
  features = small.apply(model, params, clip, method='features')
  with pytest.raises(ValueError, match='takes 4 frames, the features have 3'):
    run(features[:, :3], method='decode')


def test_its_backbone_cannot_be_trained(smoke_config, tmp_path):
  changes = {
    'model.adapter': dict(name='step_probe'),
    'model.temporal_embedding': False,
    'trainable': ('adapters', 'head', 'backbone/ln_post'),
  }
  config = smoke_config()
  with config.unlocked(), config.ignore_type():
    config.update_from_flattened_dict(changes)
  with pytest.raises(ValueError, match='step_probe gives backbone no gradient'):
    prepare_run(config, tmp_path)
