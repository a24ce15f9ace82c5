"""DualPath: the whole CLIP with adapters in its visual tower, `visual.head`.

The grid is in no parameter: the release has framesets of 4 x 4, and 8 single
frames.
"""

from collections.abc import Collection, Mapping

from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import clip_openai
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases.stated import Stated

ANY_FRAMES = True  # whether no parameter depends on their number
IGNORED = clip_openai.TEXT
TOWER, HEAD = clip_openai.TOWER, 'visual.head.'
TABLE = TOWER + 'spatial_positional_embedding'
BLOCKS = TOWER + clip_openai.BLOCKS
PATHS = {
  'spatial': {'attn': 's_adapter_attn', 'mlp': 's_adapter_mlp'},
  'temporal': {
    'attn_in': 't_adapter_attn_b',  # only in the release's 5 adapters
    'attn': 't_adapter_attn',
    'mlp': 't_adapter_mlp',
  },
}


def recognises(keys: Collection[str]) -> bool:
  return BLOCKS.format(0) + 's_adapter_attn.down_proj.weight' in keys


def names(keys: Collection[str]) -> tuple[str, str]:
  """Format and normalisation, for the report."""
  return 'DualPath on CLIP', 'imagenet'


def spec(arrays: Arrays, told: Stated) -> tuple[dict, int]:
  """The model part of a config, and the number of classes."""
  first = BLOCKS.format(0)
  five = first + 't_adapter_attn_b.down_proj.weight' in arrays
  adapter = dict(
    name='dualpath',
    num_adapters=5 if five else 4,
    rank=len(arrays[first + 's_adapter_attn.down_proj.bias']),
    positions='release' if TABLE in arrays else 'fixed_3d',
  )
  sizes = dict(family='clip') | clip_openai.sizes(arrays, TOWER)
  found = dict(
    backbone=told.vit(sizes),
    adapter=adapter,
    projection=arrays[TOWER + 'proj'].shape[1],
  )
  return found, len(arrays[HEAD + 'linear2.bias'])


def convert(reader: Reader, model, told: Stated) -> dict:
  cfg = model.image_model
  stacks = {
    f'{path}_{i}': adapters(reader, BLOCKS.format(i), table)
    for path, table in PATHS.items()
    for i in range(cfg.depth)
  }
  if reader.has(TABLE):
    stacks['table'] = reader.positions(TABLE, cfg)
  layers = {'fc1': 'linear1', 'fc2': 'linear2'}
  return {
    'backbone': clip_openai.tower(reader, TOWER, cfg),
    'adapters': stacks,
    'projection': {'kernel': reader.take(TOWER + 'proj')},
    'head': {k: reader.dense(HEAD + name) for k, name in layers.items()},
  }


def adapters(reader: Reader, block: str, table: Mapping[str, str]) -> dict:
  """The adapters of a path in a block."""
  layers = {'down': 'down_proj', 'up': 'up_proj'}
  return {
    ours: {k: reader.dense(f'{block}{key}.{v}') for k, v in layers.items()}
    for ours, key in table.items()
    if reader.has(f'{block}{key}.down_proj.weight')
  }
