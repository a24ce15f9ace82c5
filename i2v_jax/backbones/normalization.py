"""Pixels as an image model was trained on them: mean and deviation of RGB."""

import jax.numpy as jnp

from i2v_jax.runtime import ranges

NORMALIZATION = {  # name -> mean, std of RGB in 0..1
  'clip': (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
  ),
  'imagenet': ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
  'half': ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def normalize(video_uint8, name: str, dtype=jnp.float32):
  """uint8 RGB to the normalised pixels a backbone was trained on.

  Args:
    video_uint8: values 0 to 255, `... x 3`.
    name: of the mean and deviation: `clip`, `imagenet`, or `half`.
    dtype: of the result.

  Returns:
    (pixels / 255 - mean) / deviation, in the shape of the input.

  Raises:
    UserError: an unknown name.
  """
  ranges.one_of(*NORMALIZATION)('normalization', name)
  mean, std = (jnp.asarray(x, jnp.float32) * 255 for x in NORMALIZATION[name])
  shape = (1,) * (video_uint8.ndim - 1) + (3,)
  video = video_uint8.astype(jnp.float32) - mean.reshape(shape)
  return (video / std.reshape(shape)).astype(dtype)
