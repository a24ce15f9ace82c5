"""Timing: functions take turns, medians are reported."""

import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax.models.inputs import clip_shapes, full_precision


def alternate(runs: Mapping[str, Callable], rounds: int) -> dict:
  """Times functions in turn, to share all drift: seconds `[rounds]` of each."""
  times = {name: np.empty(rounds) for name in runs}
  for run in runs.values():
    jax.block_until_ready(run())
  for i in range(rounds):
    for name, run in runs.items():
      start = time.perf_counter()
      jax.block_until_ready(run())
      times[name][i] = time.perf_counter() - start
  return times


def compile_forward(model, params, batch: int = 1):
  """Compiles a forward pass of black clips; returns a call and the program.

  Its precision is that of evaluation (`inputs.full_precision`).
  """
  clips = make_black_clips(model, batch)
  apply = jax.jit(lambda p, x: model.apply({'params': p}, *x))
  with full_precision(model):
    compiled = apply.lower(params, clips).compile()
  run = apply if jax.config.jax_disable_jit else compiled
  return lambda: run(params, clips), compiled


def make_black_clips(model, batch: int) -> tuple:
  """Makes black clips as a model takes them; boxes cover the complete frame."""
  shapes = clip_shapes(model, batch, model.image_model.dtype)
  clips = dict(zip(model.inputs, shapes, strict=True))
  clips = {name: jnp.zeros(x.shape, x.dtype) for name, x in clips.items()}
  if model.num_boxes:
    high, wide, _ = model.image_model.image_shape
    clips['boxes'] += jnp.array([0, 0, wide - 1, high - 1])[None, None]
  return tuple(clips.values())


def time_clips(models: Mapping, rounds: int = 30) -> dict[str, float]:
  """Times the forward pass of one clip: median seconds by name.

  Args:
    models: `{name: (model, params)}`.
    rounds: number of measurements.
  """
  runs = {}
  for name, (model, params) in models.items():
    runs[name], _ = compile_forward(model, params)
  times = alternate(runs, rounds)
  return {name: float(np.median(values)) for name, values in times.items()}


def compile_matmul(model, batch: int = 1):
  """Compiles the largest matrix product of a model; returns a call, and FLOPs.

  Of equal ones the widest, which is the fastest. Its precision is that of
  `compile_forward`.
  """
  cfg, steps = model.image_model, model.num_steps
  size = lambda block: block.num_tokens * block.width * block.mlp_dim
  order = lambda block: (size(block), block.width)
  block = max(map(cfg.block, range(cfg.num_blocks)), key=order)
  rows = batch * steps * block.num_tokens
  x = jnp.ones((rows, block.width), cfg.dtype)
  w = jnp.ones((block.width, block.mlp_dim), cfg.dtype)
  with full_precision(model):
    product = jax.jit(jnp.matmul).lower(x, w).compile()
  return lambda: product(x, w), 2 * batch * steps * size(block)
