"""Dropout of values, and of complete branches."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA


class Dropout(nn.Module):
  """`nn.Dropout` with the same draws, which keeps a byte per value for them.

  It acts if the caller of the model passes a `dropout` rng.
  """

  rate: float

  @nn.compact
  def __call__(self, x):
    if not self.rate or not self.has_rng('dropout'):
      return x
    kept = draw_kept(self.make_rng('dropout'), 1 - self.rate, x.shape)
    return jnp.where(kept, x / (1 - self.rate), jnp.zeros_like(x))


def draw_kept(rng, share: float, shape: tuple[int, ...]):
  """`jax.random.bernoulli(rng, share, shape)`, faster on a CPU."""
  usual = lambda rng: jax.random.bernoulli(rng, jnp.float32(share), shape)
  if not _is_threefry(rng) or math.prod(shape) >= 2**32:
    return usual(rng)
  rows = lambda rng: _draw_rows(jax.random.key_data(rng), share, shape)
  return lax.platform_dependent(rng, cpu=rows, default=usual)


def _is_threefry(rng) -> bool:
  """Whether bits of this key are those of `_bits`."""
  known = str(jax.random.key_impl(rng)) == 'threefry2x32'
  return known and jax.config.jax_threefry_partitionable


def _draw_rows(key, share: float, shape: tuple[int, ...]):
  """Draws `shape` from the words of a key, some rows at a time.

  JAX has a loop over the rounds of the generator, which writes all its state in
  each; XLA keeps the bits for the backward pass, 8 bytes per value, and
  compares them wherever the mask is used. Of a loop over rows it keeps the
  masks.
  """
  size = math.prod(shape[-2:])
  columns = jnp.arange(size, dtype=jnp.uint32)

  def draw(row):
    bits = _bits(key, columns + row * jnp.uint32(size))
    one_to_two = lax.bitcast_convert_type(bits >> 9 | 0x3F800000, jnp.float32)
    return one_to_two - 1 < jnp.float32(share)

  rows = jnp.arange(math.prod(shape[:-2]), dtype=jnp.uint32)
  return lax.map(draw, rows).reshape(shape)


def _bits(key, counts):
  """32 random bits for each count: Threefry-2x32 with 20 rounds.

  Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011; the two
  words are combined as JAX does.
  """
  words = *key, key[0] ^ key[1] ^ jnp.uint32(PARITY)
  a, b = jnp.broadcast_to(words[0], counts.shape), counts + words[1]
  for turn in range(5):
    for rotation in ROTATIONS[turn % 2]:
      a += b
      b = a ^ (b << rotation | b >> 32 - rotation)
    a += words[(turn + 1) % 3]
    b += words[(turn + 2) % 3] + jnp.uint32(turn + 1)
  return a ^ b


def drop_path(x, rate: float, rng, axes: tuple[int, ...]):
  """Drops complete branches: one draw per index of `axes`, shared by the rest.

  What is kept is scaled by 1 / (1 - rate) (stochastic depth, arXiv 1603.09382).
  Without an rng, or at rate 0, x itself.
  """
  if rng is None or not rate:
    return x
  shape = [n if axis in axes else 1 for axis, n in enumerate(x.shape)]
  kept = jax.random.bernoulli(rng, jnp.float32(1 - rate), shape)
  return jnp.where(kept, x / (1 - rate), jnp.zeros_like(x))
