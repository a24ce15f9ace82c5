"""Builds video models from the `model` part of a config, and merges them."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from i2v_jax import adapters
from i2v_jax.adapters import operators
from i2v_jax.backbones.image_model import ImageModel, make_config
from i2v_jax.models import detection
from i2v_jax.models.dualpath import DualPathClassifier
from i2v_jax.models.dualpath_detection import DualPathDetector
from i2v_jax.models.evl import EVLClassifier
from i2v_jax.models.probe import ProbeClassifier
from i2v_jax.models.video import VideoClassifier
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import UserError, suggest

RANGES = {  # key of `model` in a config -> what it may be
  'num_frames': ranges.COUNT,
  'temporal_embedding': ranges.flag,
  'mean_first': ranges.flag,
  'time_constant': ranges.NOT_NEGATIVE,
  'dropout': ranges.RATE,
  'head_std': ranges.NOT_NEGATIVE,
  'projection': ranges.FROM_0,
  'detection': ranges.none_or(ranges.options_of(detection.OPTIONS)),
}


# Methods that are more than adapters in the blocks.
CLASSIFIERS = {
  'dualpath': DualPathClassifier,
  'evl': EVLClassifier,
  'attentive_probe': ProbeClassifier,
  'step_probe': ProbeClassifier,
}
# What classifies boxes instead of clips.
DETECTORS = {
  VideoClassifier: detection.Detector,
  DualPathClassifier: DualPathDetector,
}


def build(spec: Mapping[str, Any], num_classes: int, **decided) -> nn.Module:
  """A model from the `model` part of a config.

  Args:
    spec: `backbone` (as `image_model.make_config` takes it), `num_frames`,
      `adapter` (a name, or `{'name': …, option: value, …}`), and optionally
      further fields of the classifier.
    num_classes: width of the head.
    **decided: fields of the image model decided at run time, such as `dtype`.

  Raises:
    UserError: unknown names or options, or parts that do not go together.
  """
  num_classes = ranges.COUNT('num_classes', num_classes)
  if missing := sorted({'backbone', 'num_frames'} - set(spec)):
    raise UserError(
      f'The spec of a model has no {" and no ".join(missing)}; an example is '
      "dict(backbone=dict(variant='B/16'), num_frames=8, adapter='aim')."
    )
  spec = {
    k: RANGES.get(k, ranges.anything)(f'model.{k}', v) for k, v in spec.items()
  }
  cfg = make_config(spec.pop('backbone'), **decided)
  spec['adapter'] = adapters.resolve(spec.get('adapter'))
  spec['temporal_operator'] = operators.resolve(spec.get('temporal_operator'))
  operator = spec['temporal_operator']
  adapters.check_operator(spec['adapter'], operator)
  kind = find_classifier(spec['adapter'])
  if boxes := spec.pop('detection', None):
    kind = _find_detector(kind, spec['adapter'])
    if spec.get('time_constant'):
      raise UserError(
        'model.time_constant does not go with model.detection; set it to 0.'
      )
    spec |= detection.get_fields(boxes)
  for option in sorted(spec.keys() - kind.__dataclass_fields__.keys()):
    _check_off(option, spec.pop(option), spec['adapter'])
  steps = count_steps(spec['num_frames'], cfg)
  adapters.check_fit(spec['adapter'], operator, cfg, steps)
  return kind(cfg, num_classes, **spec)


def count_steps(num_frames: int, cfg: ImageModel) -> int:
  """Steps of a clip: its frames, or tubelets; checks that they are complete."""
  steps, rest = divmod(num_frames, cfg.tubelet)
  if rest or not steps:
    raise UserError(
      f'model.num_frames is {num_frames}, and patches span {cfg.tubelet} '
      'frames (model.backbone.tubelet); give a multiple of that.'
    )
  if cfg.steps not in (0, steps):
    raise UserError(
      f'model.backbone.steps is {cfg.steps}, but clips of {num_frames} frames '
      f'have {steps}; set it to that.'
    )
  return steps


def find_classifier(adapter: Mapping | None) -> type[nn.Module]:
  """The module that a method is used through."""
  return CLASSIFIERS.get(adapter and adapter['name'], VideoClassifier)


def _find_detector(
  kind: type[nn.Module], adapter: Mapping | None
) -> type[nn.Module]:
  """The module that a method detects through; UserError if it has no map."""
  if kind not in DETECTORS:
    raise UserError(
      f'{adapter["name"]} does not go with model.detection: its classifier '
      'reads complete frames, so that no token belongs to a box; choose a '
      'method that adapts the blocks, such as zeroi2v, aim or st_adapter.'
    )
  return DETECTORS[kind]


def _check_off(option: str, value, adapter: Mapping | None) -> None:
  """An option a classifier lacks is accepted only when it is off."""
  classifiers = (VideoClassifier, *CLASSIFIERS.values())
  known = set().union(*(c.__dataclass_fields__ for c in classifiers))
  if option not in known:
    near = suggest(option, known, 0.0)
    raise UserError(f'There is no model.{option}{near}')
  if value:
    name = adapter['name'] if adapter else 'no adapter'
    raise UserError(f'model.{option} does not go with {name}; switch it off.')


def merge(model: VideoClassifier, params: Mapping):
  """Folds linear adapters into the backbone: same function, plain ViT.

  Args:
    model: a classifier whose method has a `merge`.
    params: its parameters.

  Returns:
    `(model, params)` without adapters, float32; what has no parameters, such
    as head relocation, stays in the model.

  Raises:
    UserError: the adapter cannot be merged.
  """
  if not adapters.can_merge(model.adapter):
    name = model.adapter['name'] if model.adapter else 'a model without adapter'
    raise UserError(
      f'{name} cannot be folded into the frozen weights; nothing was merged.'
    )
  params, method = dict(params), adapters.METHODS[model.adapter['name']]
  spec, backbone = method.merge(
    model.adapter, params['backbone'], params.pop('adapters', {})
  )
  merged = model.clone(adapter=adapters.resolve(spec))
  return merged, params | {'backbone': backbone}
