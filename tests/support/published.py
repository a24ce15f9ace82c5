"""Goldens: small models of published implementations, read by the library."""

import json

import numpy as np
from paths import TESTS

from i2v_jax.deploy.release import load_release
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases import zeroi2v_aim

HERE = TESTS / 'golden'


def load(path):
  """(config, arrays by group) of a golden `.npz`."""
  arrays = np.load(path)
  groups = {}
  for key in arrays.files:
    group, _, name = key.partition('/')
    groups.setdefault(group, {})[name] = arrays[key]
  config = json.loads(groups.pop('config')[''].tobytes())
  return config, {
    group: value[''] if set(value) == {''} else value
    for group, value in groups.items()
  }


def arguments(config, arrays):
  """What no file tells, from the config of a golden file."""
  found = dict(num_heads=config['heads'])
  if config['method'] == 'zeroi2v':
    found['offsets'] = config['offsets']
  if 'adapter_scale' in config:
    found['adapter_scale'] = config['adapter_scale']
  if config.get('release_kwargs', {}).get('adapter_type') == 'gelu':
    found['method'] = 'gelu_adapters'
  if 'backbone' in arrays:
    found['backbone'] = arrays['backbone']
  return found


def release(name, **options):
  """(model, params, arrays) of a golden `.npz`."""
  config, arrays = load(HERE / f'{name}.npz')
  told = arguments(config, arrays) | options
  loaded = load_release(arrays['state'], **told)
  return loaded.model, loaded.params, arrays


def gradients(arrays):
  """Of what ZeroI2V and AIM train; stored without the backbone's prefix."""
  reader, state = Reader(Arrays(arrays['grad'], 'gradients')), arrays['state']
  blocks = zeroi2v_aim.CLIP_BLOCKS.removeprefix(zeroi2v_aim.BACKBONE)
  adapters = lambda i: zeroi2v_aim.read_adapters(
    reader, blocks.format(i), zeroi2v_aim.find_places(state)
  )
  tree = {
    'adapters': {f'blocks_{i}': adapters(i) for i in range(2)},
    'backbone': {'ln_post': reader.take_norm('ln_post')},
    'temporal_embedding': reader.take('temporal_embedding')[0],
    'head': reader.take_dense(zeroi2v_aim.HEAD),
  }
  reader.report('gradients', 'none')  # refuses any that were not asked for
  return tree


def video(arrays):
  """The clips of a golden, as our models take them."""
  return arrays['input'].transpose(0, 2, 3, 4, 1)
