"""A config turned into the things it describes: data, clips, model, weights.

Configs are mappings, as `configs/` makes them or as JSON brings them back.
"""

import dataclasses
import functools
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax import adapters, config_ranges, dropping, optimizer, start, weights
from i2v_jax import params as params_lib
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.data.clips import flips
from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.data.sets import sources
from i2v_jax.models.build import build
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime import sharding
from i2v_jax.runtime.console import console


def check(config: Mapping[str, Any]) -> dict[str, Any]:
  """Checks the values of a config, without reading data or weights.

  Returns:
    A plain copy with whole numbers as `int`, 64.0 as 64.

  Raises:
    ValueError: a value is out of its range, or values do not go together; names
      the key.
  """
  config = plain(config)
  for key in ('batch_size', 'remat'):
    if config[key] == 'auto':
      raise ValueError(
        f"{key} is 'auto', which training decides; give a value here."
      )
  config = config_ranges.check(config)
  sharding.check_layouts(config['mesh'])
  for key in ('mixup', 'cutmix'):
    if config[key] and config['batch_size'] < 2:
      raise ValueError(
        f'{key} is {config[key]}, which needs a batch_size of 2 or more.'
      )
  if not (config['steps'] or config['epochs']):
    raise ValueError('Nothing to train: set steps or epochs above 0.')
  built = build(config['model'], 1)
  dropping.check(built, config['drop_patches'])
  try:
    clip_spec(config)
  except ValueError as error:
    raise ValueError(f'clip and views: {error}') from error
  return config


def split(config: Mapping[str, Any], name: str) -> sources.Split:
  """The `train` or `val` split of a config.

  Raises:
    FileNotFoundError: the data is not there; says what the config needs.
  """
  data = config['data']
  if not data['root']:
    raise ValueError('data.root is empty; give the folder of the data.')
  options = {'fps': data['fps']} | dict(data['options'])
  try:
    return sources.load(data['format'], data['root'], data[name], **options)
  except FileNotFoundError as error:
    raise FileNotFoundError(_sentences(error, config)) from error


def _sentences(error: Exception, config: Mapping[str, Any]) -> str:
  """What is missing, and what the config needs."""
  if not config['needs']:
    return str(error)
  return (
    f'{str(error).removesuffix(".")}. This config needs {config["needs"]} '
    f'under data.root={config["data"]["root"]} (layout in docs/datasets.md) '
    f'and image weights, weights={config["weights"]}.'
  )


def absolute(config: Mapping[str, Any]) -> dict:
  """A plain config whose paths hold wherever it is read."""
  config = plain(config)
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


def clip_spec(config: Mapping[str, Any], class_names=None) -> ClipSpec:
  """How clips are made; `class_names` only matter for mirrored labels.

  Raises ValueError for an invalid value, and if clips are mirrored but the
  mirror image of a class is missing.
  """
  model, views, clip = config['model'], config['views'], dict(config['clip'])
  adapter = adapters.resolve(model['adapter'])
  if clip.pop('flip_labels') and clip['flip'] and class_names:
    clip['flip_map'] = flips.flip_label_map(class_names)
  return ClipSpec(
    num_frames=model['num_frames'],
    image_size=ViTConfig.named(**model['backbone']).image_size,
    clips=views['clips'],
    crops=views['crops'],
    test_short_side=views['short_side'],
    grid=adapters.option(adapter, 'grid', ()),
    spatial_frames=adapters.option(adapter, 'spatial_frames', 0),
    **{k: tuple(v) if isinstance(v, list) else v for k, v in clip.items()},
  )


def one_view(spec: ClipSpec) -> ClipSpec:
  """The same preprocessing with a single central view."""
  return dataclasses.replace(spec, clips=1, crops=1)


def dtype(config: Mapping[str, Any], platform: str = ''):
  """Compute type: as named, or for `auto` bfloat16 on accelerators.

  `platform` is that of the devices, if they are not JAX's default ones.
  """
  if config['dtype'] != 'auto':
    return jnp.dtype(config['dtype'])
  on_cpu = (platform or jax.default_backend()) == 'cpu'
  return jnp.dtype('float32') if on_cpu else jnp.dtype('bfloat16')


