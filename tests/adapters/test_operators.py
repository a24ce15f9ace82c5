"""Temporal operators: which frame comes from where, and Table 2a's code."""

import copy
import math
import pickle
import re
import types

import jax
import jax.numpy as jnp
import numpy as np
import published
import pytest
import small

from i2v_jax.adapters import frame_shift, operators
from i2v_jax.backbones import attention
from i2v_jax.backbones.vit import Block, keep_heads
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError

GOLDENS = {
  'ablation_channel_shift_kv': dict(name='channel_shift', share=4),
  'ablation_channel_shift_qkv': dict(name='channel_shift', share=4, on='qkv'),
  'ablation_head_relocation_qkv': dict(
    name='head_relocation', offsets=(-1, 1), on='qkv'
  ),
}
TWO_HEADS = ViTConfig(width=8, depth=1, num_heads=2, patch_size=4)


@pytest.mark.parametrize(('file', 'operator'), GOLDENS.items())
def test_outputs_loss_and_gradients_agree_with_the_release(file, operator):
  options = dict(offsets=(), temporal_operator=operator)
  small.check_golden(*published.release(file, **options))


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
  assert frame_shift.shift(frames, offset).ravel().tolist() == sources


def test_half_heads_are_laid_from_channel_zero():
  groups = frame_shift.channel_groups(((-1, 2), (1, 2)), TWO_HEADS)
  assert groups == [(-1, 2), (1, 2), (0, 4)]
  frames = jnp.broadcast_to(jnp.arange(4.0)[:, None, None], (4, 1, 8))
  moved = frame_shift.relocate(frames[None], groups, 4)[0, :, 0]
  assert moved[2].tolist() == [1, 1, 3, 3, 2, 2, 2, 2]
  whole = frame_shift.channel_groups((-1, -1), TWO_HEADS)
  assert whole == frame_shift.channel_groups(((-1, 8),), TWO_HEADS) == [(-1, 8)]


def block(cfg=TWO_HEADS):
  """A block whose attention gives back what it was handed, moved."""
  attn = lambda q, k, v, heads=keep_heads: heads(q, k, v)
  return types.SimpleNamespace(cfg=cfg, attn=attn)


def moved(spec, tokens=3):
  """q, k, v and the stream of 4 frames whose channels hold their number."""
  operator = operators.make_operator(spec)(block())
  frames = jnp.arange(4.0).reshape(1, 4, 1, 1)
  x = jnp.broadcast_to(frames, (1, 4, tokens, 8))
  return *operator.attn(x, x, x), operator.stream(x)


@pytest.mark.parametrize('on', ['q', 'k', 'v', 'kv', 'qk', 'qkv'])
@pytest.mark.parametrize('name', ['head_relocation', 'channel_shift'])
def test_only_the_named_ones_of_q_k_v_move(name, on):
  options = {'offsets': (1,)} if name == 'head_relocation' else {'share': 4}
  *qkv, stream = moved(dict(name=name, on=on, **options))
  frames = np.arange(4.0).reshape(1, 4, 1, 1)
  for letter, y in zip('qkv', qkv, strict=True):
    assert (y == frames).all() == (letter not in on)
  assert (stream == frames).all()


def test_channel_shift_moves_the_first_channels_of_every_head():
  _, k, _, _ = moved(dict(name='channel_shift', share=4))
  assert k[0, 2, 0].tolist() == [1, 3, 2, 2, 1, 3, 2, 2]
  assert k[0, 0, 0].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
  assert k[0, 3, 0].tolist() == [2, 3, 3, 3, 2, 3, 3, 3]


def test_channel_shift_of_the_paper_moves_5_of_64_each_way():
  cfg = ViTConfig.named('B/16')
  operator = operators.make_operator(dict(name='channel_shift'))(block(cfg))
  frames = jnp.arange(3.0).reshape(1, 3, 1, 1)
  _, k, _ = operator.attn(*[jnp.broadcast_to(frames, (1, 3, 1, 768))] * 3)
  head = np.asarray(k)[0, 1, 0].reshape(12, 64)
  assert (head[:, :5] == 0).all() and (head[:, 5:10] == 2).all()
  assert (head[:, 10:] == 1).all()


