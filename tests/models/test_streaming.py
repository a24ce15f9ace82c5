"""Streams against clips: every layer, every frame, any chunking, any age."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from stepped import RESET, N, T, check_stream, make_video, store

from i2v_jax import adapters, streaming
from i2v_jax.models.build import merge

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


@pytest.mark.parametrize('name', IN_BLOCKS)
def test_a_stream_is_the_clip_of_its_frames(name):
  model, rng = build(name), np.random.default_rng(IN_BLOCKS.index(name))
  cuts = rng.permutation([1, 3, 1, 1, 1])
  check_stream(model, small.random(model), cuts, rng.random((3, N)) < 0.3)


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
  inner = sorted(rng.choice(range(1, N), rng.integers(3), replace=False))
  cuts, reset = np.diff([0, *inner, N]), rng.random((3, N)) < 0.4
  reset[2, -3:] = True, True, False  # twice in one call, most often
  model = small.build(
    dict(name='zeroi2v', offsets=offsets, rank=3),
    frames=8,
    depth=int(rng.integers(1, 4)),
    family=str(rng.choice(['clip', 'dinov2', 'siglip'])),
    temporal_embedding=False,
  ).clone(num_frames=T)
  check_stream(model, small.random(model), cuts, reset)


@pytest.mark.parametrize('offsets', [((-1,), (0, -1, -2))])
def test_swin_streams(offsets):
  model = small.on_swin(dict(name='zeroi2v', offsets=offsets, rank=3), 8)
  model = model.clone(num_frames=T)
  check_stream(model, small.random(model), (3, 2, 1, 1))


@pytest.mark.parametrize('name', FROZEN)
def test_decoders_read_the_last_frames(name):
  model = build(name)
  params = small.random(model)
  video = make_video(2)
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
