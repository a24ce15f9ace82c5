"""Replaces `auto` by the batch size and remat policy that fit a device.

Found by compiling the training step from shapes (`memory`), before any video is
read. A resumed run keeps the values of its start.
"""

import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from i2v_jax.backbones.vit_config import REMAT
from i2v_jax.data.sets import sources
from i2v_jax.runtime import compilation, device_memory, files, hosts, sharding
from i2v_jax.runtime.console import console, make_table
from i2v_jax.runtime.errors import FileError, UserError
from i2v_jax.runtime.ranges import COUNT
from i2v_jax.training import experiment, memory

AUTO = 'auto'
KEYS = ('batch_size', 'remat')
AHEAD = 3  # prefetched batches, besides the one in use: `sharding.prefetch`


def settle(config: Mapping[str, Any], workdir) -> Mapping[str, Any]:
  """Replaces `auto` in a config by the values a run trains with.

  Args:
    config: of an experiment; without `auto` it is returned unchanged.
    workdir: folder of the run. If it holds checkpoints, the values come from
      its `config.json`.

  Raises:
    UserError: nothing fits, or the device does not report its memory.
    OSError: that `config.json` cannot be read.
  """
  asked = [key for key in KEYS if config[key] == AUTO]
  if not asked:
    return config
  config = experiment.to_plain(config)
  if saved := _read_saved(pathlib.Path(workdir)):
    return config | {key: saved[key] for key in asked}
  if config['cache_gb'] and config['batch_size'] == AUTO:
    raise UserError(
      "batch_size is 'auto', which measures the training step and not the "
      'passes that fill cache_gb; set batch_size to a number, or cache_gb to 0.'
    )
  mesh = sharding.make_mesh(config['mesh']['model'])
  unit = find_smallest_batch(config, mesh)
  experiment.check_config(
    config | _fix_auto(config, batch_size=unit, remat=REMAT[0])
  )
  train = experiment.load_split(config, 'train')
  limit = device_memory.agree_on_limit(mesh)

  measured = lambda size, remat: measure_bytes(
    config | {'batch_size': size, 'remat': remat}, mesh, train, limit
  )
  if config['batch_size'] != AUTO:
    size = config['batch_size']
    sharding.check_batch_size(size, mesh, config['accumulate'])
    remat = _choose_remat(lambda remat: measured(size, remat), limit)
    return config | {'remat': remat}
  most = max(unit, len(train) * config['repeats'])
  policies = REMAT if config['remat'] == AUTO else [config['remat']]
  size, remat = _choose_batch(measured, policies, unit, most, limit)
  console.print(
    f'batch_size is {size}; the learning rate stays '
    f'{config["optimizer"]["lr"]:g}, scale it yourself if you want to'
  )
  return config | {'batch_size': size, 'remat': remat}


def measure_bytes(
  config: Mapping[str, Any], mesh, train: sources.Split, limit: int
) -> int:
  """Measures the bytes of a config on a device, with prefetched batches.

  If the compiler refuses it without a number, `limit + 1`.
  """
  lowered, inputs = memory.lower_step(
    config, mesh, len(train.class_names), num_videos=len(train)
  )
  what = f'a step of {config["batch_size"]} clips, remat={config["remat"]}'
  try:
    compiled = compilation.compile_lowered(lowered, mesh, what)
  except jax.errors.JaxRuntimeError as error:
    refused = memory.read_refusal(error)
    console.print(f'{what}, does not fit: {refused}')
    return limit + 1
  found = memory.measure(compiled, inputs)
  return found.total + AHEAD * found.batch


