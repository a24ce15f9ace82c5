"""Frames before training clips: when they are refused, and what they change."""

import copy
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small

from configs import stream_quickstart
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.train_step import TrainState, make_train_step

T, BEFORE = 3, 4
BACK = dict(name='zeroi2v', offsets=(-1,), rank=4)
SHIFT = dict(name='channel_shift', share=4, causal=True)


@pytest.fixture(scope='module')
def config():
  return experiment.to_plain(stream_quickstart.get_config('smoke'))


def check(config, adapter, operator=None, **changed):
  config = copy.deepcopy(config) | changed
  config['clip'] |= dict(age=8, sampling='dense')
  config['model'] |= dict(adapter=adapter, temporal_operator=operator)
  return experiment.check_config(config)


@pytest.mark.parametrize(
  'adapter',
  [
    None,
    dict(name='lora'),
    dict(name='ssf'),
    dict(name='adaptformer'),
    dict(name='st_adapter', kernel=(1, 1, 1)),
    dict(name='step_probe'),
  ],
)
def test_methods_of_single_frames_have_no_frames_before(config, adapter):
  with pytest.raises(UserError, match=r'^clip\.age is 8, but no block of'):
    check(config, adapter)


@pytest.mark.parametrize(
  ('adapter', 'operator'), [(BACK, None), (dict(name='lora'), SHIFT)]
)
def test_those_that_look_back_have(config, adapter, operator):
  checked = check(config, adapter, operator)
  assert checked['clip']['age'] == 8


def test_a_refusal_speaks_of_clips(config):
  with pytest.raises(
    UserError, match=r'^clip\.age is 8, .* its offset 1 .* or '
  ):
    check(config, dict(name='zeroi2v', offsets=(1,)))
  with pytest.raises(UserError, match=r'clip\.age is 8, and cache_gb'):
    check(config, BACK, cache_gb=1.0)
  config = copy.deepcopy(config)
  config['clip'] |= dict(age=8, sampling='uniform')
  with pytest.raises(UserError, match='age is 8, and applies only to dense'):
    experiment.check_config(config)


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_a_step_with_dropped_patches_and_mixed_clips(dtype):
  """Frames before are looked at, and mixed and dropped as the clip is."""
  model = small.build(BACK, T, temporal_embedding=False)
  cfg = dataclasses.replace(model.image_model, dtype=jnp.dtype(dtype))
  model = model.clone(image_model=cfg)
  params, rng = small.random(model), np.random.default_rng(0)
  frozen = {'backbone': params.pop('backbone')}
  state = TrainState(jnp.int32(0), params, (tx := optax.sgd(0.1)).init(params))
  options = dict(normalization='half', mixup=0.8, drop_patches=0.5)
  step = jax.jit(make_train_step(model, tx, **options))
  batch = dict(
    video=rng.integers(0, 256, (8, BEFORE + T, 16, 16, 3), np.uint8),
    label=np.arange(8) % 3,
    mask=np.ones(8, 'f4'),
  )
  loss = lambda batch: float(step(state, frozen, batch)[1]['loss'])
  other = batch | {'video': batch['video'].copy()}
  other['video'][:, BEFORE - 1] ^= 255
  assert np.isfinite(loss(batch)) and loss(batch) != loss(other)
  farther = batch | {'video': batch['video'].copy()}
  farther['video'][:, : BEFORE - 2] ^= 255  # two blocks look two frames back
  assert loss(batch) == loss(farther)
