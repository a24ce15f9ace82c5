"""Attention alone at the shapes of a model: XLA's and cuDNN's.

The library takes cuDNN's wherever it can. Relocated heads are other keys and
values before this product, so that its time is that of all ZeroI2V models.
"""

import jax
import jax.numpy as jnp
import numpy as np
from against_torch import check_same
from gpu_part import TOLERANCE

from i2v_jax.backbones import attention
from i2v_jax.bench import timing
from i2v_jax.models.inputs import full_precision_of
from i2v_jax.runtime import compilation
from i2v_jax.training import memory

PASSES = ('forward', 'with gradients')


def measure(part, model) -> dict:
  """Measures the attention of all blocks, one after the other.

  Returns:
    For each of `PASSES` and each way `seconds` and `planned_bytes`, or
    `out_of_memory`. There is no way `cudnn` where cuDNN cannot do it.
  """
  cfg = model.image_model
  qkv = draw(model, part['batch'])
  ways = {'xla': attention.attend_xla}
  if attention.has_cudnn() and attention.fits_cudnn(qkv[0]):
    ways['cudnn'] = attention.attend_cudnn
  check(ways, qkv)
  return {
    name: {
      way: measure_way(make(attend, cfg.depth), qkv, part['rounds'])
      for way, attend in ways.items()
    }
    for name, make in zip(PASSES, (chain, chain_gradients), strict=True)
  }


def draw(model, batch: int) -> tuple:
  """Draws q, k and v, each `B x L x N x K`; B are the frames of all clips."""
  cfg = model.image_model
  frames = batch * model.num_frames
  shape = (frames, cfg.num_tokens, cfg.num_heads, cfg.head_width)
  keys = jax.random.split(jax.random.key(0), 3)
  return tuple(jax.random.normal(key, shape, cfg.dtype) for key in keys)


def check(ways, qkv) -> None:
  """Raises UserError unless all ways give the same."""
  first, *others = (
    jax.jit(way)(*qkv).astype(jnp.float32) for way in ways.values()
  )
  for other in others:
    check_same(other, first, TOLERANCE[np.dtype(qkv[0].dtype).name])


def chain(attend, depth: int):
  """Makes the attention of `depth` blocks, each with the last one's output."""

  def forward(q, k, v):
    for _ in range(depth):
      q = attend(q, k, v)
    return q

  return forward


def chain_gradients(attend, depth: int):
  forward = chain(attend, depth)
  loss = lambda *qkv: forward(*qkv).astype(jnp.float32).sum()
  return jax.grad(loss, argnums=(0, 1, 2))


def measure_way(function, qkv, rounds: int) -> dict:
  try:
    with full_precision_of(qkv[0].dtype):
      program = jax.jit(function).lower(*qkv).compile()
    times = timing.alternate({'': lambda: program(*qkv)}, rounds)['']
  except jax.errors.JaxRuntimeError as error:
    return {'out_of_memory': memory.read_refusal(error)}
  return {
    'seconds': float(np.median(times)),
    'planned_bytes': compilation.read_peak_bytes(program),
  }
