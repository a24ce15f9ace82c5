"""Streaming: a frame more, a pass of the image model more.

`steps` computes for the frames of a live video what the clip model computes
for a clip of all of them, layer by layer: the same modules run on the new
frames alone, and what they look at in earlier ones comes from a state of fixed
size. Where they ask for it is `before` (`i2v_jax.adapters.past`), and the mean
over frames, which for each frame is that of the last T here.

A state is a flat dict of arrays, of at most 4 axes, the first of which are the
streams: `age`, frames read since the start or the last reset, and earlier
frames by the place that looks at them, the oldest first. C is the number of
frames of a call.
"""

import collections
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from i2v_jax import adapters
from i2v_jax.adapters.past import Past
from i2v_jax.models.classifier import FrozenClassifier
from i2v_jax.models.inputs import full_precision, param_shapes
from i2v_jax.models.video import VideoClassifier
from i2v_jax.runtime.errors import UserError

State = dict[str, jax.Array]
READOUT = 'readout'  # place of what the head reads
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
    reset_B: True for streams that begin anew with this frame, or None.

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
  check(model)
  age_B, kept = state['age'], {k: x for k, x in state.items() if k != 'age'}
  age_BxC = count_ages(age_B, frames_BxCxHxWx3.shape[1], reset_BxC)
  stream = _Stream(model, age_BxC, kept)
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
  state = {'age': jax.ShapeDtypeStruct((batch,), jnp.int32)}
  run = lambda params, state, frames: steps(model, params, state, frames)[0]
  return jax.eval_shape(run, param_shapes(model), state, frames)


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


def check(model: nn.Module) -> None:
  """Raises UserError for a model that cannot be streamed exactly."""
  if reason := find_obstacle(model):
    raise UserError(f'This model cannot read a stream: {reason}.')


def find_obstacle(model: nn.Module) -> str:
  """Why a model cannot be streamed, and what to do, or ''."""
  cfg = model.image_model
  if model.num_boxes:
    return 'it classifies boxes, whose maps are averaged over a clip'
  if not isinstance(model, VideoClassifier | FrozenClassifier):
    return (
      f'{model.adapter["name"]} reads grids of frames of a complete clip; take '
      'a method of single frames, such as zeroi2v with offsets of 0 and below'
    )
  if cfg.tubelet > 1 or cfg.steps:
    return (
      'its patches or its tables of positions are those of several frames; '
      'train with model.backbone.tubelet=1, bias=shared and steps=0'
    )
  if isinstance(model, FrozenClassifier):
    return ''
  if model.temporal_embedding:
    return (
      'its temporal embedding numbers the frames of a clip; train with '
      'model.temporal_embedding=False'
    )
  if not (model.num_frames or model.time_constant):
    return (
      'it has neither model.num_frames, of which the mean is, nor '
      'model.time_constant'
    )
  return adapters.find_later_frames(model)


class _Stream:
  """Gives modules the frames before, and keeps those of the next call.

  An interceptor of flax for `before` and `average`. Frames without a past, as
  in the first call, have zeros there, which their ages tell them not to read.
  """

  def __init__(self, model, age_BxC, kept: Mapping[str, jax.Array]):
    self.num_frames, self.time_constant = model.num_frames, model.time_constant
    self.image_model = model.image_model
    self.age_BxC, self.kept, self.new = age_BxC, kept, {}
    self.reads = collections.Counter()  # of each place

  def __call__(self, method: Callable, args, kwargs, context):
    if context.method_name == 'average':
      return self.average(self.choose_pooled(*args))
    if context.method_name == 'before':
      return self.read('/'.join(context.module.path), *args)
    return method(*args, **kwargs)

  def read(self, place: str, x_BxCx, count: int | None = None) -> Past:
    """The frames of x with `count` before them, and keeps the last `count`.

    A count of None is as many as complete a clip.
    """
    count = max(self.num_frames - 1, 0) if count is None else count
    if not count:
      return Past(x_BxCx, self.age_BxC)
    batch, frames, *rest = x_BxCx.shape
    # Of more axes than 4, as heads have, the last are one.
    flat = x_BxCx.reshape(batch, frames, *rest[:1], -1)
    flat = flat if len(rest) > 1 else flat[..., 0]
    name = f'{place}/{self.reads[place]}'
    self.reads[place] += 1
    empty = jnp.zeros((batch, count, *flat.shape[2:]), flat.dtype)
    joined = jnp.concatenate([self.kept.get(name, empty), flat], axis=1)
    self.new[name] = joined[:, frames:]
    joined = joined.reshape(batch, count + frames, *rest)
    return Past(joined, self.age_BxC)

  def choose_pooled(self, x_BxCxLxD):
    """The tokens that `mean_first` averages: those that are pooled then."""
    by_class = getattr(self.image_model, 'pool', '') == 'cls'
    return x_BxCxLxD[:, :, :1] if by_class else x_BxCxLxD

  def average(self, x_BxCx):
    """For each frame the mean that the clip model takes, up to it: `B x C x …`.

    Of the last T frames, or of all that there were, weighted by their age.
    """
    x_BxCx = x_BxCx.astype(jnp.float32)
    if self.time_constant:
      return self.decay(x_BxCx)
    past = self.read(READOUT, x_BxCx)
    seen = [past.look_back(n, 0.0) for n in range(self.num_frames)]
    count_BxC = jnp.minimum(self.age_BxC + 1, self.num_frames)
    return sum(seen) / _widen(count_BxC.astype(jnp.float32), x_BxCx)

  def decay(self, x_BxCx):
    """The mean of all frames up to each, of which each weighs more."""
    keep = jnp.float32(np.exp(-1 / self.time_constant))
    name = f'{READOUT}/sum'
    first = jnp.zeros((x_BxCx.shape[0], 1, *x_BxCx.shape[2:]), jnp.float32)

    def add(total, new):
      x_Bx, age_B = new
      total = x_Bx + keep * jnp.where(_widen(age_B > 0, x_Bx), total, 0.0)
      return total, total

    start = self.kept.get(name, first)[:, 0]
    by_frame = x_BxCx.swapaxes(0, 1), self.age_BxC.T
    total, sums_CxBx = jax.lax.scan(add, start, by_frame)
    self.new[name] = total[:, None]
    age_BxC = self.age_BxC.astype(jnp.float32)
    weight_BxC = (1 - keep ** (age_BxC + 1)) / (1 - keep)
    return sums_CxBx.swapaxes(0, 1) / _widen(weight_BxC, x_BxCx)


def _widen(x, like):
  return jnp.expand_dims(x, range(x.ndim, like.ndim))


def _read_adapted(model, params, stream: _Stream, frames_BxCxHxWx3):
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


def _read_frozen(model, params, stream: _Stream, frames_BxCxHxWx3):
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
    take = lambda x: jnp.take_along_axis(x, _widen(index_BxT, x), axis=1)
    clip = jax.tree.unflatten(tree, map(take, joined))
    return _decode(model, params, jax.tree.map(lambda x: x[:, None], clip))

  places = jnp.arange(frames_BxCxHxWx3.shape[1])
  return jax.lax.map(read_frame, places)[:, :, 0].swapaxes(0, 1)
