"""What `i2v bench` measures: forward passes, a training step, the loader."""

import dataclasses
import os
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.bench import timing
from i2v_jax.data.loading import pipeline
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import cast_param
from i2v_jax.runtime import compilation, sharding
from i2v_jax.training import experiment, memory


def measure_forward(
  models: Mapping, batch_size: int, rounds: int
) -> tuple[dict[str, dict], float]:
  """Measures latency and throughput of models in turn, on one device.

  Args:
    models: classifiers by name; all are compared with the first.
    batch_size: batch for the throughput; latency is that of one clip.
    rounds: number of measurements.

  Returns:
    For each name `latency` (seconds), `of_first`, `clips_per_second`, and for
    one clip `xla_macs`, `forward_bytes` and the `kernels` of libraries; and the
    highest FLOP/s of the largest matrix product of the first model, timed in
    turn with the models.
  """
  sizes = sorted({1, batch_size})
  runs, found = _compile_calls(models, sizes)
  flops, (first, *_) = {}, models
  for size in sizes:
    product = timing.compile_matmul(models[first], size)
    runs['matmul', size], flops[size] = product
  times = timing.alternate(runs, rounds)
  for name, row in found.items():
    latency, batch = times[name, 1], times[name, batch_size]
    row['latency'] = float(np.median(latency))
    row['of_first'] = float(np.median(latency / times[first, 1]))
    row['clips_per_second'] = float(batch_size / np.median(batch))
  rates = [flops[size] / times['matmul', size].min() for size in sizes]
  return found, float(max(rates))


def _compile_calls(models: Mapping, sizes) -> tuple[dict, dict]:
  """Compiles a call per model and batch size; returns them and their costs."""
  runs, found, arrays = {}, {}, {}
  for name, model in models.items():
    params = draw_params(model, arrays)
    for size in sizes:
      runs[name, size], compiled = timing.compile_forward(model, params, size)
      if size == 1:
        found[name] = {
          'xla_macs': compilation.count_xla_macs(compiled),
          'forward_bytes': compilation.read_peak_bytes(compiled),
          'kernels': compilation.count_kernels(compiled),
        }
  return runs, found


def draw_params(model, arrays: dict):
  """Draws parameters in compute types; models share those they have in common.

  Args:
    model: a classifier.
    arrays: arrays by path, of the models before; they are reused where the
      shapes agree, and new ones are added.
  """
  rng = np.random.default_rng(0)
  shapes = flatten_dict(param_shapes(model), sep='/')
  for path, x in shapes.items():
    if path not in arrays or arrays[path].shape != x.shape:
      values = 0.02 * rng.standard_normal(x.shape, np.float32)
      arrays[path] = cast_param(path, values, model.image_model.dtype)
  return unflatten_dict({path: arrays[path] for path in shapes}, sep='/')


def measure_training(
  config: Mapping[str, Any], num_classes: int, batch_size: int, rounds: int
) -> dict[str, Any]:
  """Measures the training step of a config on black clips, over all devices.

  Returns:
    `seconds`, `clips_per_second`; `xla_macs` of a clip without recomputation;
    `peak_bytes` of a device and its `parts`, as `memory.Bytes`.

  Raises:
    UserError: the batch does not divide over the devices.
  """
  mesh = sharding.make_mesh(config['mesh']['model'])
  lowered, inputs = memory.lower_step(config, mesh, num_classes, batch_size)
  compiled = compilation.compile_lowered(lowered, mesh, 'the training step')
  step = make_step(compiled, inputs)
  seconds = np.median(timing.alternate({'': step}, rounds)[''])
  if config['remat'] != 'none' or config['accumulate'] > 1:
    once = dict(config) | {'remat': 'none', 'accumulate': 1}
    lowered, _ = memory.lower_step(once, mesh, num_classes, batch_size)
  parts = memory.measure(compiled, inputs)
  return {
    'seconds': float(seconds),
    'clips_per_second': float(batch_size / seconds),
    'xla_macs': compilation.count_xla_macs(lowered) / batch_size,
    'peak_bytes': parts.total,
    'parts': dataclasses.asdict(parts),
  }


def make_step(compiled, inputs: memory.Inputs):
  """Makes a call of a compiled training step that continues from the last."""
  state, frozen, batch = _make_arrays(inputs)

  def call():
    nonlocal state
    state, _ = compiled(state, frozen, batch)
    return state

  return call


def _make_arrays(inputs: memory.Inputs):
  """Makes the arrays of a training step, on the devices it expects."""
  rng = np.random.default_rng(0)

  def place(draw, tree):
    put = lambda x: jax.device_put(draw(x).astype(x.dtype), x.sharding)
    return jax.tree.map(put, tree)

  normal = lambda x: 0.02 * rng.standard_normal(x.shape, np.float32)
  zeros = lambda x: np.zeros(x.shape)
  state = place(zeros, inputs.state)
  state = state.replace(params=place(normal, inputs.state.params))
  masks = {k: x for k, x in inputs.batch.items() if k.endswith('mask')}
  batch = place(zeros, inputs.batch) | place(lambda x: np.ones(x.shape), masks)
  return state, place(normal, inputs.frozen), batch


def has_data(config: Mapping[str, Any]) -> bool:
  """Whether the folder of a config's data is there."""
  return os.path.exists(os.path.expanduser(config['data']['root']))


def measure_loader(config: Mapping[str, Any], clips: int) -> dict[str, Any]:
  """Measures how many training clips the loader of a config makes in a second.

  Returns:
    `clips_per_second`, `threads`, `workers`; or `absent`, why there is none.

  Raises:
    UserError, OSError: the data is there, but it is unreadable.
  """
  if not has_data(config):
    return {'absent': f'no data at {config["data"]["root"]}'}
  split = experiment.load_split(config, 'train')
  spec = experiment.make_clip_spec(config, split.class_names)
  parallel, rows = experiment.make_parallelism(config), config['repeats']
  batches = pipeline.load_train_batches(
    experiment.make_loader(config, split, spec),
    rows,
    seed=config['seed'],
    start=0,
    stop=-(-clips // rows),
    parallel=parallel,
    repeats=rows,
    balanced=config['data']['balanced'],
  )
  start = time.perf_counter()
  made = sum(len(batch['label']) for batch in batches)
  seconds = time.perf_counter() - start
  return {
    'clips_per_second': made / seconds,
    'threads': parallel.threads,
    'workers': parallel.workers,
  }
