"""A config becomes the things it describes: data, clips, model.

Configs are mappings, made in `configs/` or read from JSON.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax import adapters
from i2v_jax.backbones.image_model import make_config
from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.data.clips import flips
from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.data.loading.bad_videos import BadVideos
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.sets import sources, subsets
from i2v_jax.data.sets.background import add_background
from i2v_jax.data.sets.tasks import add_overlapping, use_task
from i2v_jax.models.build import build
from i2v_jax.models.detection import count_boxes
from i2v_jax.params import split
from i2v_jax.runtime import sharding
from i2v_jax.runtime.errors import MissingFileError, UserError
from i2v_jax.training import config_ranges, imbalance, optimizer, selection
from i2v_jax.training.augment import check_drop_patches, check_mixing
from i2v_jax.training.clip_age import check_age


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
  """Checks the values of a config, without reading data or weights.

  Returns:
    A plain copy with integers as `int`, 64.0 as 64.

  Raises:
    UserError: a value is out of its range, or values do not go together; names
      the key.
  """
  config = to_plain(config)
  for key in ('batch_size', 'remat'):
    if config[key] == 'auto':
      raise UserError(
        f"{key} is 'auto', which training decides; give a value here."
      )
  config = config_ranges.check_ranges(config)
  sharding.check_layouts(config['mesh'])
  check_mixing(config['batch_size'], config['mixup'], config['cutmix'])
  # Not `build_model`, for which JAX looks for devices.
  model = build(config['model'], 1, dtype=jnp.float32, remat=config['remat'])
  check_drop_patches(model, config['drop_patches'])
  if model.num_boxes:
    check_for_boxes(config)
  if make_clip_spec(config).age:
    check_age(config, model)
  check_subset(config['data'])
  selection.check(config)
  return config


def check_for_boxes(config: Mapping[str, Any]) -> None:
  """Raises UserError for an option of the labels of complete clips."""
  if config['task'] == 'multi':
    raise UserError(
      "task='multi' is for complete clips, and does not go with "
      'model.detection, whose boxes have any number of labels as they are; '
      "set task='single'."
    )
  off = dict(label_smoothing=0, mixup=0, cutmix=0) | imbalance.KEYS
  for key, value in off.items():
    if config[key] != value:
      raise UserError(
        f'{key} is for the labels of complete clips, and does not go with '
        f'model.detection; set it to {value}.'
      )
  if config['data']['balanced']:
    raise UserError(
      'data.balanced draws classes of complete clips, and does not go with '
      'model.detection; set it to False.'
    )


def check_subset(data: Mapping[str, Any]) -> None:
  """Raises UserError for two ways to choose a part of the training split."""
  if data['shots'] and data['share'] < 1:
    raise UserError(
      'data.shots and data.share both choose a part; set one of them.'
    )


def load_split(config: Mapping[str, Any], name: str) -> sources.Split:
  """Loads the `train` or `val` split of a config.

  Raises:
    FileNotFoundError: the data is missing; says what the config needs.
  """
  data = config['data']
  if not data['root']:
    raise UserError('data.root is empty; give the folder of the data.')
  options = {'fps': data['fps']} | dict(data['options'])
  try:
    split = sources.load_split(
      data['format'], data['root'], data[name], **options
    )
  except FileNotFoundError as error:
    raise MissingFileError(explain_missing(error, config)) from error
  return choose_examples(config, split, name)


def choose_examples(
  config: Mapping[str, Any], split: sources.Split, name: str
) -> sources.Split:
  """Chooses the examples that a config trains or evaluates.

  Labels become those of its task, `data.shots` or `data.share` choose some of
  the `train` split, and `data.background` adds others.

  Args:
    config: of an experiment.
    split: as its format lists it.
    name: 'train' or 'val'.
  """
  data, seed = config['data'], config['seed']
  split = use_task(split, config['task'])
  check_subset(data)
  if name == 'train' and data['shots']:
    split = subsets.choose_shots(split, data['shots'], seed)
  elif name == 'train' and data['share'] < 1:
    split = subsets.choose_share(split, data['share'], seed)
  split = add_overlapping(split)
  if data['background']:
    split = add_background(split, data['background'], name)
  return split


def explain_missing(error: Exception, config: Mapping[str, Any]) -> str:
  """Describes what is missing and what the config needs."""
  if not config['needs']:
    return str(error)
  return (
    f'{str(error).removesuffix(".")}. This config needs {config["needs"]} '
    f'under data.root={config["data"]["root"]} (layout in docs/datasets.md) '
    f'and image weights, weights={config["weights"]}.'
  )


def make_paths_absolute(config: Mapping[str, Any]) -> dict:
  """Makes a plain config whose paths are absolute."""
  config = to_plain(config)
  data = config['data']
  data['root'] = os.path.abspath(os.path.expanduser(data['root']))
  for node, key in (
    (config, 'weights'),
    (config, 'start_from'),
    (data, 'manifest'),
  ):
    path = os.path.expanduser(node[key])
    if path and os.path.exists(path):
      node[key] = os.path.abspath(path)
  return config


def make_clip_spec(config: Mapping[str, Any], class_names=None) -> ClipSpec:
  """Makes the `ClipSpec` of a config; mirrored labels need `class_names`.

  Raises:
    UserError: a value is invalid, or clips are mirrored but the mirror image of
      a class is missing.
  """
  model, views, clip = config['model'], config['views'], dict(config['clip'])
  adapter = adapters.resolve(model['adapter'])
  image_model = make_config(model['backbone'])
  size, name = image_model.image_shape[0], config['data']['normalization']
  if clip.pop('flip_labels') and clip['flip'] and class_names:
    clip['flip_map'] = flips.make_flip_map(class_names)
  options = dict(
    num_frames=model['num_frames'],
    image_size=size,
    clips=views['clips'],
    crops=views['crops'],
    test_short_side=views['short_side'],
    test_frame=views['frame'],
    boxes=count_boxes(model.get('detection')),
    pad_to=size // image_model.grid,
    pad_colour=tuple(round(255 * x) for x in NORMALIZATION[name][0]),
    grid=adapters.option(adapter, 'grid', ()),
    spatial_frames=adapters.option(adapter, 'spatial_frames', 0),
    **{k: tuple(v) if isinstance(v, list) else v for k, v in clip.items()},
  )
  try:
    return ClipSpec(**options)
  except UserError as error:
    raise UserError(f'clip and views: {error}') from error


def make_loader(
  config: Mapping[str, Any], split: sources.Split, spec: ClipSpec
) -> Loader:
  """Makes the loader of a split, with clips of a spec."""
  data = config['data']
  return Loader(split, spec, data['on_bad_video'], data['clip_seconds'])


def make_bad_videos(
  config: Mapping[str, Any], split: sources.Split, report=None
) -> BadVideos:
  """Makes the list of unreadable videos, up to `data.max_bad_share`.

  Args:
    config: of an experiment.
    split: source of the batches.
    report: CSV file that lists them; None writes none.
  """
  return BadVideos(split, config['data']['max_bad_share'], report)


def use_one_view(spec: ClipSpec) -> ClipSpec:
  """Makes the same preprocessing with a single central view."""
  return dataclasses.replace(spec, clips=1, crops=1)


def choose_dtype(config: Mapping[str, Any], platform: str = ''):
  """Chooses the compute type; `auto` is bfloat16 on accelerators.

  `platform` is that of the devices, if not JAX's default ones.
  """
  if config['dtype'] != 'auto':
    return jnp.dtype(config['dtype'])
  on_cpu = (platform or jax.default_backend()) == 'cpu'
  return jnp.dtype('float32') if on_cpu else jnp.dtype('bfloat16')


def build_model(
  config: Mapping[str, Any], num_classes: int, platform: str = ''
):
  """Builds the classifier of a config in its compute type."""
  remat = 'none' if config['remat'] == 'auto' else config['remat']
  options = {'dtype': choose_dtype(config, platform), 'remat': remat}
  return build(config['model'], num_classes, **options)


def count_trained(config: Mapping[str, Any], params: Mapping) -> int:
  """Counts the scalars of a tree that a config trains.

  Prefixes without a part, such as merged adapters, count nothing.
  """
  trainable = [
    prefix
    for prefix in config['trainable']
    if not prefix or prefix.split('/')[0] in params
  ]
  mine, _ = split(params, trainable)
  return optimizer.count_trained(
    mine, dict(config['optimizer']['first_channels'])
  )


def to_plain(value):
  """Converts a config to JSON types: dicts, lists and scalars."""
  if hasattr(value, 'items'):
    return {str(k): to_plain(v) for k, v in value.items()}
  if isinstance(value, list | tuple):
    return [to_plain(v) for v in value]
  return value.item() if isinstance(value, np.generic) else value


def make_parallelism(config: Mapping) -> Parallelism:
  """Makes the threads and workers of a config, and this host's share."""
  return Parallelism(
    **dict(config['loader']),
    shard=jax.process_index(),
    num_shards=jax.process_count(),
  )


def find_weights_source(config: Mapping[str, Any]) -> str:
  """Finds the source of the weights with which training begins."""
  return config['start_from'] or config['weights']
