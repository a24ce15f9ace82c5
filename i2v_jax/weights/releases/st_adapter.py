"""ST-Adapter: CLIP in OpenAI's names without prefix, adapters inside, `fc`."""

from collections.abc import Collection, Mapping

from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import clip_openai
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases.arguments import Arguments

ANY_FRAMES = True  # no parameter depends on their number
IGNORED = ()
PLACES = {'adapter_pre_attn': 'adapt_attn', 'adapter_pre_mlp': 'adapt_mlp'}


def recognises(keys: Collection[str]) -> bool:
  return 'fc.weight' in keys and bool(find_places(keys))


def describe_format(keys: Collection[str]) -> tuple[str, str]:
  """Returns format and normalisation, for the report."""
  return 'ST-Adapter on CLIP', 'clip'


def find_places(keys: Collection[str]) -> dict:
  """Maps published names to ours, for adapters that any block has."""
  return {
    theirs: ours
    for theirs, ours in PLACES.items()
    if any(f'.{theirs}.' in key for key in keys)
  }


def find_adapted_blocks(keys: Collection[str]) -> tuple[int, ...]:
  """Finds the blocks with adapters."""
  parts = (key.split('.') for key in keys if '.adapter_pre_' in key)
  return tuple(sorted({int(p[p.index('resblocks') + 1]) for p in parts}))


def read_spec(arrays: Arrays, arguments: Arguments) -> tuple[dict, int]:
  """Reads the model part of a config, and the number of classes."""
  sizes, here = clip_openai.read_sizes(arrays, ''), find_places(arrays)
  here_in = find_adapted_blocks(arrays)
  first = clip_openai.BLOCKS.format(here_in[0])
  conv = arrays[f'{first}{next(iter(here))}.conv.weight']
  adapter = dict(
    name='st_adapter',
    rank=len(conv),
    kernel=conv.shape[2:],
    pre_attn='adapter_pre_attn' in here,
    pre_mlp='adapter_pre_mlp' in here,
    blocks=() if len(here_in) == sizes['depth'] else here_in,
  )
  found = dict(
    backbone=arguments.make_backbone(dict(family='clip') | sizes),
    adapter=adapter,
    temporal_embedding=False,
    mean_first=True,
    head_std=0.02,
  )
  return found, len(arrays['fc.bias'])


def convert(reader: Reader, model, arguments: Arguments) -> dict:
  table = find_places(reader.arrays)
  stacks = {
    f'blocks_{i}': read_adapters(reader, clip_openai.BLOCKS.format(i), table)
    for i in find_adapted_blocks(reader.arrays)
  }
  return {
    'backbone': clip_openai.read_tower(reader, '', model.image_model),
    'adapters': stacks,
    'head': reader.take_dense('fc'),
  }


def read_adapters(reader: Reader, block: str, table: Mapping[str, str]) -> dict:
  """Reads the adapters of a block."""

  def layers(key):
    conv = reader.take_conv(f'{key}.conv')
    conv['kernel'] = conv['kernel'][..., 0, :]  # one input per channel
    dense = {
      name: reader.take_dense(f'{key}.{name}') for name in ('fc1', 'fc2')
    }
    return dense | {'conv': conv}

  return {ours: layers(block + theirs) for theirs, ours in table.items()}
