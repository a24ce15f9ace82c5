"""What a config costs before anything runs: parameters, multiply-accumulates.

All from shapes: neither weights nor data need be there, nothing is compiled.
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

IMAGE = 'image ViT'


@dataclasses.dataclass(frozen=True)
class Counts:
  """Of one model.

  Attributes:
    total: parameters, as trained.
    tunable: of them, those that a config trains.
    inference: parameters of what is deployed: merged, where that can be.
    added: of them, those that the image model has not, without the head.
    macs: multiply-accumulates of one view by part, as `flops.macs`.
    views: of a video.
  """

  total: int
  tunable: int
  inference: int
  added: int
  macs: Mapping[str, int]
  views: int

  @property
  def view_macs(self) -> int:
    """Of one view."""
    return sum(self.macs.values())

  @property
  def video_macs(self) -> int:
    """Of all views of a video, which is what papers report."""
    return self.views * self.view_macs


def build_models(config: Mapping[str, Any], num_classes: int) -> dict:
  """The image ViT on every frame, the model of a config, and it merged.

  Raises:
    UserError: a value of the config that cannot be.
  """
  config = experiment.check_config(config)
  model = experiment.build_model(config, num_classes)
  found = {IMAGE: build_image_model(model), find_method_name(model): model}
  if adapters.can_merge(model.adapter):
    found[f'{find_method_name(model)}, merged'] = build_deployed(model)
  return found


def find_method_name(model) -> str:
  """Of the method: its adapter, else its operator."""
  part = model.adapter or model.temporal_operator
  return part['name'] if part else 'no adapter'


def build_image_model(model):
  """The image ViT of a model, frame by frame on a clip of as many frames."""
  return video.VideoClassifier(
    model.image_model, model.num_classes, model.num_frames
  )


def build_deployed(model):
  """The model after training: merged, where its method merges."""
  if not adapters.can_merge(model.adapter):
    return model
  merged, _ = merge(model, {'backbone': {}})
  return merged


def count_costs(config: Mapping[str, Any], model) -> Counts:
  """The `Counts` of a model, trained and tested as a config says.

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
