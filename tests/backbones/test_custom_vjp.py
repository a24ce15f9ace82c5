"""Forward-mode derivatives, which agree with the reverse mode."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small

from i2v_jax import adapters
from i2v_jax.adapters import layers
from i2v_jax.backbones.attention import attend_cpu
from i2v_jax.backbones.custom_vjp import LayerNorm, gelu, quick_gelu
from i2v_jax.backbones.vit import ViT

OPTIONS = {
  'dualpath': dict(grid=(2, 2), spatial_frames=2),
  'evl': dict(layers=1),
  'zeroi2v': dict(offsets=(-1, 1)),
}


def numbers(*shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape, 'f4')


def norm(x, scale, bias):
  return LayerNorm().apply({'params': dict(scale=scale, bias=bias)}, x)


FUNCTIONS = {
  'gelu': (gelu, [(2, 3)]),
  'quick_gelu': (quick_gelu, [(2, 3)]),
  'layer_norm': (norm, [(2, 4), (4,), (4,)]),
  'attention': (attend_cpu, [(1, 3, 2, 4), (1, 5, 2, 4), (1, 5, 2, 4)]),
  'up': (layers.thin_product, [(2, 3), (3, 5)]),
  'down': (layers.thin_product, [(2, 5), (5, 3)]),
}


@pytest.mark.parametrize(('dtype', 'rtol'), [('f4', 1e-6), ('bfloat16', 0.01)])
def test_gelu_is_the_exact_one(dtype, rtol):
  x = jnp.linspace(-12, 12, 4801).astype(dtype)
  wanted = [0.5 * v * math.erfc(-v / 2**0.5) for v in x.tolist()]
  found = jax.jit(gelu)(x)
  assert found.dtype == x.dtype
  np.testing.assert_allclose(found.astype('f4'), wanted, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize('name', FUNCTIONS)
def test_forward_and_reverse_jacobians_are_equal(name):
  function, sizes = FUNCTIONS[name]
  args = [numbers(*size, seed=i) for i, size in enumerate(sizes)]
  every = tuple(range(len(args)))
  forward = jax.jit(jax.jacfwd(function, every))(*args)
  reverse = jax.jit(jax.jacrev(function, every))(*args)
  for a, b in zip(forward, reverse, strict=True):
    assert np.abs(a).max() > 0.1
    np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


@pytest.mark.parametrize('name', FUNCTIONS)
def test_second_derivatives_are_those_of_differences(name):
  function, sizes = FUNCTIONS[name]
  args = [numbers(*size, seed=i) for i, size in enumerate(sizes)]
  along = [numbers(*size, seed=9 + i) for i, size in enumerate(sizes)]
  at = lambda s: (
    function(*(a + s * d for a, d in zip(args, along, strict=True))) ** 2
  ).sum()
  found = [
    jax.jit(second(at))(0.0)
    for second in (jax.hessian, lambda f: jax.grad(jax.grad(f)))
  ]
  slope, step = jax.jit(jax.grad(at)), 1e-2
  wanted = (slope(step) - slope(-step)) / (2 * step)
  np.testing.assert_allclose(found, [wanted] * 2, rtol=0.01)


def check(function, params):
  """One product of a Jacobian, from either side."""
  along = small.random_like(params, 0.1)

  @jax.jit
  def both(params, along):
    y, dy = jax.jvp(function, (params,), (along,))
    weights = jnp.arange(1.0, 1 + y.size).reshape(y.shape)
    (grads,) = jax.vjp(function, params)[1](weights)
    products = jax.tree.map(lambda a, b: (a * b).sum(), grads, along)
    return (dy * weights).sum(), sum(jax.tree.leaves(products))

  forward, reverse = both(params, along)
  assert abs(forward) > 1e-4
  np.testing.assert_allclose(forward, reverse, rtol=1e-3)


@pytest.mark.parametrize('name', [None, *sorted(adapters.METHODS)])
def test_every_video_model_has_a_forward_mode(name):
  spec = name and dict(name=name) | OPTIONS.get(name, {})
  model = small.build(spec, depth=1)
  clips = small.clips(model)
  apply = lambda params: model.apply({'params': params}, *clips)
  check(apply, small.random(model))


def test_the_image_model_has_a_forward_mode():
  model = ViT(small.build(None, depth=1, family='siglip').image_model)
  image = numbers(1, 16, 16, 3)
  params = jax.eval_shape(model.init, jax.random.key(0), image)
  check(lambda p: model.apply(p, image), small.random_like(params))
