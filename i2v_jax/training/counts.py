"""Costs of a config before it runs: parameters, multiply-accumulates.

All from shapes: weights and data may be missing, and nothing is compiled.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from i2v_jax import adapters
from i2v_jax.models import video
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import param_shapes
from i2v_jax.models.macs import count_macs
from i2v_jax.params import count
from i2v_jax.training import experiment

IMAGE = 'image model'


@dataclasses.dataclass(frozen=True)
class Counts:
  """Costs of one model.

  Attributes:
    total: parameters in training.
    tunable: those of them that a config trains.
    inference: parameters when deployed: merged, if the method merges.
    added: those of them that the image model does not have, except the head.
    macs: multiply-accumulates of one view by part, as `count_macs`.
    views: views of a video.
  """

  total: int
  tunable: int
  inference: int
  added: int
  macs: Mapping[str, int]
  views: int

  @property
  def view_macs(self) -> int:
    """Multiply-accumulates of one view."""
    return sum(self.macs.values())

  @property
  def video_macs(self) -> int:
    """Multiply-accumulates of all views of a video, as papers report."""
    return self.views * self.view_macs


def build_models(config: Mapping[str, Any], num_classes: int) -> dict:
  """Builds the image model on every frame, the model, and the merged model.

  Raises:
    UserError: a value of the config is invalid.
  """
  config = experiment.check_config(config)
  model = experiment.build_model(config, num_classes)
  found = {IMAGE: build_image_model(model), find_method_name(model): model}
  if adapters.can_merge(model.adapter):
    found[f'{find_method_name(model)}, merged'] = build_deployed(model)
  return found


def find_method_name(model) -> str:
  """Finds the name of the method: its adapter, else its operator."""
  part = model.adapter or model.temporal_operator
  return part['name'] if part else 'no adapter'


def build_image_model(model):
  """Builds the image model of a model, for each frame of an equal clip."""
  return video.VideoClassifier(
    model.image_model, model.num_classes, model.num_frames
  )


def build_deployed(model):
  """Builds the model after training: merged, if its method merges."""
  if not adapters.can_merge(model.adapter):
    return model
  merged, _ = merge(model, {'backbone': {}})
  return merged


def count_costs(config: Mapping[str, Any], model) -> Counts:
  """Counts the costs of a model, trained and tested as a config says.

  Raises:
    UserError: the method has no formula.
  """
  found = after = param_shapes(model)
  if adapters.can_merge(model.adapter):
    after = param_shapes(build_deployed(model))
  image = count([after['backbone'], after['head']])
  views = config['views']['clips'] * config['views']['crops']
  return Counts(
    total=count(found),
    tunable=experiment.count_trained(config, found),
    inference=count(after),
    added=count(after) - image,
    macs=count_macs(model),
    views=views,
  )
