"""The inputs of video models: clips, boxes, shapes, and float32 precision."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from i2v_jax.backbones.declared import init_shapes
from i2v_jax.backbones.normalization import normalize

INPUTS = ('video', 'grid', 'boxes')  # of models; most take the first alone


def full_precision(model) -> contextlib.AbstractContextManager:
  """While open, what is traced of a float32 model is float32 everywhere.

  See `full_precision_of`.

  Args:
    model: a classifier.
  """
  return full_precision_of(model.image_model.dtype)


def full_precision_of(dtype) -> contextlib.AbstractContextManager:
  """While open, what is traced of a model of dtype float32 is float32.

  TPUs and GPUs else round the inputs of matrix products to bfloat16 or TF32.
  A precision that is set for all of JAX (JAX_DEFAULT_MATMUL_PRECISION) stays.
  """
  if jax.config.jax_default_matmul_precision or dtype != jnp.float32:
    return contextlib.nullcontext()
  return jax.default_matmul_precision('highest')


def normalize_clips(batch: Mapping, name: str, dtype=jnp.float32) -> tuple:
  """The arrays of a batch of clips as the model takes them, pixels normalised.

  Args:
    batch: `video` uint8 and, where a model takes them, framesets `grid` uint8
      and `boxes` float32.
    name: of the normalisation.
    dtype: of normalised pixels.
  """
  here = {key: batch[key] for key in INPUTS if key in batch}
  return tuple(
    x if key == 'boxes' else normalize(x, name, dtype)
    for key, x in here.items()
  )


def clip_shapes(model, batch: int = 1, dtype=jnp.float32) -> tuple:
  """Shapes of the arrays that `model` takes for a batch of clips.

  `dtype` is that of pixels; boxes are float32.
  """
  return tuple(
    jax.ShapeDtypeStruct(
      (batch, *shape), jnp.float32 if name == 'boxes' else dtype
    )
    for name, shape in zip(model.inputs, model.input_shapes, strict=True)
  )


def param_shapes(model) -> dict:
  """Returns the parameter tree of a classifier as shapes, without memory."""
  return jax.tree.map(lambda x: x, _trace_params(model))  # a tree of its own


@functools.lru_cache(maxsize=32)  # a run asks several times
def _trace_params(model) -> dict:
  return init_shapes(model, *clip_shapes(model))


def feature_shapes(model, batch: int = 1) -> Any:
  """What `model.features` gives for a batch of clips, as shapes."""
  clips = clip_shapes(model, batch, model.image_model.dtype)
  tree = {'params': param_shapes(model)}
  call = functools.partial(model.apply, method='features')
  return jax.eval_shape(call, tree, *clips)