def test_token_shift_on_the_stream_moves_the_class_token_only():
  q, k, v, stream = moved(dict(name='token_shift', share=4))
  assert stream[0, 2, 0].tolist() == [1, 1, 3, 3, 2, 2, 2, 2]
  assert (stream[0, 2, 1:] == 2).all()
  frames = np.arange(4.0).reshape(1, 4, 1, 1)
  assert all((y == frames).all() for y in (q, k, v))


def test_token_shift_inside_attention_moves_its_keys_and_values_only():
  q, k, v, stream = moved(dict(name='token_shift', share=4, at='kv'))
  for y in (k, v):
    assert y[0, 2, 0].tolist() == [1, 1, 3, 3, 2, 2, 2, 2]
    assert (y[0, 2, 1:] == 2).all()
  frames = np.arange(4.0).reshape(1, 4, 1, 1)
  assert (q == frames).all() and (stream == frames).all()


def test_relocated_queries_give_another_frames_attention():
  """With q, k and v moved, heads hold frame t + d's own spatial attention."""
  spec = dict(name='head_relocation', offsets=(1, 1, 1, 1), on='qkv')
  model = small.build(None, depth=1, temporal_operator=spec)
  params = small.random(model)
  x = jax.random.normal(jax.random.key(0), (1, 4, 17, 32))

  def attend(m, x):
    wire = m.adapters.blocks[0].moved(m.backbone.blocks[0])
    return wire.attn(x), wire.block.attn(x)

  moved, still = small.apply(model, params, x, method=attend)
  np.testing.assert_allclose(moved[:, :3], still[:, 1:], rtol=0, atol=1e-6)


def test_the_hook_of_an_adapter_acts_before_the_operator():
  operator = operators.make_operator(
    dict(name='head_relocation', offsets=(1, 1))
  )
  x = jnp.zeros((1, 2, 1, 8))
  count = jnp.arange(2.0).reshape(1, 2, 1, 1)
  add = lambda q, k, v: (q + count, k + count, v)
  q, k, v = operator(block()).attn(x, x, x, add)
  assert q[0, :, 0, 0].tolist() == [0, 1] and k[0, :, 0, 0].tolist() == [1, 1]
  assert not v.any()


@pytest.mark.parametrize(
  ('spec', 'error'),
  [
    (dict(name='shift'), "model.temporal_operator.name is 'shift'"),
    (dict(name='channel_shift', div=8), 'no option div;'),
    (dict(name='channel_shift', on='kx'), 'some of q, k and v'),
    (dict(name='channel_shift', on=''), 'some of q, k and v'),
    (
      dict(name='token_shift', share=1),
      'share is 1; it can be an integer from 2',
    ),
    (dict(name='token_shift', at='q'), "at is 'q'; it can be"),
  ],
)
def test_wrong_options_are_named(spec, error):
  with pytest.raises(ValueError, match=error):
    operators.resolve(spec)


@pytest.mark.parametrize(
  ('spec', 'error'),
  [
    (dict(name='head_relocation', offsets=(1, 1, 1)), '2 heads of 4'),
    (dict(name='channel_shift', share=5), 'no channel of heads of 4'),
    (dict(name='token_shift', share=9), 'no channel of a width of 8'),
  ],
)
def test_what_does_not_fit_the_model_is_named(spec, error):
  with pytest.raises(ValueError, match=error):
    moved(operators.resolve(spec))


def test_tokens_without_frames_are_refused():
  operator = operators.make_operator(dict(name='head_relocation', offsets=(1,)))
  x = jnp.zeros((1, 3, 8))
  with pytest.raises(ValueError, match='needs a frame axis'):
    operator(block()).attn(x, x, x)


NOTHING = {'parameter', 'constant', 'bitcast', 'tuple', 'get-tuple-element'}


