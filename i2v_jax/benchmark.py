"""Measurements of models: alternating medians, FLOPs and memory."""

import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table

from i2v_jax import video, writers


def alternate(runs: Mapping[str, Callable], rounds: int) -> dict:
  """Seconds `[rounds]` of each function, called in turn to share all drift."""
  times = {name: np.empty(rounds) for name in runs}
  for run in runs.values():
    jax.block_until_ready(run())
  for i in range(rounds):
    for name, run in runs.items():
      start = time.perf_counter()
      jax.block_until_ready(run())
      times[name][i] = time.perf_counter() - start
  return times


def forward(model, params):
  """A compiled forward pass of one black clip: `(run, FLOPs)`."""
  clip = _clip(model)
  apply = jax.jit(lambda p, x: model.apply({'params': p}, *x))
  compiled = apply.lower(params, clip).compile()
  run = lambda: compiled(params, clip)
  return run, (compiled.cost_analysis() or {}).get('flops', float('nan'))


def seconds_per_clip(models: Mapping, rounds: int = 30) -> dict[str, float]:
  """Median forward seconds of one clip for each `{name: (model, params)}`."""
  runs = {}
  for name, (model, params) in models.items():
    runs[name], _ = forward(model, params)
  times = alternate(runs, rounds)
  return {name: float(np.median(values)) for name, values in times.items()}


def peak_bytes(compiled) -> int | None:
  """Memory that a compiled computation takes on one device while it runs.

  As XLA plans it: arguments (parameters, optimiser state and the batch of a
  training step), results that do not take their place, and temporaries, which
  are what the backward pass keeps and the workspace. Not in it: the program,
  batches on their way, and what the allocator cannot use.
  """
  stats = compiled.memory_analysis()
  if stats is None:  # not every backend tells
    return None
  results = stats.output_size_in_bytes - stats.alias_size_in_bytes
  return stats.argument_size_in_bytes + results + stats.temp_size_in_bytes


def _clip(model) -> tuple:
  shapes = video.example(model, dtype=model.vit.dtype)
  return tuple(jnp.zeros(x.shape, x.dtype) for x in shapes)


def matmul(model):
  """The largest matrix product of a model: `(run, FLOPs)`."""
  cfg = model.vit
  tokens = model.num_frames * (1 + cfg.grid**2)
  x, w = jnp.ones((tokens, cfg.width)), jnp.ones((cfg.width, cfg.mlp_dim))
  product = jax.jit(jnp.matmul)
  return lambda: product(x, w), 2 * tokens * cfg.width * cfg.mlp_dim


def bench_models(variant: str, frames: int, preset: str, rounds: int) -> dict:
  """Plain image ViT, ZeroI2V and merged ZeroI2V, forward, batch 1."""
  spec = {'backbone': {'variant': variant}, 'num_frames': frames}
  adapter = {'name': 'zeroi2v', 'preset': preset}
  model = video.build(spec | {'adapter': adapter}, 400)
  params = jax.jit(model.init)(jax.random.key(0), *_clip(model))['params']
  merged_model, merged = video.merge(model, params)
  models = {
    'image ViT': (model.clone(adapter=None), merged),
    'ZeroI2V': (model, params),
    'ZeroI2V, merged': (merged_model, merged),
  }
  built = {name: forward(m, p) for name, (m, p) in models.items()}
  built['matmul'] = matmul(model)
  times = alternate({name: run for name, (run, _) in built.items()}, rounds)
  _, flops = built.pop('matmul')
  rate = flops / np.median(times['matmul'])
  table = Table(
    title=f'{variant}, {frames} frames, batch 1, {jax.default_backend()}, '
    f'float32, median of {rounds}, in turn; matmul {rate / 1e9:.0f} GFLOP/s',
    title_justify='left',
  )
  columns = ('model', 'seconds', 'of image ViT', 'GFLOP', 'floor', 'of floor')
  for name in columns:
    table.add_column(name, justify='left' if name == 'model' else 'right')
  for name, (_, flops) in built.items():
    seconds = np.median(times[name])
    values = (
      f'{seconds:.3f}',
      f'{np.median(times[name] / times["image ViT"]):.3f}',
      f'{flops / 1e9:.1f}',
      f'{flops / rate:.3f}',
      f'{seconds * rate / flops:.2f}',
    )
    table.add_row(name, *values)
  writers.console.print(table)
  return times