def find_largest(
  measured: Callable[[int], int], unit: int, most: int, limit: int
) -> tuple[int, dict[int, int]]:
  """Finds the largest batch that fits, of unit, 2 unit, 4 unit, … to `most`.

  Bytes are nearly affine in the batch size, so two small batches predict the
  largest; the one chosen has always been measured.

  Args:
    measured: batch size -> bytes on a device.
    unit: the smallest batch size.
    most: the largest one, unless `unit` is larger.
    limit: bytes available.

  Returns:
    The batch size (0 if none fits) and the bytes of every batch measured.
  """
  sizes = [unit << i for i in range(max(1, (most // unit).bit_length()))]
  tried = {size: measured(size) for size in sizes[:2]}
  while (guess := _guess_largest(tried, sizes, limit)) not in (0, *tried):
    tried[guess] = measured(guess)
  return guess, tried


def _guess_largest(tried: dict[int, int], sizes: list[int], limit: int) -> int:
  """Guesses the largest batch by a line through the last two measured."""
  too_large = [size for size, found in tried.items() if found > limit]
  fits = [size for size, found in tried.items() if found <= limit]
  *_, (a, low), (b, high) = [(0, 0), *sorted(tried.items())]
  slope = max(high - low, 1) / (b - a)
  line = lambda size: high + slope * (size - b)
  possible = [
    size
    for size in sizes
    if size < min(too_large, default=math.inf)
    and (size in fits or line(size) <= limit)
  ]
  return max(possible, default=0)


def find_smallest_batch(config, mesh) -> int:
  """Finds the smallest batch: a clip for every part, device and repeat."""
  rows = mesh.shape['data'] * config['accumulate']
  unit = math.lcm(rows, config['repeats'])
  return 2 * unit if unit == 1 and _mixes(config) else unit


def _mixes(config) -> bool:
  return bool(config['mixup'] or config['cutmix'])


def _fix_auto(config, **values) -> dict:
  """Selects the `values` of keys that are `auto` in the config."""
  return {key: x for key, x in values.items() if config[key] == AUTO}


def _choose_remat(measured: Callable[[str], int], limit: int) -> str:
  """Chooses the policy that recomputes least of those that fit."""
  found = {remat: measured(remat) for remat in REMAT}
  _show('remat', found, limit)
  for remat in REMAT:
    if found[remat] <= limit:
      console.print(f'remat is {remat}')
      return remat
  way = 'set a smaller batch_size or a larger accumulate, '
  raise UserError(
    _explain_nothing_fits(min(found.values()), limit, 'batch_size', way)
  )


def _choose_batch(measured, policies, unit, most, limit) -> tuple[int, str]:
  """Chooses the largest batch of the first policy with which any fits."""
  for remat in policies:
    size, tried = find_largest(lambda n: measured(n, remat), unit, most, limit)  # noqa: B023
    _show(f'batch, remat={remat}', tried, limit)
    if size:
      return size, remat
  raise UserError(
    _explain_nothing_fits(min(tried.values()), limit, f'batch of {unit}')
  )


def _format_mib(count: int) -> str:
  return f'{count / 2**20:,.1f} MiB'


def _format_bytes(count: int, limit: int) -> str:
  return 'too much' if count == limit + 1 else _format_mib(count)


def _explain_nothing_fits(
  least: int, limit: int, what: str, way: str = ''
) -> str:
  return (
    f'A training step with this {what} takes {_format_bytes(least, limit)} on '
    f'a device that has {_format_mib(limit)}; {way}take fewer frames or a '
    'smaller model, or shard the frozen weights over more devices with '
    'mesh.frozen.'
  )


def _show(what: str, found: Mapping[Any, int], limit: int) -> None:
  fits = lambda count: 'fits' if count <= limit else ''
  rows = [(x, _format_bytes(n, limit), fits(n)) for x, n in found.items()]
  title = f'Memory per device, {_format_mib(limit)} to fill'
  console.print(make_table(title, (what, 'takes', ''), rows))


def _read_saved(workdir: pathlib.Path) -> dict | None:
  """Reads the values at the start of a run, the same on every host."""
  values = np.zeros(2, np.int32)
  file = workdir / 'config.json'

  def read():
    if any((workdir / 'checkpoints').glob('[0-9]*')) and file.is_file():
      values[:] = _read(file)

  hosts.call_on_first(read)
  if jax.process_count() > 1:  # others may see a shared folder as it was
    values = multihost_utils.broadcast_one_to_all(values)
  if not values[0]:
    return None
  return {'batch_size': int(values[0]), 'remat': REMAT[int(values[1])]}


def _read(file: pathlib.Path) -> tuple[int, int]:
  try:
    config = files.read_json(file, KEYS)
    size = COUNT('batch_size', config['batch_size'])
    return size, REMAT.index(config['remat'])
  except (OSError, ValueError) as error:
    raise FileError(
      f'{file}, which holds what {AUTO!r} stood for, cannot be read ({error}); '
      'give batch_size and remat as they were.'
    ) from error
