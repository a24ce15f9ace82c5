"""Layers of adapters against flax's own and against their formulas."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from i2v_jax.adapters import layers


@pytest.mark.parametrize(
  'sizes', [(3,), (3, 1), (3, 1, 1), (1, 5, 5), (3, 3, 5)]
)
def test_per_channel_convolution_is_the_grouped_one(sizes):
  shape = (2, *(6, 5, 7)[: len(sizes)], 4)
  x = jax.random.normal(jax.random.key(0), shape)
  ours = layers.PerChannelConv(sizes)
  params = ours.init(jax.random.key(1), x)['params']
  other = nn.Conv(4, sizes, feature_group_count=4)
  kernel = params['kernel'][..., None, :]
  wanted = other.apply({'params': params | {'kernel': kernel}}, x)
  found = ours.apply({'params': params}, x)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize('sizes', [(2,), (3, 3), ()])
def test_a_kernel_that_has_no_centre_or_no_axes_is_refused(sizes):
  with pytest.raises(ValueError, match='over 1 axes needs as many odd sizes'):
    layers.PerChannelConv(sizes).init(jax.random.key(0), jnp.zeros((1, 4, 2)))


@pytest.mark.parametrize('skip', [False, True])
@pytest.mark.parametrize('activation', layers.ACTIVATIONS)
def test_bottleneck_is_its_formula(activation, skip):
  x = jax.random.normal(jax.random.key(0), (5, 8))
  layer = layers.Bottleneck(3, activation, skip, scale=0.5)
  shapes = jax.eval_shape(layer.init, jax.random.key(1), x)['params']
  rng = np.random.default_rng(0)
  params = jax.tree.map(lambda s: rng.standard_normal(s.shape, 'f4'), shapes)
  linear = lambda p, x: x @ p['kernel'] + p['bias'].reshape(1, -1)
  act = {
    'none': lambda h: h,
    'gelu': lambda h: h * 0.5 * (1 + jax.lax.erf(h / 2**0.5)),
    'relu': lambda h: np.maximum(h, 0),
  }[activation]
  wanted = 0.5 * linear(params['up'], act(linear(params['down'], x)))
  wanted = wanted + x if skip else wanted
  found = layer.apply({'params': params}, x)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
  ('rank', 'count'), [(0.25, 192), (0.0625, 48), (128, 128), (1, 1)]
)
def test_ranks_are_channels_or_shares(rank, count):
  assert layers.count_channels(rank, 768) == count


@pytest.mark.parametrize('rank', [0, -1, 1.0, 1.5, True, '4', math.nan])
def test_a_rank_that_can_be_misread_is_refused(rank):
  with pytest.raises(ValueError, match=r'^rank is .*; it can be'):
    layers.count_channels(rank, 768)


def test_a_share_that_leaves_no_channel_is_refused():
  with pytest.raises(ValueError, match=r'0.0001 leaves no channel of 768'):
    layers.count_channels(0.0001, 768)


def test_patches_that_are_no_square_are_refused():
  assert layers.find_side(49) == 7
  with pytest.raises(ValueError, match='50 patches are no square'):
    layers.find_side(50)


@pytest.mark.parametrize(
  ('shape', 'error'),
  [
    ((4, 16, 16, 3), r'B x T x H x W x 3, not of shape \(4, 16, 16, 3\)'),
    ((1, 5, 16, 16, 3), 'takes 4 frames, the video has 5'),
  ],
)
def test_videos_of_another_shape_are_refused(shape, error):
  with pytest.raises(ValueError, match=error):
    layers.check_frames(np.zeros(shape), 4)


def test_the_gradient_of_a_down_projection_is_not_turned_round():
  """XLA would make it X^T dY, for which its CPU backend has slower kernels."""
  shapes = [jax.ShapeDtypeStruct(n, jnp.float32) for n in ((64, 32), (32, 8))]
  loss = lambda x, kernel: (layers.thin_product(x, kernel) ** 2).sum()
  text = jax.jit(jax.grad(loss, 1)).lower(*shapes).compile().as_text()
  assert 'f32[8,32]{1,0} dot(' in text
  assert 'f32[32,8]{1,0} dot(' not in text
