"""The inputs of video models: clips, shapes, and float32 precision."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from i2v_jax.backbones.normalization import normalize

INPUTS = ('video', 'grid')  # of a model, in this order; most take the first


def full_precision(model) -> contextlib.AbstractContextManager:
  """While open, what is traced of a float32 model is float32 everywhere.

  TPUs and GPUs else round the inputs of matrix products to bfloat16 or TF32.
  A precision that is set for all of JAX (JAX_DEFAULT_MATMUL_PRECISION) stays.
  """
  if (
    jax.config.jax_default_matmul_precision
    or model.image_model.dtype != jnp.float32
  ):
    return contextlib.nullcontext()
  return jax.default_matmul_precision('highest')


def normalize_clips(batch: Mapping, name: str, dtype=jnp.float32) -> tuple:
  """The uint8 arrays of a batch of clips, normalised, as the model takes them.

  Args:
    batch: `video` and, where a model looks at framesets, `grid`.
    name: of the normalisation.
    dtype: of the result.
  """
  here = [key for key in INPUTS if key in batch]
  return tuple(normalize(batch[key], name, dtype) for key in here)


def clip_shapes(model, batch: int = 1, dtype=jnp.float32) -> tuple:
  """Shapes of the arrays that `model` takes for a batch of clips."""
  return tuple(
    jax.ShapeDtypeStruct((batch, *shape), dtype) for shape in model.input_shapes
  )


def param_shapes(model) -> dict:
  """Returns the parameter tree of a classifier as shapes, without memory."""
  return jax.tree.map(lambda x: x, _trace_params(model))  # a tree of its own


@functools.lru_cache(maxsize=32)  # a run asks several times
def _trace_params(model) -> dict:
  init = lambda *clip: model.init(jax.random.key(0), *clip)['params']
  return jax.eval_shape(init, *clip_shapes(model))


def feature_shapes(model, batch: int = 1) -> Any:
  """What `model.features` gives for a batch of clips, as shapes."""
  clips = clip_shapes(model, batch, model.image_model.dtype)
  tree = {'params': param_shapes(model)}
  call = functools.partial(model.apply, method='features')
  return jax.eval_shape(call, tree, *clips)
