"""Reads the frames of streams, one by one or several at once."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax.models.classifier import FrozenClassifier
from i2v_jax.models.inputs import full_precision, param_shapes
from i2v_jax.models.streaming.obstacles import check
from i2v_jax.models.streaming.past_frames import READOUT, PastFrames, widen

State = dict[str, jax.Array]
OLDEST = 2**30  # ages stop there, far beyond any T


def init(model: nn.Module, batch: int = 1) -> State:
  """Makes the state of streams that have not begun.

  Args:
    model: a classifier.
    batch: number of streams.

  Raises:
    UserError: the model cannot be streamed; says why.
  """
  shapes = state_shapes(model, batch)
  return {name: jnp.zeros(x.shape, x.dtype) for name, x in shapes.items()}


def step(
  model: nn.Module, params, state: State, frame_BxHxWx3, reset_B=None
) -> tuple[State, jax.Array]:
  """Reads the next frame of each stream.

  Pure: jit it with the model fixed, `jax.jit(functools.partial(step, model),
  donate_argnums=1)`; it is compiled once for any length of a stream.

  Args:
    model: a classifier.
    params: its parameters.
    state: of `init`, or of the step before.
    frame_BxHxWx3: normalised pixels, as the model takes them.
    reset_B: True for streams that start over with this frame, or None.

  Returns:
    The next state, and logits `B x classes`, float32.
  """
  reset_Bx1 = None if reset_B is None else jnp.asarray(reset_B)[:, None]
  frames_Bx1xHxWx3 = frame_BxHxWx3[:, None]
  state, logits_Bx1 = steps(model, params, state, frames_Bx1xHxWx3, reset_Bx1)
  return state, logits_Bx1[:, 0]


def steps(
  model: nn.Module, params, state: State, frames_BxCxHxWx3, reset_BxC=None
) -> tuple[State, jax.Array]:
  """Reads the next C frames of each stream at once.

  The same as C calls of `step`: states and logits `B x C x classes` are equal
  to rounding. Each C is compiled by itself.
  """
  kept = {name: x for name, x in state.items() if name != 'age'}
  return _read(model, params, state['age'], kept, frames_BxCxHxWx3, reset_BxC)


def _read(model, params, age_B, kept, frames_BxCxHxWx3, reset_BxC=None):
  """`steps`; of None in place of arrays that are kept, the first ones."""
  check(model)
  # What a rematerialised block keeps could not leave the trace of the block.
  image_model = dataclasses.replace(model.image_model, remat='none')
  model = model.clone(image_model=image_model)
  age_BxC = count_ages(age_B, frames_BxCxHxWx3.shape[1], reset_BxC)
  stream = PastFrames(model, age_BxC, kept)
  read = _read_frozen if isinstance(model, FrozenClassifier) else _read_adapted
  with full_precision(model):
    logits_BxCxN = read(model, params, stream, frames_BxCxHxWx3)
  age_B = jnp.minimum(age_BxC[:, -1] + 1, OLDEST)
  return {'age': age_B} | stream.new, logits_BxCxN


def count_ages(age_B, count: int, reset_BxC=None):
  """The number of frames before each of `count` new ones, `B x C`."""
  place_C = jnp.arange(count, dtype=jnp.int32)
  age_BxC = age_B[:, None] + place_C[None]
  if reset_BxC is None:
    return age_BxC
  starts_BxC = jnp.where(reset_BxC, place_C[None], -1)
  last_BxC = jax.lax.cummax(starts_BxC, axis=1)
  return jnp.where(last_BxC < 0, age_BxC, place_C[None] - last_BxC)


def state_shapes(model: nn.Module, batch: int = 1) -> dict[str, Any]:
  """The state of `init` as shapes, without memory."""
  check(model)
  frames = (batch, 1, *model.image_model.image_shape)
  frames = jax.ShapeDtypeStruct(frames, model.image_model.dtype)
  age = jax.ShapeDtypeStruct((batch,), jnp.int32)
  run = lambda params, age, frames: _read(model, params, age, None, frames)[0]
  return jax.eval_shape(run, param_shapes(model), age, frames)


def count_bytes(model: nn.Module, batch: int = 1) -> dict[str, int]:
  """Counts the bytes of a state: those of the `blocks`, and of the `readout`.

  Ages aside, which have 4 for each stream.
  """
  found = {'blocks': 0, READOUT: 0}
  for name, x in state_shapes(model, batch).items():
    if name != 'age':
      part = READOUT if name.startswith(READOUT) else 'blocks'
      found[part] += int(np.prod(x.shape)) * x.dtype.itemsize
  return found


def _read_adapted(model, params, stream: PastFrames, frames_BxCxHxWx3):
  """Logits of models that read frames in their blocks."""
  any_length = model.clone(num_frames=0)
  with nn.intercept_methods(stream):
    features_BxCxD = any_length.apply(
      {'params': params}, frames_BxCxHxWx3, method='features'
    )
  if not model.mean_first:
    features_BxCxD = stream.average(features_BxCxD)
  return _decode(model, params, features_BxCxD[:, :, None])


def _decode(model, params, features_BxCx):
  """Logits of features of `B x C` clips."""
  merge = lambda x: x.reshape(-1, *x.shape[2:])
  batch, frames = jax.tree.leaves(features_BxCx)[0].shape[:2]
  logits = model.apply(
    {'params': params}, jax.tree.map(merge, features_BxCx), method='decode'
  )
  return logits.reshape(batch, frames, -1)


def _read_frozen(model, params, stream: PastFrames, frames_BxCxHxWx3):
  """Logits of decoders over features of the last T frames.

  Before the T-th frame, the first one stands for those that are missing.
  """
  any_length = model.clone(num_frames=0)
  features = any_length.apply(
    {'params': params}, frames_BxCxHxWx3, method='features'
  )
  pasts, tree = jax.tree.flatten(features)
  joined = [stream.read(READOUT, x).joined for x in pasts]
  back_T = jnp.arange(model.num_frames, dtype=jnp.int32)[::-1]

  def read_frame(place):
    age_B = stream.age_BxC[:, place]
    back_BxT = jnp.minimum(back_T[None], age_B[:, None])
    index_BxT = place + model.num_frames - 1 - back_BxT
    take = lambda x: jnp.take_along_axis(x, widen(index_BxT, x), axis=1)
    clip = jax.tree.unflatten(tree, map(take, joined))
    return _decode(model, params, jax.tree.map(lambda x: x[:, None], clip))

  places = jnp.arange(frames_BxCxHxWx3.shape[1])
  return jax.lax.map(read_frame, places)[:, :, 0].swapaxes(0, 1)
