"""ST-Adapter: CLIP in OpenAI's names without prefix, adapters inside, `fc`."""

from collections.abc import Collection, Mapping

from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import clip_openai
from i2v_jax.weights.reader import Reader
from i2v_jax.weights.releases.stated import Stated

ANY_FRAMES = True  # whether no parameter depends on their number
IGNORED = ()
PLACES = {'adapter_pre_attn': 'adapt_attn', 'adapter_pre_mlp': 'adapt_mlp'}


def recognises(keys: Collection[str]) -> bool:
  return 'fc.weight' in keys and bool(places(keys))


def names(keys: Collection[str]) -> tuple[str, str]:
  """Format and normalisation, for the report."""
  return 'ST-Adapter on CLIP', 'clip'


def places(keys: Collection[str]) -> dict:
  """Published name -> ours, of the adapters that some block has."""
  return {
    theirs: ours
    for theirs, ours in PLACES.items()
    if any(f'.{theirs}.' in key for key in keys)
  }


def adapted(keys: Collection[str]) -> tuple[int, ...]:
  """The blocks that have adapters."""
  parts = (key.split('.') for key in keys if '.adapter_pre_' in key)
  return tuple(sorted({int(p[p.index('resblocks') + 1]) for p in parts}))


def spec(arrays: Arrays, told: Stated) -> tuple[dict, int]:
  """The model part of a config, and the number of classes."""
  sizes, here = clip_openai.sizes(arrays, ''), places(arrays)
  here_in = adapted(arrays)
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
    backbone=told.vit(dict(family='clip') | sizes),
    adapter=adapter,
    temporal_embedding=False,
    mean_first=True,
    head_std=0.02,
  )
  return found, len(arrays['fc.bias'])


def convert(reader: Reader, model, told: Stated) -> dict:
  table = places(reader.arrays)
  stacks = {
    f'blocks_{i}': adapters(reader, clip_openai.BLOCKS.format(i), table)
    for i in adapted(reader.arrays)
  }
  return {
    'backbone': clip_openai.tower(reader, '', model.image_model),
    'adapters': stacks,
    'head': reader.dense('fc'),
  }


def adapters(reader: Reader, block: str, table: Mapping[str, str]) -> dict:
  """The convolutions of a block."""

  def layers(key):
    conv = reader.conv(f'{key}.conv')
    conv['kernel'] = conv['kernel'][..., 0, :]  # one input per channel
    dense = {name: reader.dense(f'{key}.{name}') for name in ('fc1', 'fc2')}
    return dense | {'conv': conv}

  return {ours: layers(block + theirs) for theirs, ours in table.items()}
