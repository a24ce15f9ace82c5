"""The frames before those that a model reads, which its modules ask for."""

import collections
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from i2v_jax.adapters.past import Past
from i2v_jax.runtime.errors import UserError

READOUT = 'readout'  # place of what the head reads


class PastFrames:
  """Gives modules the frames before, and keeps those of the next call.

  An interceptor of flax for `before` and `average`, where they are marked as
  answered by streams.

  Attributes:
    age_BxC: frames of its stream before each that is read.
    kept: the frames before, by the place that asks for them. None stands for
      zeros, which a stream of age 0 never looks at.
    new: those for the next call, once the model has been called.
  """

  def __init__(self, model, age_BxC, kept: Mapping[str, jax.Array] | None):
    self.num_frames, self.time_constant = model.num_frames, model.time_constant
    self.image_model = model.image_model
    self.age_BxC, self.kept, self.new = age_BxC, kept, {}
    self.reads = collections.Counter()  # of each place

  def __call__(self, method: Callable, args, kwargs, context):
    name, module = context.method_name, context.module
    # Modules of other projects may have methods of these names, too.
    asked = getattr(type(module), name, None)
    if not getattr(asked, 'answered_by_streams', False):
      return method(*args, **kwargs)
    if name == 'average':
      return self.average_first(method, *args)
    return self.read('/'.join(module.path), *args)

  def read(self, place: str, x_BxCx, count: int | None = None) -> Past:
    """The frames of x with `count` before them, and keeps the last `count`.

    A count of None is as many as complete a clip.
    """
    count = self.num_frames - 1 if count is None else count
    if not count:
      return Past(x_BxCx, self.age_BxC)
    batch, frames, *rest = x_BxCx.shape
    # Of more axes than 4, as heads have, the last are one.
    flat = x_BxCx.reshape(batch, frames, *rest[:1], -1)
    flat = flat if len(rest) > 1 else flat[..., 0]
    name = f'{place}/{self.reads[place]}'
    self.reads[place] += 1
    before = self.find(name, (batch, count, *flat.shape[2:]), flat.dtype)
    joined = jnp.concatenate([before, flat], axis=1)
    self.new[name] = joined[:, frames:]
    joined = joined.reshape(batch, count + frames, *rest)
    return Past(joined, self.age_BxC)

  def find(self, name: str, shape: tuple[int, ...], dtype) -> jax.Array:
    """An array of the state, or zeros if there is none yet.

    Raises:
      UserError: the state has no such array.
    """
    if self.kept is None:
      return jnp.zeros(shape, dtype)
    found = self.kept.get(name)
    if found is None or (found.shape, found.dtype) != (shape, dtype):
      had = 'none' if found is None else f'{found.dtype} of {found.shape}'
      raise UserError(
        f'The state of this stream needs {name}, {dtype} of shape {shape}, and '
        f'has {had}; make one by streaming.init(model, batch).'
      )
    return found

  def average_first(self, average: Callable, x_BxCxLxD):
    """What `mean_first` averages: of the tokens only those that are pooled."""
    del average  # that of a clip
    if getattr(self.image_model, 'pool', '') == 'cls':
      x_BxCxLxD = x_BxCxLxD[:, :, :1]
    return self.average(x_BxCxLxD)

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
    return sum(seen) / widen(count_BxC.astype(jnp.float32), x_BxCx)

  def decay(self, x_BxCx):
    """The mean of all frames up to each, of which each weighs more."""
    keep, name = (
      jnp.float32(math.exp(-1 / self.time_constant)),
      f'{READOUT}/sum',
    )

    def add(total, new):
      x_Bx, age_B = new
      total = x_Bx + keep * jnp.where(widen(age_B > 0, x_Bx), total, 0.0)
      return total, total

    before = self.find(name, (len(x_BxCx), *x_BxCx.shape[2:]), x_BxCx.dtype)
    by_frame = x_BxCx.swapaxes(0, 1), self.age_BxC.T
    self.new[name], sums_CxBx = jax.lax.scan(add, before, by_frame)
    # The sum of keep ** n for n up to the age, of any time constant.
    frames_BxC = (self.age_BxC + 1).astype(jnp.float32)
    weights_BxC = jnp.expm1(-frames_BxC / self.time_constant)
    weights_BxC /= math.expm1(-1 / self.time_constant)
    return sums_CxBx.swapaxes(0, 1) / widen(weights_BxC, x_BxCx)


def widen(x, like):
  """x with the number of axes of another array, those of size 1 last."""
  return jnp.expand_dims(x, range(x.ndim, like.ndim))
