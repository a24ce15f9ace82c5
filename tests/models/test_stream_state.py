"""Which models stream, what their state is and takes, and what is refused."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import pytest
import small

import i2v_jax
from i2v_jax import streaming
from i2v_jax.models.inputs import param_shapes
from i2v_jax.models.streaming.steps import OLDEST
from i2v_jax.runtime.errors import UserError


def test_ages_end_instead_of_overflowing():
  model = small.build(None, temporal_embedding=False)
  state = streaming.init(model) | {'age': jnp.full(1, OLDEST)}
  step = jax.jit(functools.partial(streaming.step, model))
  state, _ = step(small.random(model), state, jnp.zeros((1, 16, 16, 3)))
  assert state['age'].tolist() == [OLDEST]


def count_flops(function, *shapes):
  return jax.jit(function).lower(*shapes).compile().cost_analysis()['flops']


def test_a_frame_costs_a_pass_of_the_image_model():
  """A merged model, on one frame of a stream and on a clip of 8."""
  spec = dict(backbone=dict(variant='B/16', depth=2), num_frames=8)
  adapter = dict(name='zeroi2v', offsets=(-1, -1), num_adapters=0)
  spec |= dict(adapter=adapter, temporal_embedding=False)
  model = i2v_jax.build(spec, 400)
  params, state = param_shapes(model), streaming.state_shapes(model)
  pixels = jax.ShapeDtypeStruct((1, 8, 224, 224, 3), jnp.float32)
  frame = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
  step = functools.partial(streaming.step, model)
  apply = lambda params, clip: model.apply({'params': params}, clip)
  found = count_flops(step, params, state, frame)
  assert found == pytest.approx(count_flops(apply, params, pixels) / 8, 0.005)


@pytest.mark.parametrize(
  ('variant', 'offsets', 'wanted'),
  [
    ('B/16', (-1, -1), 12 * 2 * 197 * 128 * 2),  # 1.21 MB
    ('L/14', (-1, -1, -2, -2), 24 * 2 * 257 * 3 * 128 * 2),  # 9.5 MB
  ],
)
def test_bytes_of_full_size(variant, offsets, wanted):
  spec = dict(backbone=dict(variant=variant), num_frames=8)
  spec |= dict(temporal_embedding=False)
  spec |= dict(adapter=dict(name='zeroi2v', offsets=offsets, num_adapters=0))
  model = i2v_jax.build(spec, 400, dtype=jnp.bfloat16)
  found = streaming.count_bytes(model)
  width = 768 if variant == 'B/16' else 1024
  assert found == {'blocks': wanted, 'readout': 7 * width * 4}


@pytest.mark.parametrize(
  ('adapter', 'options', 'error'),
  [
    (
      dict(name='zeroi2v', offsets=(-1, 1)),
      {},
      'its offset 1 points to a later frame',
    ),
    (dict(name='aim'), {}, r'sees all frames .*model\.adapter\.causal=True'),
    (dict(name='st_adapter'), {}, r'centred, .*model\.adapter\.causal=True'),
    (dict(name='st_adapter_zeroi2v'), {}, 'its convolution is centred'),
    (
      dict(name='lora'),
      dict(temporal_operator=dict(name='channel_shift', share=4)),
      r'channel_shift takes .*temporal_operator\.causal=True',
    ),
    (
      dict(name='dualpath', grid=(2, 2), spatial_frames=4),
      {},
      'dualpath reads grids of frames of a complete clip; take a method',
    ),
    (None, dict(temporal_embedding=True), 'model.temporal_embedding=False'),
    (None, dict(detection=dict(boxes=2)), 'it classifies boxes'),
  ],
)
def test_what_cannot_stream_is_refused_in_a_sentence(adapter, options, error):
  options = dict(temporal_embedding=False) | options
  model = small.build(adapter, **options)
  with pytest.raises(UserError, match=f'cannot read a stream: .*{error}'):
    streaming.init(model)


def test_swin_with_tables_for_steps_is_refused():
  sizes = dict(bias='per_frame', steps=4)
  with pytest.raises(UserError, match='bias=shared'):
    streaming.init(small.on_swin(dict(name='zeroi2v', rank=3), **sizes))


def test_a_state_of_another_model_is_refused():
  build = lambda *offsets: small.build(
    dict(name='zeroi2v', offsets=offsets, rank=4), temporal_embedding=False
  )
  model, frame = build(-1, -2), jnp.zeros((1, 16, 16, 3))
  params = small.random(model)
  for other in (build(-1), build(-2, -1)):
    with pytest.raises(
      UserError, match=r'needs adapters/blocks_0/., float32 of shape'
    ):
      streaming.step(model, params, streaming.init(other), frame)


def test_a_model_of_clips_of_any_length_is_refused():
  model = small.build(None, temporal_embedding=False).clone(num_frames=0)
  with pytest.raises(UserError, match='have any length; build it with'):
    streaming.init(model)


def test_a_mean_of_tokens_keeps_those_that_are_pooled():
  options = dict(temporal_embedding=False, mean_first=True)
  shapes = lambda family: streaming.state_shapes(
    small.build(None, family=family, **options)
  )
  assert shapes('clip')['readout/0'].shape == (1, 3, 1, 32)
  assert shapes('siglip')['readout/0'].shape == (1, 3, 16, 32)


def test_a_state_comes_back_from_a_file_with_its_types(tmp_path):
  model = small.build(
    dict(name='zeroi2v', offsets=(-1,), rank=4), temporal_embedding=False
  )
  cfg = dataclasses.replace(model.image_model, dtype=jnp.bfloat16)
  model, path = model.clone(image_model=cfg), tmp_path / 'state'
  params, frame = small.random(model), jnp.ones((1, 16, 16, 3), jnp.bfloat16)
  step = jax.jit(functools.partial(streaming.step, model))
  state, _ = step(params, streaming.init(model), frame)
  streaming.save(state, path)
  found = streaming.load(path)
  assert found.keys() == state.keys()
  for name, x in state.items():
    assert found[name].dtype == x.dtype and (found[name] == x).all()
  assert found['adapters/blocks_0/0'].dtype == jnp.bfloat16
  step(params, found, frame)
  float32 = {name: x.astype(jnp.float32) for name, x in state.items()}
  float32['age'] = state['age']
  with pytest.raises(
    UserError, match=r'0, bfloat16 of shape .* has float32 of'
  ):
    step(params, float32, frame)


def test_files_that_are_no_states_are_refused(tmp_path):
  path = tmp_path / 'state'
  with pytest.raises(FileNotFoundError):
    streaming.load(path)
  path.write_bytes(b'no state')
  with pytest.raises(UserError, match='is no state of streams, or damaged'):
    streaming.load(path)
  streaming.save({'other': jnp.zeros(1)}, path)
  with pytest.raises(UserError, match='holds no ages of streams'):
    streaming.load(path)
  with pytest.raises(OSError, match='could not be written'):
    streaming.save({'age': jnp.zeros(1)}, tmp_path / 'none' / 'state')
