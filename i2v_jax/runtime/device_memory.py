"""Bytes that a training step may take on a device."""

import os
import pathlib

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.runtime.errors import UserError
from i2v_jax.runtime.process import read_peak_bytes

NAME = 'I2V_MEMORY_BYTES'  # environment variable: bytes we may use of a device
GROUP = pathlib.Path('/sys/fs/cgroup')  # of the container we run in
SHARE = 0.95  # of the bytes: allocators cannot use every one


def read_limit(device: jax.Device) -> int:
  """Reads how many bytes a device has for a training step.

  I2V_MEMORY_BYTES where it is set; else the limit an accelerator reports, or
  this device's share of the free memory of the host.

  Raises:
    UserError: neither is reported.
  """
  if text := os.environ.get(NAME):
    if not (text.isascii() and text.isdigit()):
      raise UserError(
        f'{NAME} is {text!r}; it is an integer, the number of bytes.'
      )
    return int(text)
  if device.platform == 'cpu':
    return int(SHARE * _read_free()) // len(jax.local_devices())
  stats = device.memory_stats() or {}
  if 'bytes_limit' not in stats:
    raise UserError(
      f'{device} does not report how much memory it has; set {NAME}, or '
      'batch_size and remat yourself.'
    )
  return int(SHARE * (stats['bytes_limit'] - stats.get('bytes_in_use', 0)))


def agree_on_limit(mesh) -> int:
  """Finds the least limit of all devices, the same on every host."""
  mine = min(map(read_limit, mesh.local_devices))
  if jax.process_count() == 1:
    return mine
  found = multihost_utils.process_allgather(np.int32(mine >> 10))  # KiB
  return int(found.min()) << 10


def _read_free() -> int:
  """Reads how many bytes this host, or its container, has free."""
  try:
    text = pathlib.Path('/proc/meminfo').read_text(encoding='utf-8')
    lines = text.splitlines()
    known = dict(line.split(':') for line in lines)
    free = int(known['MemAvailable'].split()[0]) << 10
  except (OSError, KeyError) as error:
    raise UserError(
      f'This system does not report how much memory is free; set {NAME}, or '
      'batch_size and remat yourself.'
    ) from error
  return min(free, _read_free_of_container(free))


def _read_free_of_container(free: int) -> int:
  """Reads how many bytes a container has free; `free` if it has no limit."""
  if not (GROUP / 'memory.max').is_file():
    return free
  most = (GROUP / 'memory.max').read_text(encoding='utf-8').strip()
  if most == 'max':
    return free
  used = int((GROUP / 'memory.current').read_text(encoding='utf-8'))
  lines = (GROUP / 'memory.stat').read_text(encoding='utf-8').splitlines()
  # Cached pages of files count as used, but are freed on demand.
  cached = dict(line.split() for line in lines)['inactive_file']
  return int(most) - used + int(cached)


def read_device_peak_bytes() -> int | None:
  """Reads the peak bytes allocated on the first device so far.

  None where it is not reported, as on a CPU.
  """
  stats = jax.local_devices()[0].memory_stats() or {}
  return stats.get('peak_bytes_in_use')


def read_peak() -> tuple[int | None, str]:
  """Reads the peak bytes so far, and says of what: 'device' or 'process'.

  Those of the process where the first device reports none, or has failed.
  """
  try:
    peak = read_device_peak_bytes()
  except jax.errors.JaxRuntimeError:  # whose own step tells what is wrong
    peak = None
  if peak is not None:
    return peak, 'device'
  return read_peak_bytes(), 'process'
