"""DualPath: complete CLIP with adapters in its visual tower, and `visual.head`.

No parameter shows the grid: the release has framesets of 4 x 4, and 8 single
frames.
"""

from collections.abc import Collection, Mapping

from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import clip_openai
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases.arguments import Arguments

ANY_FRAMES = True  # no parameter depends on their number
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


def describe_format(keys: Collection[str]) -> tuple[str, str]:
  """Returns format and normalisation, for the report."""
  return 'DualPath on CLIP', 'imagenet'


def read_spec(arrays: Arrays, arguments: Arguments) -> tuple[dict, int]:
  """Reads the model part of a config, and the number of classes."""
  first = BLOCKS.format(0)
  five = first + 't_adapter_attn_b.down_proj.weight' in arrays
  adapter = dict(
    name='dualpath',
    num_adapters=5 if five else 4,
    rank=len(arrays[first + 's_adapter_attn.down_proj.bias']),
    positions='release' if TABLE in arrays else 'fixed_3d',
  )
  sizes = dict(family='clip') | clip_openai.read_sizes(arrays, TOWER)
  found = dict(
    backbone=arguments.make_backbone(sizes),
    adapter=adapter,
    projection=arrays[TOWER + 'proj'].shape[1],
  )
  return found, len(arrays[HEAD + 'linear2.bias'])


def convert(reader: Reader, model, arguments: Arguments) -> dict:
  cfg = model.image_model
  stacks = {
    f'{path}_{i}': read_adapters(reader, BLOCKS.format(i), table)
    for path, table in PATHS.items()
    for i in range(cfg.depth)
  }
  if reader.has(TABLE):
    stacks['table'] = reader.take_positions(TABLE, cfg)
  layers = {'fc1': 'linear1', 'fc2': 'linear2'}
  return {
    'backbone': clip_openai.read_tower(reader, TOWER, cfg),
    'adapters': stacks,
    'projection': {'kernel': reader.take(TOWER + 'proj')},
    'head': {k: reader.take_dense(HEAD + name) for k, name in layers.items()},
  }


def read_adapters(reader: Reader, block: str, table: Mapping[str, str]) -> dict:
  """Reads the adapters of a path in a block."""
  layers = {'down': 'down_proj', 'up': 'up_proj'}
  return {
    ours: {k: reader.take_dense(f'{block}{key}.{v}') for k, v in layers.items()}
    for ours, key in table.items()
    if reader.has(f'{block}{key}.down_proj.weight')
  }
