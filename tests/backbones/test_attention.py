"""Attention: that its implementations agree, and which a platform gets."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from i2v_jax.backbones import attention


def numbers(length, dtype, seed):
  x = np.random.default_rng(seed).standard_normal((2, length, 3, 8), 'f4')
  return jnp.asarray(x, dtype)


@pytest.mark.parametrize(('queries', 'keys'), [(7, 7), (5, 9), (1, 6)])
@pytest.mark.parametrize(
  ('dtype', 'atol'), [('float32', 1e-6), ('bfloat16', 1e-2)]
)
def test_both_ways_have_the_same_values_and_gradients(
  queries, keys, dtype, atol
):
  q, k, v, dy = (
    numbers(length, dtype, seed)
    for seed, length in enumerate((queries, keys, keys, queries))
  )

  @functools.partial(jax.jit, static_argnums=0)
  def of(attend, q, k, v, dy):
    y, pull = jax.vjp(attend, q, k, v)
    return y, *pull(dy)

  ways = attention.attend_cpu, attention.attend_xla
  pairs = zip(*(of(way, q, k, v, dy) for way in ways), strict=True)
  for found, wanted in pairs:
    assert found.dtype == wanted.dtype == jnp.dtype(dtype)
    found, wanted = (np.asarray(x, 'f4') for x in (found, wanted))
    scale = np.abs(wanted).max()
    assert scale > 0.1
    np.testing.assert_allclose(found / scale, wanted / scale, 0, atol)


def test_groups_of_heads_side_by_side_give_what_all_in_turn_give(monkeypatch):
  qkv = [jnp.concatenate([numbers(7, 'f4', i)] * 4, axis=2) for i in range(3)]

  def of(qkv):
    y, pull = jax.vjp(attention.attend_cpu, *qkv)
    _, dy = jax.jvp(attention.attend_cpu, qkv, qkv[::-1])
    return y, dy, *pull(dy)

  in_turn = jax.jit(of)(qkv)
  monkeypatch.setattr(attention, 'SIDE_BY_SIDE', 0)
  jax.clear_caches()  # of what was traced before
  program = jax.jit(lambda *x: jax.vjp(attention.attend_cpu, *x)[0])
  assert 'f32[2,3,7,8]' in program.lower(*qkv).compile().as_text()
  again = jax.jit(lambda qkv: of(qkv))(qkv)
  for found, wanted in zip(again, in_turn, strict=True):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
  ('version', 'capability', 'dtype', 'is_cudnn'),
  [
    ('PJRT C API\ncuda 12090', '8.0', 'bfloat16', True),
    ('PJRT C API\ncuda 13000', '12.1', 'float16', True),
    ('PJRT C API\ncuda 12090', '7.5', 'float16', False),
    ('PJRT C API\ncuda 12090', '9.0', 'float32', False),
    ('PJRT C API\nrocm 60200', 'gfx90a', 'bfloat16', False),
    ('cpu', None, 'bfloat16', False),
  ],
)
def test_cudnn_is_for_recent_cuda_devices(
  monkeypatch, version, capability, dtype, is_cudnn
):
  device = types.SimpleNamespace(
    client=types.SimpleNamespace(platform_version=version),
    compute_capability=capability,
  )
  monkeypatch.setattr(jax, 'local_devices', lambda: [device])
  chosen = lambda *_, **ways: ways
  monkeypatch.setattr(attention.lax, 'platform_dependent', chosen)
  ways = attention.attend(*(numbers(4, dtype, seed) for seed in range(3)))
  assert ways['default'] is attention.attend_xla
  assert ('cuda' in ways) == is_cudnn


BIASES = [(1, 1, 3, 5, 5), (1, 4, 1, 5, 5)]  # for 2 x 4 groups, 3 heads, 5 x 5


def test_biases_are_added_before_the_softmax_both_ways():
  rng = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(rng.standard_normal(shape, 'f4'))
  q, k, v, dy = (draw(2, 4, 5, 3, 8) for _ in range(4))
  biases = [draw(*shape) for shape in BIASES]
  tangents = tuple(draw(*x.shape) for x in (q, k, v, *biases))

  def of(attend):
    y, pull = jax.vjp(attend, q, k, v, *biases)
    _, moved = jax.jvp(attend, (q, k, v, *biases), tangents)
    return y, moved, *pull(dy)

  ways = attention.attend_cpu, attention.attend_xla
  found, wanted = (jax.jit(of, static_argnums=0)(way) for way in ways)
  for x, y in zip(found, wanted, strict=True):
    assert x.shape == y.shape
    np.testing.assert_allclose(x, y, rtol=0, atol=5e-6)
  weights = jax.nn.softmax(
    jnp.einsum('bglnk,bgmnk->bgnlm', q, k) / 8**0.5 + biases[0] + biases[1]
  )
  by_hand = jnp.einsum('bgnlm,bgmnk->bglnk', weights, v)
  np.testing.assert_allclose(found[0], by_hand, rtol=0, atol=2e-6)


def test_cudnn_does_not_get_biases(monkeypatch):
  monkeypatch.setattr(attention, 'has_cudnn', lambda: True)
  chosen = lambda *_, **ways: ways
  monkeypatch.setattr(attention.lax, 'platform_dependent', chosen)
  qkv = [numbers(4, 'bfloat16', seed) for seed in range(3)]
  assert 'cuda' in attention.attend(*qkv)
  assert 'cuda' not in attention.attend(*qkv, jnp.zeros((1, 3, 4, 4)))
