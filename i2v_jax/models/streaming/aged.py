"""Training clips with frames before them, as those of a stream have.

A stream is older than any clip: its frames look back at frames that have looked
back themselves. Frames before a clip are keys and values for it, and no part of
what the head reads.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from i2v_jax.models.streaming.obstacles import check
from i2v_jax.models.streaming.past_frames import PastFrames


def apply_aged(model, params, age_B, video_BxMxHxWx3, *kept_BxK, **options):
  """Logits of the last T of M frames, `B x classes`.

  Args:
    model: a classifier of clips of T frames.
    params: its parameters.
    age_B: how many of the M - T frames before each clip it can look at; where
      these begin, frames are as the first ones of a clip.
    video_BxMxHxWx3: normalised pixels.
    *kept_BxK: positions of the patches that are used, or nothing.
    **options: of `model.apply`, such as `rngs`.

  Raises:
    UserError: the model cannot be streamed; says why.
  """
  check(model)
  frames, clip = video_BxMxHxWx3.shape[1], model.num_frames
  start_B = frames - clip - age_B
  age_BxM = jnp.maximum(jnp.arange(frames)[None] - start_B[:, None], 0)

  def read(model, *inputs):
    features = model.features(*inputs)
    return model.decode(features if model.mean_first else features[:, -clip:])

  with nn.intercept_methods(_Clips(model, age_BxM, None)):
    return model.clone(num_frames=0).apply(
      {'params': params}, video_BxMxHxWx3, *kept_BxK, method=read, **options
    )


class _Clips(PastFrames):
  """The frames before in complete clips, whose own mean is that of T frames."""

  def average_first(self, average: Callable, x_BxMxLxD):
    return average(x_BxMxLxD[:, -self.num_frames :])
