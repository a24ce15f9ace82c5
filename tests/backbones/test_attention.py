"""Attention: that its implementations agree, and which a platform gets."""

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

  def of(attend):
    y, pull = jax.vjp(attend, q, k, v)
    return y, *pull(dy)

  pairs = zip(of(attention.attend_cpu), of(attention.attend_xla), strict=True)
  for found, wanted in pairs:
    assert found.dtype == wanted.dtype == jnp.dtype(dtype)
    found, wanted = (np.asarray(x, 'f4') for x in (found, wanted))
    scale = np.abs(wanted).max()
    assert scale > 0.1
    np.testing.assert_allclose(found / scale, wanted / scale, 0, atol)


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
