"""What the image model of a stream may be: rematerialised, of bfloat16; AIM."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax import linen as nn
from stepped import N, T, check_stream, make_video

from i2v_jax import streaming
from i2v_jax.models.streaming.past_frames import PastFrames

HEADS = dict(name='zeroi2v', offsets=(-1, -2), rank=4)


def build(adapter=HEADS, **fields):
  model = small.build(adapter, T, temporal_embedding=False)
  image_model = dataclasses.replace(model.image_model, **fields)
  return model.clone(image_model=image_model)


@pytest.mark.parametrize('remat', ['block', 'dots'])
def test_rematerialised_blocks_stream(remat):
  plain, model = build(), build(remat=remat)
  params, video = small.random(plain), make_video(1, 2)
  assert streaming.state_shapes(model) == streaming.state_shapes(plain)
  read = lambda model: jax.jit(functools.partial(streaming.steps, model))(
    params, streaming.init(model), video
  )
  (state, found), (_, wanted) = read(model), read(plain)
  np.testing.assert_array_equal(found, wanted)
  assert np.isfinite(state['adapters/blocks_1/0']).all()  # and no tracer


@pytest.mark.parametrize('mean_first', [False, True])
def test_bfloat16_agrees_to_its_rounding(mean_first):
  model = build(dtype=jnp.bfloat16).clone(mean_first=mean_first)
  found = check_stream(model, small.random(model), (1, 3, 3), atol=0.06)
  assert found[0][0].dtype == jnp.bfloat16
  assert np.abs(np.asarray(found[0][-1], 'f4')).max() > 2  # 0.016 apart


def test_aim_without_a_context_sees_the_frames_of_a_clip():
  model = build(dict(name='aim', rank=4, causal=True))
  params, video = small.random(model), make_video(1)
  read = jax.jit(functools.partial(streaming.steps, model))
  _, found = read(params, streaming.init(model), video)
  features = lambda context, frames: small.apply(
    model.clone(num_frames=0, adapter=model.adapter.copy({'context': context})),
    params,
    video[:, :frames],
    method='features',
  )
  close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-5)
  close(features(0, T), features(T, T))
  mean = features(T, N)[:, -T:].mean(axis=1)
  logits = mean @ params['head']['kernel'] + params['head']['bias'][None]
  close(found[:, -1], logits)
  assert np.abs(features(0, N) - features(T, N)).max() > 1e-4


def test_methods_of_other_modules_keep_their_names():
  class Foreign(nn.Module):
    def __call__(self, x):
      return self.before(x) + self.average(x)

    def before(self, x):
      return 2 * x

    def average(self, x):
      return 3 * x

  with nn.intercept_methods(PastFrames(build(), jnp.zeros((1, 1), int), None)):
    assert Foreign().apply({}, jnp.ones(())) == 5
