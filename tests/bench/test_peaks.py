"""Which published peak a device has."""

import types

import jax.numpy as jnp
import pytest

from i2v_jax.bench import peaks

KINDS = {  # as JAX names devices
  'TPU v5 lite': 197e12,
  'TPU v5': 459e12,
  'NVIDIA A100-SXM4-80GB': 312e12,
  'NVIDIA H100 PCIe': 756e12,
  'NVIDIA H100 80GB HBM3': 989e12,
  'NVIDIA L4': 121e12,
}


def device(kind):
  return types.SimpleNamespace(device_kind=kind)


@pytest.mark.parametrize('kind', KINDS)
def test_a_device_has_the_peak_of_its_kind(kind):
  flops, source = peaks.published_peak(device(kind), jnp.bfloat16)
  assert flops == KINDS[kind]
  assert source.startswith('Google' if 'TPU' in kind else 'NVIDIA')


@pytest.mark.parametrize('kind', ['cpu', 'NVIDIA L40S', 'TPU v99'])
def test_what_is_not_in_the_table_has_none(kind):
  assert peaks.published_peak(device(kind), jnp.bfloat16) is None


def test_there_is_none_of_float32():
  assert peaks.published_peak(device('TPU v4'), jnp.float32) is None
