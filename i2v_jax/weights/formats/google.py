"""Google's `.npz` ViTs -> the backbone's tree.

AugReg and older files, and those of big_vision, with stacked blocks and of
SigLIP too. They were trained with the tanh form of GELU.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from i2v_jax.backbones.vit_config import FAMILIES, ViTConfig
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.reader import Reader, count_blocks

PREFIXES = ('params/img/', 'opt/target/', 'params/', '')
IGNORED = (
  'head/',
  'pre_logits/',
  'params/txt/',  # of SigLIP, next to the image tower
  'params/t',
  'params/b',
  'opt/state/',
)
BLOCKS = 'Transformer/encoderblock_{}/'
STACKED = 'Transformer/encoderblock/'
ATTENTION = (
  'MultiHeadDotProductAttention_1/',
  'MultiHeadDotProductAttention_0/',
)
NORMS = ('LayerNorm_2', 'LayerNorm_1')  # before the MLP
MLPS = ('MlpBlock_3/', 'MlpBlock_0/')
POSITIONS = ('Transformer/posembed_input/pos_embedding', 'pos_embedding')
PARTS = {'q': 'query', 'k': 'key', 'v': 'value', 'out': 'out'}


def recognises(keys: Collection[str]) -> bool:
  return any(prefix + 'embedding/kernel' in keys for prefix in PREFIXES)


def find_prefix(keys: Collection[str]) -> str:
  return next(p for p in PREFIXES if p + 'embedding/kernel' in keys)


def find_normalization(weights: Weights) -> str:
  return 'half'


def name_format(weights: Weights) -> str:
  return 'ViT (Google .npz)'


def find_resampling(weights: Weights) -> str:
  return 'bicubic'


def read_fields(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from shapes."""
  arrays = open_tower(weights.arrays)
  patch, _, _, width = arrays.shape('embedding/kernel', 4)
  block = BLOCKS.format(0)
  query = arrays[block + find_part(arrays, ATTENTION) + 'query/bias']
  class_token, attends = 'cls' in arrays, 'MAPHead_0/probe' in arrays
  tokens = arrays.shape(find_name(arrays, POSITIONS), 3)[1]
  pool = 'map' if attends else 'cls' if class_token else 'mean'
  return FAMILIES['augreg'] | dict(
    width=width,
    depth=count_blocks(arrays, BLOCKS),
    num_heads=len(query),
    mlp_dim=len(arrays[block + find_part(arrays, MLPS) + 'Dense_0/bias']),
    patch_size=patch,
    image_size=patch * round((tokens - class_token) ** 0.5),
    class_token=class_token,
    pool=pool,
  )


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  arrays = open_tower(weights.arrays)
  ignored = IGNORED if cfg.pool == 'map' else (*IGNORED, 'MAPHead_0/')
  reader = Reader(arrays, ignored)
  attention, mlp = find_part(arrays, ATTENTION), find_part(arrays, MLPS)
  tree = {
    'patch': read_layer(reader, 'embedding/'),
    'pos': reader.take_positions(find_name(arrays, POSITIONS), cfg),
    'ln_post': read_norm(reader, 'Transformer/encoder_norm/'),
  }
  if cfg.class_token:
    tree['cls'] = reader.take('cls').reshape(-1)
  for i in range(cfg.depth):
    key = BLOCKS.format(i)
    tree[f'blocks_{i}'] = {
      'ln1': read_norm(reader, f'{key}LayerNorm_0/'),
      'attn': read_attention(reader, key + attention),
      'ln2': read_norm(reader, f'{key}{find_part(arrays, NORMS)}/'),
      'mlp': read_dense_pair(reader, key + mlp),
    }
  if cfg.pool == 'map':
    tree['map'] = read_attention_pool(reader, 'MAPHead_0/')
  return tree, reader


def read_attention_pool(reader: Reader, key: str) -> dict:
  return {
    'query': reader.take(key + 'probe')[0],
    'attn': read_attention(reader, key + 'MultiHeadDotProductAttention_0/'),
    'ln': read_norm(reader, key + 'LayerNorm_0/'),
    'mlp': read_dense_pair(reader, key + 'MlpBlock_0/'),
  }


def read_layer(reader: Reader, key: str) -> dict:
  return {name: reader.take(key + name) for name in ('kernel', 'bias')}


def read_norm(reader: Reader, key: str) -> dict:
  return {name: reader.take(key + name) for name in ('scale', 'bias')}


def read_dense_pair(reader: Reader, key: str) -> dict:
  names = {'fc1': 'Dense_0/', 'fc2': 'Dense_1/'}
  return {
    ours: read_layer(reader, key + theirs) for ours, theirs in names.items()
  }


def read_attention(reader: Reader, key: str) -> dict:
  """Reads attention, with an axis of heads: `D x N x K` or `N x K x D`."""
  tree = {}
  for ours, theirs in PARTS.items():
    found = read_layer(reader, f'{key}{theirs}/')
    kernel, bias = found['kernel'], found['bias'].reshape(-1)
    inputs = -1 if ours == 'out' else len(kernel)
    tree[ours] = {'kernel': kernel.reshape(inputs, len(bias)), 'bias': bias}
  return tree


def open_tower(arrays: Arrays) -> Arrays:
  """Returns the arrays without prefix, with blocks unstacked."""
  return Arrays(Renamed(arrays), arrays.what)


def find_name(keys: Collection[str], names: Sequence[str]) -> str:
  """Finds the first of some names in the keys; the last if there is none."""
  return next((name for name in names if name in keys), names[-1])


def find_part(keys: Collection[str], parts: Sequence[str]) -> str:
  """Finds the first of some parts in block 0; the last if there is none."""
  block = BLOCKS.format(0)
  there = lambda part: any(key.startswith(block + part) for key in keys)
  return next((part for part in parts if there(part)), parts[-1])


class Renamed(Mapping):
  """Arrays by our names, whose source is a key or part of a stacked array."""

  def __init__(self, arrays: Arrays):
    self._arrays, self._found = arrays, {}
    start = find_prefix(arrays)
    for key in arrays:
      name = key.removeprefix(start)
      if name.startswith(STACKED):
        self._unstack(name.removeprefix(STACKED), arrays[key])
      else:
        self._found[name] = key

  def _unstack(self, name: str, stacked: np.ndarray) -> None:
    for i, array in enumerate(stacked):
      self._found[BLOCKS.format(i) + name] = array

  def __getitem__(self, name: str) -> np.ndarray:
    found = self._found[name]
    return self._arrays[found] if isinstance(found, str) else found

  def __iter__(self):
    return iter(self._found)

  def __len__(self) -> int:
    return len(self._found)
