"""Which models can be streamed: those that look at no later frame."""

from flax import linen as nn

from i2v_jax import adapters
from i2v_jax.models.classifier import FrozenClassifier
from i2v_jax.models.video import VideoClassifier
from i2v_jax.runtime.errors import UserError


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
  if not model.num_frames:
    return 'its clips have any length; build it with a num_frames'
  if isinstance(model, FrozenClassifier):
    return ''
  if model.temporal_embedding:
    return (
      'its temporal embedding numbers the frames of a clip; train with '
      'model.temporal_embedding=False'
    )
  return adapters.find_later_frames(model)
