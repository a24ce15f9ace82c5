"""Whether a config's parts fit each other, at whatever size it has."""

import functools

from i2v_jax import params as params_lib
from i2v_jax import weights
from i2v_jax.models import streaming
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import experiment, optimizer


def check_builds(config, num_classes=10):
  """Model, prefixes, clips and backbone fit; returns what is trained."""
  model = experiment.build_model(config, num_classes)
  shapes = param_shapes(model)
  mine, _ = params_lib.split(shapes, config.trainable)
  for prefixes in (
    config.optimizer.lr_multipliers,
    config.optimizer.decay_multipliers,
  ):
    params_lib.check_prefixes(mine, tuple(prefixes))
  optimizer.check_channels(mine, dict(config.optimizer.first_channels))
  spec = experiment.make_clip_spec(config)
  inputs = dict(zip(model.inputs, model.input_shapes, strict=True))
  assert inputs.pop('boxes', (0, 4)) == (spec.boxes, 4)
  assert inputs == spec.shapes
  if spec.age:
    streaming.check(model)
  assert image_parameters(model.image_model) == params_lib.count(
    shapes['backbone']
  )
  return mine


@functools.cache
def image_parameters(vit):
  return params_lib.count(weights.image.compute_shapes(vit))
