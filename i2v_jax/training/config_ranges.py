"""The range of every key of a config, by its dotted name.

`check_ranges` refuses a value out of range before data or a model are built.
Ranges of options of adapters and temporal operators are in `i2v_jax.adapters`.
"""

from collections.abc import Mapping
from typing import Any

from i2v_jax import weights
from i2v_jax.backbones import image_model, vit_config
from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.data.clips.spec import CHOICES, FLAGS, INTEGERS, NUMBERS
from i2v_jax.models.build import RANGES
from i2v_jax.runtime import sharding
from i2v_jax.runtime.ranges import (
  COUNT,
  FROM_0,
  INT32,
  NOT_NEGATIVE,
  POSITIVE,
  RATE,
  SHARE,
  Number,
  anything,
  flag,
  integer,
  list_of,
  mapping_of,
  off_or,
  one_of,
  text,
)
from i2v_jax.training import optimizer, schedule

DTYPES = ('auto', 'float32', 'bfloat16')
PARTS = {'model': RANGES, 'optimizer': schedule.RANGES | optimizer.RANGES}


def _normalization(name: str, value) -> str:
  """A normalization by name, or the description of one without a name."""
  if isinstance(value, str) and value.startswith('mean ('):
    return value
  return one_of('', *NORMALIZATION)(name, value)


def _scale_crop(name: str, value):
  """0 for off, the upper end from 1, or both ends."""
  if isinstance(value, list | tuple):
    return list_of(Number(1), 2)(name, value)
  return off_or(Number(1))(name, value)


def _class_weights(name: str, value):
  """A rule by name, or the weight of each class by its name."""
  if isinstance(value, Mapping):
    return mapping_of(POSITIVE)(name, value)
  return one_of('none', 'inverse', 'effective')(name, value)


KEYS = {
  'seed': integer(0, 2 * INT32 + 1),
  'needs': text,
  'reported': Number(0, 100),
  'weights': text,
  'weights_which': one_of('', 'raw', 'ema', weights.OLDER),
  'start_from': text,
  'task': one_of('single', 'multi'),
  'trainable': list_of(text),
  'dtype': one_of(*DTYPES),
  'remat': one_of(*vit_config.REMAT),
  'batch_size': COUNT,
  'repeats': COUNT,
  'clips_per_video': FROM_0,
  'cache_gb': NOT_NEGATIVE,
  'drop_patches': RATE,
  'accumulate': COUNT,
  'epochs': NOT_NEGATIVE,
  'steps': FROM_0,
  'label_smoothing': RATE,
  'class_weights': _class_weights,
  'effective_beta': RATE,
  'logit_adjustment': NOT_NEGATIVE,
  'mixup': NOT_NEGATIVE,
  'cutmix': NOT_NEGATIVE,
  'log_every': COUNT,
  'eval_every': FROM_0,
  'report_step': one_of('last', 'best'),
  'checkpoint_every': FROM_0,
  'compare': mapping_of(anything),
  'model.adapter': anything,
  'model.temporal_operator': anything,
  'model.backbone': image_model.check_sizes,
  'mesh.model': COUNT,
  'mesh.frozen': one_of(*sharding.LAYOUTS),
  'mesh.trained': one_of(*sharding.LAYOUTS),
  'views.clips': COUNT,
  'views.crops': one_of(*CHOICES['crops']),
  'views.short_side': FROM_0,
  'views.evaluator': one_of('videomae', 'activitynet'),
  'views.frame': one_of(*CHOICES['test_frame']),
  'loader.threads': COUNT,
  'loader.workers': FROM_0,
  'loader.stall_seconds': NOT_NEGATIVE,
  'data.format': text,
  'data.root': text,
  'data.train': text,
  'data.val': text,
  'data.options': mapping_of(anything),
  'data.normalization': one_of(*NORMALIZATION),
  'data.weights_normalization': _normalization,
  'data.on_bad_video': one_of('error', 'skip'),
  'data.max_bad_share': SHARE,
  'data.clip_seconds': NOT_NEGATIVE,
  'data.fps': POSITIVE,
  'data.manifest': text,
  'data.background': NOT_NEGATIVE,
  'data.shots': FROM_0,
  'data.share': Number(0, 1, above=True),
  'data.balanced': flag,
  'clip.scale_crop': _scale_crop,
  'clip.crop_area': list_of(SHARE, 2),
  'clip.crop_aspect': list_of(POSITIVE, 2),
  'clip.jitter': list_of(SHARE, 0, 4),
  'clip.hsv_jitter': list_of(integer(0, 255), 0, 3),
  'clip.box_jitter': list_of(SHARE, 0, 4),
  'clip.box_extend': list_of(SHARE, 2),
  'clip.flip_labels': flag,
}
KEYS |= {
  f'{part}.{k}': r for part, found in PARTS.items() for k, r in found.items()
}
KEYS |= {f'clip.{k}': one_of(*v) for k, v in CHOICES.items()}
KEYS |= {f'clip.{k}': integer(*ends) for k, ends in INTEGERS.items()}
KEYS |= {f'clip.{k}': Number(*v) for k, v in NUMBERS.items()}
KEYS |= {f'clip.{k}': flag for k in FLAGS}


def check_ranges(config: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """Checks that values are in their ranges; returns integers as `int`.

  Args:
    config: plain, as `experiment.to_plain` makes it.
    prefix: of its keys, for errors.

  Raises:
    UserError: a value is out of its range; names the key.
  """
  found = {}
  for name, value in config.items():
    key = f'{prefix}{name}'
    if key in KEYS:
      found[name] = KEYS[key](key, value)
    elif any(known.startswith(f'{key}.') for known in KEYS):
      found[name] = check_ranges(mapping_of(anything)(key, value), f'{key}.')
    else:  # of another version, or private to a config
      found[name] = value
  return found
