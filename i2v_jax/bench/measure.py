"""What `i2v bench` runs: forward passes, a training step, the loader."""

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
from i2v_jax.data.loading.loader import Loader
from i2v_jax.models.inputs import param_shapes
from i2v_jax.runtime import compilation, sharding
from i2v_jax.training import experiment, memory
from i2v_jax.training.run import cast_params


def measure_forward(
  models: Mapping, batch_size: int, rounds: int
) -> tuple[dict[str, dict], float]:
  """Latency and throughput of models, measured in turn, on one device.

  Args:
    models: as `accounting.models` makes them; all are compared with the first.
    batch_size: of the throughput; latency is that of one clip.
    rounds: of measurements.

  Returns:
    By name `latency` (seconds), `of_first`, `clips_per_second`, and of one clip
    `xla_macs`, `forward_bytes` and the `kernels` of libraries; and the FLOP/s
    of the largest matrix product of the first model, timed in turn with them,
    at its fastest.
  """
  sizes = sorted({1, batch_size})
  runs, found = _calls(models, sizes)
  flops, (first, *_) = {}, models
  for size in sizes:
    product = timing.compile_matmul(models[first], size)
    runs['matmul', size], flops[size] = product
  times = timing.alternate(runs, rounds)
  for name, row in found.items():
    latency, whole = times[name, 1], times[name, batch_size]
    row['latency'] = float(np.median(latency))
    row['of_first'] = float(np.median(latency / times[first, 1]))
    row['clips_per_second'] = float(batch_size / np.median(whole))
  rates = [flops[size] / times['matmul', size].min() for size in sizes]
  return found, float(max(rates))


def _calls(models: Mapping, sizes) -> tuple[dict, dict]:
  """A call for each model and batch size, and what their programs tell."""
  runs, found, arrays = {}, {}, {}
  for name, model in models.items():
    params = draw_params(model, arrays)
    for size in sizes:
      runs[name, size], compiled = timing.compile_forward(model, params, size)
      if size == 1:
        found[name] = {
          'xla_macs': compilation.xla_macs(compiled),
          'forward_bytes': compilation.peak_bytes(compiled),
          'kernels': compilation.kernels(compiled),
        }
  return runs, found


def draw_params(model, arrays: dict):
  """Parameters in compute types, shared with models that were here before.

  Args:
    model: a classifier.
    arrays: path -> array of those models, where paths and shapes are the same;
      what is new is added.
  """
  rng = np.random.default_rng(0)
  shapes = flatten_dict(param_shapes(model), sep='/')
  for path, x in shapes.items():
    if path not in arrays or arrays[path].shape != x.shape:
      values = 0.02 * rng.standard_normal(x.shape, np.float32)
      arrays[path] = cast_params(values, model.image_model.dtype)
  return unflatten_dict({path: arrays[path] for path in shapes}, sep='/')


def measure_training(
  config: Mapping[str, Any], num_classes: int, batch_size: int, rounds: int
) -> dict[str, Any]:
  """The training step of a config on black clips, over all devices.

  Returns:
    `seconds`, `clips_per_second`; `xla_macs`, what a clip takes if nothing is
    computed twice; `peak_bytes` of a device and its `parts`, as `memory.Bytes`.

  Raises:
    UserError: the batch does not spread over the devices.
  """
  mesh = sharding.make_mesh(config['mesh']['model'])
  lowered, inputs = memory.lower_step(config, mesh, num_classes, batch_size)
  compiled = compilation.compile_lowered(lowered, mesh, 'the training step')
  step = repeat(compiled, inputs)
  seconds = np.median(timing.alternate({'': step}, rounds)[''])
  if config['remat'] != 'none' or config['accumulate'] > 1:
    once = dict(config) | {'remat': 'none', 'accumulate': 1}
    lowered, _ = memory.lower_step(once, mesh, num_classes, batch_size)
  parts = memory.measure(compiled, inputs)
  return {
    'seconds': float(seconds),
    'clips_per_second': float(batch_size / seconds),
    'xla_macs': compilation.xla_macs(lowered) / batch_size,
    'peak_bytes': parts.total,
    'parts': dataclasses.asdict(parts),
  }


def repeat(compiled, inputs: memory.Inputs):
  """A call of a compiled training step that goes on from where it was."""
  state, frozen, batch = _filled(inputs)

  def call():
    nonlocal state
    state, _ = compiled(state, frozen, batch)
    return state

  return call


def _filled(inputs: memory.Inputs):
  """Arrays for a training step, where it wants them."""
  rng = np.random.default_rng(0)

  def place(draw, tree):
    put = lambda x: jax.device_put(draw(x).astype(x.dtype), x.sharding)
    return jax.tree.map(put, tree)

  normal = lambda x: 0.02 * rng.standard_normal(x.shape, np.float32)
  zeros = lambda x: np.zeros(x.shape)
  state = place(zeros, inputs.state)
  state = state.replace(params=place(normal, inputs.state.params))
  batch = place(zeros, inputs.batch) | {
    'mask': place(lambda x: np.ones(x.shape), inputs.batch['mask'])
  }
  return state, place(normal, inputs.frozen), batch


def has_data(config: Mapping[str, Any]) -> bool:
  """Whether the folder of a config's data is there."""
  return os.path.exists(os.path.expanduser(config['data']['root']))


def measure_loader(config: Mapping[str, Any], clips: int) -> dict[str, Any]:
  """How many training clips the loader of a config makes in a second.

  Returns:
    `clips_per_second`, `threads`, `workers`; or `absent`, why not.

  Raises:
    UserError, OSError: the data is there, but cannot be read.
  """
  if not has_data(config):
    return {'absent': f'no data at {config["data"]["root"]}'}
  data, split = config['data'], experiment.load_split(config, 'train')
  spec = experiment.make_clip_spec(config, split.class_names)
  parallel, rows = experiment.make_parallelism(config), config['repeats']
  batches = pipeline.load_train_batches(
    Loader(split, spec, data['on_bad_video'], data['clip_seconds']),
    rows,
    seed=config['seed'],
    start=0,
    stop=-(-clips // rows),
    parallel=parallel,
    repeats=rows,
  )
  start = time.perf_counter()
  made = sum(len(batch['label']) for batch in batches)
  seconds = time.perf_counter() - start
  return {
    'clips_per_second': made / seconds,
    'threads': parallel.threads,
    'workers': parallel.workers,
  }
