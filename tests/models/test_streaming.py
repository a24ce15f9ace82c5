"""Streams against clips: every layer, every frame, any chunking, any age."""

import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn

from i2v_jax import streaming
from i2v_jax.backbones.vit import Block

T, N, RESET = 3, 7, 2  # frames of a clip and of the stream; one begins anew

SHIFT = dict(name='channel_shift', share=4, causal=True)
TOKENS = dict(name='token_shift', share=4, causal=True)
STREAMS = {
  'plain': {},
  'zeroi2v': dict(offsets=(-1, -2, -1), rank=4),
  'zeroi2v, half heads': dict(offsets=((-2, 4), (-1, 12)), rank=4),
  'zeroi2v, in one block': dict(offsets=(-1, -1), rank=4, blocks=(1,)),
  'zeroi2v, merged': dict(offsets=(-1, -2), num_adapters=0),
  'gelu_adapters': dict(offsets=(-1, 0, -6), num_adapters=6, rank=4),
  'adaptformer': dict(rank=4, operator=SHIFT | dict(on='qkv')),
  'lora': dict(rank=2, on=('k', 'fc1'), operator=SHIFT),
  'ssf': dict(operator=TOKENS | dict(at='kv')),
  'vpt': dict(prompts=3, operator=TOKENS),
  'pro_tuning': dict(rank=4, kernel=3),
  'aim': dict(causal=True, context=4, rank=4),
  'aim, of a clip': dict(causal=True, num_adapters=4, rank=4),
  'st_adapter': dict(causal=True, rank=4, pre_attn=True, kernel=(3, 3, 1)),
  'st_adapter_zeroi2v': dict(causal=True, rank=4, operator=SHIFT),
}
FIELDS = {
  'pro_tuning': dict(time_constant=2.5),
  'aim': dict(family='dinov2'),
  'st_adapter': dict(mean_first=True, family='siglip'),
  'gelu_adapters': dict(mean_first=True, time_constant=1.0),
  'st_adapter_zeroi2v': dict(mean_first=True),
  'zeroi2v': dict(family='siglip'),
}


def build(name):
  """A small model of a method, with all that its stream is to have."""
  spec, method = dict(STREAMS[name]), name.partition(',')[0]
  options = dict(FIELDS.get(name, {}), temporal_embedding=False)
  options['temporal_operator'] = spec.pop('operator', None)
  adapter = None if method == 'plain' else dict(name=method) | spec
  return small.build(adapter, frames=8, **options).clone(num_frames=T)


def listen(layers):
  """An interceptor that notes what leaves every block."""

  def note(method, args, kwargs, context):
    y = method(*args, **kwargs)
    if isinstance(context.module, Block) and context.method_name == '__call__':
      layers.append(y)
    return y

  return nn.intercept_methods(note)


def watch_clip(model, params, video):
  """All layers, and logits as they are after each frame, by the clip model."""
  layers = []
  adapter = dict(model.adapter or {}) or None
  if adapter and adapter['name'] == 'aim':
    adapter['context'] = adapter.get('context', T)  # a stream keeps a clip
  whole = model.clone(num_frames=0, mean_first=False, adapter=adapter)
  apply = functools.partial(whole.apply, {'params': params})
  with listen(layers):
    tokens = apply(video, method='encode')
  logits = [
    read_out(model, params, tokens[:, : last + 1])
    for last in range(video.shape[1])
  ]
  return layers, jnp.stack(logits, axis=1)


def read_out(model, params, tokens_BxTxLxD):
  """Logits of a clip of any length, whose last T frames count."""
  ages = jnp.arange(tokens_BxTxLxD.shape[1])[::-1]
  weights = jnp.where(ages < T, 1.0, 0.0)
  if model.time_constant:
    weights = jnp.exp(-ages / model.time_constant)
  mean = lambda x: jnp.tensordot(weights / weights.sum(), x, axes=(0, 1))

  def pool(x):
    return model.apply(
      {'params': params}, x, method=lambda model, x: model.backbone.pool(x)
    )

  x = tokens_BxTxLxD
  y = pool(mean(x)) if model.mean_first else mean(pool(x))
  return y @ params['head']['kernel'] + params['head']['bias'][None]


def watch_stream(model, params, state, frames, reset):
  layers = []
  with listen(layers):
    state, logits = streaming.steps(model, params, state, frames, reset)
  return state, layers, logits


def store(state):
  """The state after a file."""
  file = io.BytesIO()
  np.savez(file, **state)
  file.seek(0)
  return dict(np.load(file))


def check_stream(model, params, cuts):
  """Two streams, of which the second begins anew, against the clips."""
  video = np.random.default_rng(0).standard_normal((2, N, 16, 16, 3), 'f4')
  clip = jax.jit(functools.partial(watch_clip, model))
  reset = np.zeros((2, N), bool)
  reset[1, RESET] = True
  again = np.concatenate([video[1, RESET:], video[1, :RESET]])
  wanted = clip(params, np.stack([video[0], again]))

  read = jax.jit(functools.partial(watch_stream, model), donate_argnums=1)
  state, found, start = streaming.init(model, 2), [], 0
  shapes = jax.tree.map(lambda x: (x.shape, x.dtype), state)
  for cut in cuts:
    now = slice(start, start := start + cut)
    state, *seen = read(params, store(state), video[:, now], reset[:, now])
    found.append(seen)
  assert start == N
  assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == shapes
  assert all(x.ndim <= 4 for x in state.values())
  assert state['age'].tolist() == [N, N - RESET]

  found = jax.tree.map(lambda *x: np.concatenate(x, axis=1), *found)
  close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-5)
  for ours, theirs in zip(
    jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True
  ):
    close(ours[0], theirs[0])
    close(ours[1, RESET:], theirs[1, : N - RESET])
  logits = small.apply(model, params, video[:, :T])
  close(found[1][0, T - 1], logits[0])
  return found


@pytest.mark.parametrize('name', STREAMS)
def test_a_stream_is_the_clip_of_its_frames(name):
  model = build(name)
  check_stream(model, small.random(model), (1, 3, 1, 1, 1))
