"""Class probabilities of videos, compiled once for a shape."""

import functools
from collections.abc import Mapping

import jax

from i2v_jax.models.classifier import make_probabilities
from i2v_jax.models.inputs import full_precision, normalize_clips


@functools.partial(jax.jit, static_argnames=('model', 'normalization', 'task'))
def compute_probabilities(
  model, normalization: str, params, views: Mapping, task: str = 'single'
):
  """Computes class probabilities `B x C`, averaged over V views of a video.

  `views` are the uint8 arrays of the clips, `video` `B x V x T x H x W x 3` and
  the other inputs of the model. Those of a task `multi` are sigmoids, each of
  its own.
  """
  batch, count = views['video'].shape[:2]
  clips = {k: x.reshape(-1, *x.shape[2:]) for k, x in views.items()}
  pixels = normalize_clips(clips, normalization, model.image_model.dtype)
  with full_precision(model):
    logits = model.apply({'params': params}, *pixels)
  probabilities = make_probabilities(logits, task)
  return probabilities.reshape(batch, count, -1).mean(axis=1)