def model(config: Mapping[str, Any], num_classes: int, platform: str = ''):
  """The classifier of a config, in its compute type (see `dtype`)."""
  remat = 'none' if config['remat'] == 'auto' else config['remat']
  options = {'dtype': dtype(config, platform), 'remat': remat}
  return build(config['model'], num_classes, **options)


def base(config: Mapping[str, Any]) -> str:
  """Where what stays frozen comes from."""
  return config['start_from'] or config['weights']


def pretrained(
  config: Mapping[str, Any], model, class_names, settled: bool = False
) -> dict:
  """What a model begins with: parts of its tree.

  From `start_from`, where a config has it, else from its `weights`.

  Args:
    config: of the experiment.
    model: its classifier.
    class_names: of its data.
    settled: the run has begun, so its weights are not checked again.

  Raises:
    FileNotFoundError: they are not there; says what the config needs.
    ValueError: they are for another model.
  """
  if config['start_from']:
    return start.parts(config['start_from'], model, class_names)
  source, which = config['weights'], config['weights_which']
  try:
    parts = {'backbone': _backbone(config, model.vit, settled)}
    width = getattr(model, 'projection', 0)
    if width and source != 'random':
      parts['projection'] = weights.load_projection(
        source, model.vit, width, which
      )
  except FileNotFoundError as error:
    raise FileNotFoundError(_sentences(error, config)) from error
  return parts


def _backbone(config: Mapping[str, Any], cfg: ViTConfig, settled: bool) -> dict:
  if config['weights'] == 'random':
    return weights.load_backbone('random', cfg, config['seed'])
  if settled:
    return weights.load_again(config, cfg)
  params, report = weights.load_for(config, cfg)
  for line in (*report.taken_from, *report.reshaped):
    console.print(f'weights: {line}')
  for line in report.assumed:
    console.print(f'weights: assumed {line}, which no file says')
  return params


def initial_params(
  model, pretrained: Mapping, seed: int, wanted: Mapping | None = None
) -> dict:
  """Fresh adapters and head, together with what is pretrained.

  Args:
    model: a classifier.
    pretrained: parts of its tree.
    seed: of what is fresh.
    wanted: a tree whose paths are returned; None for all of them. What is not
      wanted is neither drawn nor compiled.
  """
  wanted = param_shapes(model) if wanted is None else wanted
  given, flat = (flatten_dict(x, sep='/') for x in (pretrained, wanted))
  is_fresh = lambda path: path.split('/')[0] not in pretrained
  found = {path: given[path] for path in flat if not is_fresh(path)}
  if fresh := tuple(filter(is_fresh, sorted(flat))):
    found |= _draw(model, fresh, jax.random.key(seed))
  return unflatten_dict(found, sep='/')


@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(model, paths: tuple[str, ...], key) -> dict:
  """Fresh parameters by path; the rest of the model is not computed."""
  clip = [jnp.zeros(x.shape, x.dtype) for x in clip_shapes(model)]
  flat = flatten_dict(model.init(key, *clip)['params'], sep='/')
  return {path: flat[path] for path in paths}


def count_trained(config: Mapping[str, Any], params: Mapping) -> int:
  """Scalars of a tree that a config trains.

  Prefixes whose part is gone, as merged adapters are, count nothing.
  """
  trainable = [
    prefix
    for prefix in config['trainable']
    if not prefix or prefix.split('/')[0] in params
  ]
  mine, _ = params_lib.split(params, trainable)
  return optimizer.count_trained(
    mine, dict(config['optimizer']['first_channels'])
  )


def plain(value):
  """A config as JSON holds it: dicts, lists and scalars."""
  if hasattr(value, 'items'):
    return {str(k): plain(v) for k, v in value.items()}
  if isinstance(value, list | tuple):
    return [plain(v) for v in value]
  return value.item() if isinstance(value, np.generic) else value
