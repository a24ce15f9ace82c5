"""CLIP and SigLIP from Hugging Face -> the backbone's tree.

`CLIPVisionModel`, `CLIPVisionModelWithProjection`, `CLIPModel`, and the same
of SigLIP and SigLIP 2, with or without the tower's prefix.
"""

from collections.abc import Collection

import numpy as np

from i2v_jax.backbones.vit_config import FAMILIES, ViTConfig
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import huggingface
from i2v_jax.weights.reader import Reader

TOWER = 'vision_model.'
IGNORED = (
  'embeddings.position_ids',  # a buffer of older files
  'logit_bias',
  'logit_scale',
  'text_model.',
  'text_projection.',
  'visual_projection.',
)
PATCH = 'embeddings.patch_embedding'
BLOCKS = 'encoder.layers.{}.'
BLOCK = {
  'ln1': 'layer_norm1',
  'q': 'self_attn.q_proj',
  'k': 'self_attn.k_proj',
  'v': 'self_attn.v_proj',
  'out': 'self_attn.out_proj',
  'ln2': 'layer_norm2',
  'fc1': 'mlp.fc1',
  'fc2': 'mlp.fc2',
}


def recognises(keys: Collection[str]) -> bool:
  return find_prefix(keys) + PATCH + '.weight' in keys


def find_prefix(keys: Collection[str]) -> str:
  return TOWER if f'{TOWER}{PATCH}.weight' in keys else ''


def find_family(keys: Collection[str]) -> str:
  """Finds the family: SigLIP has no class token."""
  return 'clip' if _find_class_token(keys) in keys else 'siglip'


def _find_class_token(keys) -> str:
  return find_prefix(keys) + 'embeddings.class_embedding'


def find_normalization(weights: Weights) -> str:
  return {'clip': 'clip', 'siglip': 'half'}[find_family(weights.arrays)]


def name_format(weights: Weights) -> str:
  names = {'clip': 'CLIP', 'siglip': 'SigLIP'}
  return f'{names[find_family(weights.arrays)]} (Hugging Face)'


def find_resampling(weights: Weights) -> str:
  return 'bicubic'


def read_fields(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from shapes and `config.json`."""
  arrays, key = weights.arrays, find_prefix(weights.arrays)
  shape = arrays[f'{key}{PATCH}.weight'].shape
  if len(shape) != 4:
    raise UserError(
      f'{weights.what} is a SigLIP 2 of variable shape (NaFlex), which this '
      'library does not read; take one of fixed size.'
    )
  tokens = len(arrays[key + 'embeddings.position_embedding.weight'])
  known = dict(FAMILIES[find_family(arrays)])
  if find_family(arrays) == 'clip':
    known['activation'] = None  # OpenAI's and LAION's differ
  sizes = huggingface.read_sizes(
    arrays, key + BLOCKS, shape, tokens, known['class_token']
  )
  sizes['mlp_dim'] = len(arrays[key + BLOCKS.format(0) + 'mlp.fc1.bias'])
  return known | sizes | huggingface.read_config(weights)


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  key, is_clip = (
    find_prefix(weights.arrays),
    find_family(weights.arrays) == 'clip',
  )
  skipped = IGNORED if cfg.pool == 'map' else (*IGNORED, f'{key}head.')
  reader = Reader(weights.arrays, (*skipped, key + IGNORED[0]))
  pos = key + 'embeddings.position_embedding.weight'
  tree = {
    'patch': reader.take_conv(key + PATCH, bias=cfg.patch_bias),
    'pos': reader.take_positions(pos, cfg),
    'ln_post': reader.take_norm(key + 'post_layernorm'),
  } | reader.take_blocks(key + BLOCKS, BLOCK, cfg.depth)
  if is_clip:
    tree['cls'] = reader.take(_find_class_token(weights.arrays))
    tree['ln_pre'] = reader.take_norm(
      key + 'pre_layrnorm'
    )  # spelt so in the files
  if cfg.pool == 'map':
    tree['map'] = read_attention_pool(reader, key + 'head.')
  return tree, reader


def read_attention_pool(reader: Reader, key: str) -> dict:
  attention = key + 'attention.'
  qkv = reader.take_qkv(
    attention + 'in_proj_weight', attention + 'in_proj_bias'
  )
  return {
    'query': reader.take(key + 'probe')[0],
    'attn': qkv | {'out': reader.take_dense(attention + 'out_proj')},
    'ln': reader.take_norm(key + 'layernorm'),
    'mlp': {
      name: reader.take_dense(f'{key}mlp.{name}') for name in ('fc1', 'fc2')
    },
  }


def read_projection(arrays: Arrays) -> np.ndarray | None:
  """Reads `D x E` of a model with projection, else returns None."""
  weight = arrays.get('visual_projection.weight')
  return None if weight is None else weight.T
