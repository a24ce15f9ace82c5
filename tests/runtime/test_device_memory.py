"""How much memory there is: as it is told, or asked of the device."""

import types

import jax
import pytest

from i2v_jax.runtime import device_memory, sharding


def device(**stats):
  return types.SimpleNamespace(
    platform='tpu', memory_stats=lambda: stats or None
  )


def test_the_environment_decides(monkeypatch):
  monkeypatch.setenv(device_memory.NAME, '12345')
  assert device_memory.read_limit(jax.devices()[0]) == 12345
  assert device_memory.agree_on_limit(sharding.make_mesh()) == 12345
  monkeypatch.setenv(device_memory.NAME, '16GB')
  with pytest.raises(ValueError, match="'16GB'; it is an integer"):
    device_memory.read_limit(jax.devices()[0])


def test_an_accelerator_tells_what_is_left(monkeypatch):
  monkeypatch.delenv(device_memory.NAME, raising=False)
  found = device_memory.read_limit(
    device(bytes_limit=16_000, bytes_in_use=6_000)
  )
  assert found == 9_500
  with pytest.raises(ValueError, match='set I2V_MEMORY_BYTES, or'):
    device_memory.read_limit(device())


def test_devices_of_a_cpu_share_what_the_host_has_free(monkeypatch):
  monkeypatch.delenv(device_memory.NAME, raising=False)
  monkeypatch.setattr(device_memory, '_read_free', lambda: 8_000)
  monkeypatch.setattr(jax, 'local_devices', lambda: [None] * 4)
  assert device_memory.read_limit(jax.devices()[0]) == 1_900


def test_a_container_that_has_read_its_data_has_memory_free(
  monkeypatch, tmp_path
):
  monkeypatch.setattr(device_memory, 'GROUP', tmp_path)
  everything = device_memory._read_free()
  (tmp_path / 'memory.max').write_text('max\n', encoding='utf-8')
  assert device_memory._read_free() > everything // 2
  (tmp_path / 'memory.max').write_text('10000000\n', encoding='utf-8')
  (tmp_path / 'memory.current').write_text('9500000\n', encoding='utf-8')
  stat = 'anon 1500000\ninactive_file 7000000\nactive_file 1000000\n'
  (tmp_path / 'memory.stat').write_text(stat, encoding='utf-8')
  assert device_memory._read_free() == 7_500_000


def test_this_host_has_memory_free():
  assert 2**20 < device_memory._read_free() < 2**50


def test_the_peak_is_of_the_process_where_the_device_has_none(monkeypatch):
  def fail():
    raise jax.errors.JaxRuntimeError('INTERNAL: the device has failed')

  for stats in (fail, lambda: None, dict):
    failing = types.SimpleNamespace(memory_stats=stats)
    monkeypatch.setattr(jax, 'local_devices', lambda failing=failing: [failing])
    peak, of = device_memory.read_peak()
    assert of == 'process' and peak > 2**20
  full = device(peak_bytes_in_use=123)
  monkeypatch.setattr(jax, 'local_devices', lambda: [full])
  assert device_memory.read_peak() == (123, 'device')
