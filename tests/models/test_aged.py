"""Clips with frames before them, against streams of that age."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small

from i2v_jax import streaming
from i2v_jax.models.streaming.aged import apply_aged
from i2v_jax.training.augment import augment_batch
from i2v_jax.training.train_step import TrainState, make_train_step

T, BEFORE = 3, 4
HEADS = dict(name='zeroi2v', offsets=(-1, -2), rank=4)
MODELS = {
  'heads': (HEADS, {}),
  'mean first': (HEADS, dict(mean_first=True)),
  'decay': (HEADS, dict(time_constant=2.0)),
  'aim': (dict(name='aim', rank=4, causal=True), {}),
  'convolutions': (dict(name='st_adapter_zeroi2v', rank=4, causal=True), {}),
}


def build(name='heads'):
  adapter, options = MODELS[name]
  return small.build(adapter, T, temporal_embedding=False, **options)


def make_video(batch):
  rng = np.random.default_rng(0)
  return rng.standard_normal((batch, BEFORE + T, 16, 16, 3), 'f4')


@pytest.mark.parametrize('name', MODELS)
def test_logits_are_those_of_a_stream_of_that_age(name):
  model, ages = build(name), [0, 1, BEFORE]
  params, video = small.random(model), make_video(len(ages))
  found = jax.jit(lambda *x: apply_aged(model, params, *x))(
    jnp.array(ages), video
  )
  if not model.time_constant:  # whose stream reads out all of its frames
    reset = np.arange(BEFORE + T)[None] == BEFORE - np.array(ages)[:, None]
    state = streaming.init(model, len(ages))
    _, logits = jax.jit(lambda *x: streaming.steps(model, params, *x))(
      state, video, reset
    )
    np.testing.assert_allclose(found, logits[:, -1], rtol=0, atol=1e-5)
  young = small.apply(model, params, video[:, BEFORE:])
  np.testing.assert_allclose(found[0], young[0], rtol=0, atol=1e-5)
  assert np.abs(found[2] - young[2]).max() > 1e-4


def test_rematerialised_blocks_have_the_same_gradients():
  video, ages = make_video(2), jnp.array([1, 4])
  model = build()
  params = small.random(model)

  def loss(adapters, model):
    tree = params | {'adapters': adapters}
    return apply_aged(model, tree, ages, video).sum()

  cfg = dataclasses.replace(model.image_model, remat='block')
  grad = jax.jit(jax.grad(loss), static_argnums=1)
  found = grad(params['adapters'], model.clone(image_model=cfg))
  wanted = grad(params['adapters'], model)
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
  jax.tree.map(close, found, wanted)


def make_batch(batch):
  return dict(
    video=(make_video(batch) * 20 + 128).astype('u1'),
    label=np.arange(batch) % 3,
    mask=np.ones(batch, 'f4'),
  )


def test_frames_before_keep_the_patches_of_the_clip():
  model, video = build(), make_video(2)
  params, kept = small.random(model), jnp.array([[0, 5, 9], [1, 2, 15]])
  read = jax.jit(lambda *x: apply_aged(model, params, *x))
  young = small.apply(model, params, video[:, BEFORE:], kept)
  found = read(jnp.array([0, 0]), video, kept)
  np.testing.assert_allclose(found, young, rtol=0, atol=1e-5)
  old = read(jnp.array([BEFORE] * 2), video, kept)
  assert np.abs(old - young).max() > 1e-4
  left_out = video.copy()
  left_out[0, :, :4, 4:8] += 1  # patch 1, which the first clip does not keep
  left_out[1, :, :4, :4] += 1  # patch 0
  same = read(jnp.array([BEFORE] * 2), left_out, kept)
  np.testing.assert_array_equal(same, old)


def test_every_age_is_drawn_as_often():
  model, batch = build(), make_batch(2)
  batch |= dict(label=np.zeros(500, int))
  found, _ = augment_batch(model, batch, jax.random.key(0), 0, 0, 0)
  counts = np.bincount(found['age'], minlength=BEFORE + 1)
  assert len(counts) == BEFORE + 1 and counts.min() > 70
  batch['video'] = batch['video'][:, :T]
  found, _ = augment_batch(model, batch, jax.random.key(0), 0, 0, 0)
  assert 'age' not in found


def test_a_training_step_looks_at_frames_before_its_clips():
  model = build()
  params = small.random(model)
  frozen = {'backbone': params.pop('backbone')}
  tx = optax.sgd(0.1)
  state = TrainState(jnp.int32(0), params, tx.init(params))
  step = jax.jit(make_train_step(model, tx, normalization='half', accumulate=2))
  batch = make_batch(4)
  _, metrics = step(state, frozen, batch)
  other = batch | {'video': batch['video'].copy()}
  other['video'][:, BEFORE - 1] += 40
  _, changed = step(state, frozen, other)
  assert np.isfinite(metrics['loss']) and metrics['loss'] != changed['loss']