def written(offsets, training):
  """Scalars that a compiled classifier writes on a CPU, and those of its k."""
  adapter = dict(name='zeroi2v', num_adapters=0, offsets=offsets)
  model = small.build(adapter, frames=8)
  params, (clip,) = param_shapes(model), clip_shapes(model)
  call = lambda params, clip: model.apply({'params': params}, clip)

  def loss(embedding, params, clip):
    return call(params | {'temporal_embedding': embedding}, clip)[0, 0]

  if training:
    program = jax.jit(jax.grad(loss))
    args = params['temporal_embedding'], params, clip
  else:
    program, args = jax.jit(call), (params, clip)
  text = program.lower(*args).compile().as_text()
  lines = re.findall(
    r' = \w+\[([\d,]*)\]\S* ([\w-]+)\(', text.split('ENTRY')[1]
  )
  sizes = [re.findall(r'\d+', dims) for dims, op in lines if op not in NOTHING]
  one = 8 * 17 * model.image_model.width
  return sum(math.prod(map(int, size)) for size in sizes), one


@pytest.mark.parametrize(('training', 'copies'), [(False, 0), (True, 1)])
def test_relocation_is_part_of_copies_that_attention_makes(training, copies):
  still, one = written((), training)
  moved, _ = written((-1, 1), training)
  assert still > 20 * one
  assert moved - still <= copies * 2 * one * 2  # of k and v, in two blocks


@pytest.mark.parametrize(('training', 'copies'), [(False, 0), (True, 2)])
def test_relocation_copies_gradients_too_where_heads_are_side_by_side(
  monkeypatch, training, copies
):
  monkeypatch.setattr(attention, 'SIDE_BY_SIDE', 0)
  jax.clear_caches()  # of what was traced before
  still, one = written((), training)
  moved, _ = written((-1, 1), training)
  jax.clear_caches()
  assert moved - still <= copies * 2 * one * 2


@pytest.mark.parametrize(
  'spec',
  [
    dict(name='head_relocation', offsets=(-1, 1)),
    dict(name='channel_shift', share=4),
    dict(name='token_shift'),
    dict(name='token_shift', at='kv'),
  ],
)
def test_blocks_with_an_operator_can_be_copied_and_pickled(spec):
  cfg = ViTConfig(width=32, depth=1, num_heads=4, patch_size=4, image_size=16)
  block = operators.make_operator(spec)(Block(cfg))
  again = pickle.loads(pickle.dumps(block))
  for made in (copy.copy(block), copy.deepcopy(block), again):
    assert made.cfg == cfg
    assert not hasattr(made, 'absent')


@pytest.mark.parametrize(
  'spec', ['head_relocation', {'name': 'head_relocation'}]
)
def test_a_missing_option_is_named(spec):
  text = 'head_relocation needs offsets; add model.temporal_operator.offsets'
  with pytest.raises(UserError, match=text):
    operators.resolve(spec)


@pytest.mark.parametrize(
  ('spec', 'text'),
  [
    ({'name': 'token_shft'}, r"name is 'token_shft'; .*mean 'token_shift'\?"),
    ({'name': ['token_shift']}, r"name is \['token_shift'\]; it can be one of"),
    ({}, 'name is None; it can be one of'),
    (
      {'name': 'token_shift', 'shar': 3, 'x': 1},
      "no option shar, x; it has at, causal, share; did you mean 'share'",
    ),
  ],
)
def test_unknown_names_and_options_get_a_suggestion(spec, text):
  with pytest.raises(UserError, match=text):
    ranges.check_named('key', spec, operators.OPERATORS)


def test_on_swin_channels_shift_and_class_tokens_are_missed():
  shift = dict(temporal_operator=dict(name='channel_shift', share=2))
  model = small.on_swin(None, frames=6, options=shift)
  params, (clip,) = small.random(model), small.clips(model)
  reach = small.reach(model, params, 3)  # of four blocks, one frame each
  assert reach == {0, 1, 2, 3, 4, 5}
  still = small.on_swin(None, frames=6)
  assert small.reach(still, params, 3) == {3}
  token = dict(temporal_operator=dict(name='token_shift'))
  with pytest.raises(UserError, match='this image model has none'):
    small.apply(small.on_swin(None, frames=6, options=token), params, clip)
