"""Streams against clips: every layer, every frame, any chunking, any age."""

import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn

from i2v_jax import adapters, streaming
from i2v_jax.backbones.vit import Block
from i2v_jax.models.build import merge

T, N, RESET = 3, 7, 2  # frames of a clip and of the stream; one starts over

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
  'evl': dict(layers=2),
  'attentive_probe': {},
  'step_probe': {},
}
# Decoders over the features of a clip.
FROZEN = ('evl', 'attentive_probe', 'step_probe')
IN_BLOCKS = [name for name in STREAMS if name not in FROZEN]
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
  """Two streams, of which the second starts over, against the clips."""
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


@pytest.mark.parametrize('name', IN_BLOCKS)
def test_a_stream_is_the_clip_of_its_frames(name):
  model = build(name)
  check_stream(model, small.random(model), (1, 3, 1, 1, 1))


def test_every_method_streams_or_is_refused():
  assert {name.partition(',')[0] for name in STREAMS} - {'plain'} == set(
    adapters.METHODS
  ) - {'dualpath'}


@pytest.mark.parametrize('seed', range(4))
def test_random_offsets_sizes_and_chunks(seed):
  rng = np.random.default_rng(seed)
  unit = int(rng.choice([2, 4, 8]))
  count = int(rng.integers(1, 32 // unit + 1))
  offsets = tuple((-int(rng.integers(0, 8)), unit) for _ in range(count))
  cuts = tuple(np.diff([0, *sorted(rng.choice(range(1, N), 2, False)), N]))
  model = small.build(
    dict(name='zeroi2v', offsets=offsets, rank=3),
    frames=8,
    depth=int(rng.integers(1, 4)),
    family=str(rng.choice(['clip', 'dinov2', 'siglip'])),
    temporal_embedding=False,
  ).clone(num_frames=T)
  check_stream(model, small.random(model), cuts)


@pytest.mark.parametrize('offsets', [((-1,), (0, -1, -2))])
def test_swin_streams(offsets):
  model = small.on_swin(dict(name='zeroi2v', offsets=offsets, rank=3), 8)
  model = model.clone(num_frames=T)
  check_stream(model, small.random(model), (3, 2, 1, 1))


@pytest.mark.parametrize('name', FROZEN)
def test_decoders_read_the_last_frames(name):
  model = build(name)
  params = small.random(model)
  video = np.random.default_rng(0).standard_normal((2, N, 16, 16, 3), 'f4')
  reset = np.arange(N) == np.array([[0], [RESET]])
  read = jax.jit(functools.partial(streaming.steps, model), donate_argnums=1)
  state, first = read(
    params, streaming.init(model, 2), video[:, :4], reset[:, :4]
  )
  state, then = read(params, store(state), video[:, 4:], reset[:, 4:])
  found = np.concatenate([first, then], axis=1)
  for stream, age in ((0, 0), (1, RESET)):
    for last in range(age, N):
      # The first frame stands for those before it.
      clip = [max(t, age) for t in range(last - T + 1, last + 1)]
      wanted = small.apply(model, params, video[stream][None, clip])
      np.testing.assert_allclose(
        found[stream, last], wanted[0], rtol=0, atol=1e-5
      )


def test_a_merged_model_streams_what_it_did_before():
  model = build('zeroi2v')
  params = small.random(model)
  merged, folded = merge(model, params)
  video = np.random.default_rng(0).standard_normal((1, 4, 16, 16, 3), 'f4')
  read = lambda model, params: jax.jit(
    functools.partial(streaming.steps, model)
  )(params, streaming.init(model), video)
  (state, ours), (folded_state, theirs) = (
    read(model, params),
    read(merged, folded),
  )
  assert merged.adapter['num_adapters'] == 0
  assert state.keys() == folded_state.keys()
  np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_a_step_is_compiled_once_and_takes_its_state_over():
  model = build('zeroi2v')
  params, traces = small.random(model), []

  def step(params, state, frame, reset):
    traces.append(1)
    return streaming.step(model, params, state, frame, reset)

  step = jax.jit(step, donate_argnums=1)
  state = streaming.init(model, 2)
  for age in range(2 * N):
    frame = jnp.full((2, 16, 16, 3), age / N)
    before, (state, _) = state, step(params, state, frame, jnp.zeros(2, bool))
  assert len(traces) == 1 and state['age'].tolist() == [2 * N] * 2
  assert all(x.is_deleted() for x in before.values())
