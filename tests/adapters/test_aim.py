"""AIM against the published implementation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import published
import pytest
import small

from i2v_jax import attention_maps
from i2v_jax.adapters.dropout import drop_path
from i2v_jax.models.inputs import param_shapes

FILES = {'aim_clip_3adapters': 3, 'aim_clip_4adapters': 4}


@pytest.mark.parametrize(('name', 'num_adapters'), FILES.items())
def test_outputs_loss_and_gradients_agree_with_the_release(name, num_adapters):
  model, params, arrays = published.release(name)
  assert model.adapter['num_adapters'] == num_adapters
  small.check_golden(model, params, arrays)


@pytest.mark.parametrize(
  ('variant', 'frames', 'classes', 'num_adapters', 'count'),
  [
    ('B/16', 32, 400, 3, 10_985_104),
    ('B/16', 8, 174, 4, 14_343_342),
    ('L/14', 32, 400, 3, 38_285_712),
    ('L/14', 8, 174, 4, 50_643_118),
  ],
)
def test_parameter_counts_at_full_size(
  variant, frames, classes, num_adapters, count
):
  adapter = dict(name='aim', num_adapters=num_adapters)
  spec = dict(
    backbone=dict(variant=variant), num_frames=frames, adapter=adapter
  )
  assert small.count(spec, classes) == count


def test_every_frame_sees_every_other():
  model = small.build(dict(name='aim'), depth=1)
  assert small.reach(model, small.random(model), 1) == {0, 1, 2, 3}


def test_attention_over_time_keeps_positions_apart():
  """In one block a patch reaches another position of its own frame only."""
  model = small.build(dict(name='aim', num_adapters=4), depth=1)
  params = small.random(model)
  x = jax.random.normal(jax.random.key(0), (1, 4, 17, 32))

  def one_block(x):
    return small.apply(model, params, x, method=small.first_block)

  moved = one_block(x) != one_block(x.at[0, 1, 5].add(1.0))
  touched = {tuple(i) for i in np.argwhere(np.asarray(moved).any(-1))[:, 1:]}
  same_position = {(t, 5) for t in range(4)}
  assert same_position <= touched
  # What frame 1 sent to position 5 of the others then spreads over space.
  model = small.build(dict(name='aim'), depth=1)
  params = small.random(model)
  zero = jax.tree.map(jnp.zeros_like, params['adapters']['blocks_0']['time'])
  params['adapters']['blocks_0']['time'] = zero
  moved = one_block(x) != one_block(x.at[0, 1, 5].add(1.0))
  assert set(np.argwhere(np.asarray(moved).any(-1))[:, 1].tolist()) == {1}


@pytest.mark.parametrize(
  ('family', 'axis', 'axes'),
  [
    ('clip', 'sample', (0,)),
    ('clip', 'release', (2,)),
    ('imagenet', 'release', (0, 1)),
  ],
)
def test_drop_path_draws_along_its_axis(family, axis, axes):
  adapter = dict(name='aim', drop_path=0.5, drop_path_axis=axis)
  model = small.build(adapter, family=family)
  params = small.random(model)
  x = jnp.ones((16, 4, 17, 32))

  @functools.partial(jax.jit, static_argnums=0)
  def draw(i, rngs):
    drop = lambda m: m.adapters.blocks[i].drop(x, m.backbone.blocks[i], 1)
    return model.apply({'params': params}, method=drop, rngs=rngs)

  keys = {'dropout': jax.random.key(0)}
  y = np.asarray(draw(1, keys))
  assert set(np.unique(y)) == {0.0, 2.0}
  for i in range(4):
    same = (y == y.take([0], axis=i)).all()
    assert same == (i not in axes)
  assert (draw(0, keys) == x).all() and (draw(1, {}) == x).all()


def test_drop_path_keeps_the_mean():
  x = jnp.ones((20_000, 2))
  y = drop_path(x, 0.25, jax.random.key(0), (0,))
  assert (y[:, 0] == y[:, 1]).all()
  np.testing.assert_allclose(y.mean(), 1.0, atol=0.02)


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    (dict(num_adapters=2), 'num_adapters is 2'),
    (dict(drop_path_axis='token'), "drop_path_axis is 'token'"),
  ],
)
def test_wrong_options_are_named(options, error):
  with pytest.raises(ValueError, match=error):
    param_shapes(small.build(dict(name='aim', **options)))


def test_causal_attention_over_time_sees_no_later_frame():
  spec = dict(name='aim', rank=4, causal=True)
  model = small.build(spec, frames=5)
  params, (clip,) = small.random(model), small.clips(model)
  assert small.reach(model, params, 2) == {2, 3, 4}
  one = small.build(spec, frames=5, depth=1)
  near = small.build(spec | dict(context=2), frames=5, depth=1)
  assert small.reach(one, small.random(one), 1) == {1, 2, 3, 4}
  assert small.reach(near, small.random(near), 1) == {1, 2}
  shown = attention_maps(model, params, clip, at=(0, 0, 2))['time']
  by_frame = np.asarray(shown).sum(axis=(0, 2, 3, 4))
  assert (by_frame[:3] > 0).all() and not by_frame[3:].any()


@pytest.mark.parametrize(
  ('build', 'options', 'error'),
  [
    (small.on_swin, dict(causal=True), 'no relative times, as Swin needs'),
    (small.build, dict(context=2), 'reach of causal attention; set causal'),
  ],
)
def test_options_of_causal_attention_that_do_not_fit(build, options, error):
  with pytest.raises(ValueError, match=error):
    build(dict(name='aim') | options)
