"""The arrays that a model takes, from what a caller has."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from i2v_jax.backbones.swin import Swin
from i2v_jax.backbones.vit import ViT
from i2v_jax.data.clips.grid import make_framesets
from i2v_jax.models.attention.layout import find_grid
from i2v_jax.models.classifier import Classifier
from i2v_jax.runtime.errors import UserError


def read_inputs(model, inputs) -> tuple:
  """The arrays of a model, in order, from a video or a mapping of arrays.

  Raises:
    UserError: it is no model of ours, or an array is missing.
  """
  if not isinstance(model, Classifier | ViT | Swin):
    raise UserError(
      f'{type(model).__name__} has no attention to show; maps are of video '
      'models that i2v_jax.build makes, and of ViT and Swin.'
    )
  given = dict(inputs) if isinstance(inputs, Mapping) else {'video': inputs}
  video = given.get('video')
  images = not isinstance(model, Classifier)
  if video is None or video.ndim not in ((4, 5) if images else (5,)):
    shape = None if video is None else tuple(video.shape)
    raise UserError(
      'Attention maps need a video B x T x H x W x 3 of normalised pixels, '
      f'not one of shape {shape}.'
    )
  if images:
    return (video,)
  if 'grid' in model.inputs and 'grid' not in given:
    given |= _make_grid(model, video)
  if 'boxes' in model.inputs and 'boxes' not in given:
    high, wide = video.shape[2:4]  # which nothing before the head looks at
    box = jnp.array([0, 0, wide, high], jnp.float32)
    given['boxes'] = jnp.broadcast_to(box, (len(video), 1, 4))
  return tuple(given[name] for name in model.inputs)


def _make_grid(model, video) -> dict:
  """Single frames and framesets from all frames of clips."""
  if (frames := video.shape[1]) != model.num_frames:
    raise UserError(
      f'This model of single frames and framesets takes clips of '
      f'{model.num_frames} frames, not {frames}; give those, or its inputs '
      f'{", ".join(model.inputs)}.'
    )
  (singles, *_), (framesets, *shape), *_ = model.input_shapes
  every = np.asarray(video, np.float32).reshape(-1, *video.shape[2:])
  made = make_framesets(every, *find_grid(model))
  grid = made.reshape(-1, framesets, *shape)
  return {
    'video': video[:, :: frames // singles],
    'grid': jnp.asarray(grid, video.dtype),
  }
