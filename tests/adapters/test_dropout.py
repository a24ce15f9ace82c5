"""Dropout draws what flax draws, and keeps less for its gradient."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from i2v_jax.adapters import dropout

SHAPES = (2, 3, 7, 5), (4, 6), (5,), ()


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('seed', [0, 2**32 - 1])
def test_draws_are_those_of_jax(shape, seed):
  rng = jax.random.fold_in(jax.random.key(seed), 1)
  for share in (0.9, 0.5):
    drawn = dropout.draw_kept(rng, share, shape)
    assert (drawn == jax.random.bernoulli(rng, share, shape)).all()


def test_another_generator_draws_as_jax_draws_with_it():
  rng = jax.random.key(0, impl='rbg')
  drawn = dropout.draw_kept(rng, 0.5, (3, 8, 8))
  assert (drawn == jax.random.bernoulli(rng, 0.5, (3, 8, 8))).all()


def make(cls, **options):
  def apply(x):
    rngs = {'dropout': jax.random.key(1)}
    return cls(0.25, **options, name='Dropout_0').apply({}, x, rngs=rngs)

  return apply


def test_values_and_gradients_are_those_of_flax():
  x = jax.random.normal(jax.random.key(2), (2, 3, 5, 4))
  ours, theirs = make(dropout.Dropout), make(nn.Dropout, deterministic=False)
  assert (ours(x) == theirs(x)).all()
  found, expected = (
    jax.grad(lambda x, f=f: (f(x) ** 2).sum())(x) for f in (ours, theirs)
  )
  assert (found == expected).all()


def test_it_acts_with_a_dropout_rng_only():
  x = jnp.ones((2, 3))
  assert (dropout.Dropout(0.5).apply({}, x) == x).all()


def test_no_random_bits_are_kept_for_the_gradient():
  """One byte per value is; flax on a CPU keeps eight."""

  def count(apply):
    x = jax.ShapeDtypeStruct((8, 256, 64), jnp.float32)
    gradient = jax.jit(jax.grad(lambda x: (apply(x) ** 2).sum()))
    return gradient.lower(x).compile().as_text().count('u32[8,256,64]')

  assert count(make(nn.Dropout, deterministic=False))
  assert not count(make(dropout.Dropout))
