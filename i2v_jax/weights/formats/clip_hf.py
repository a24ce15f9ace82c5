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
  return prefix(keys) + PATCH + '.weight' in keys


def prefix(keys: Collection[str]) -> str:
  return TOWER if f'{TOWER}{PATCH}.weight' in keys else ''


def family(keys: Collection[str]) -> str:
  """SigLIP has no class token."""
  return 'clip' if _cls(keys) in keys else 'siglip'


def _cls(keys) -> str:
  return prefix(keys) + 'embeddings.class_embedding'


def normalization(weights: Weights) -> str:
  return {'clip': 'clip', 'siglip': 'half'}[family(weights.arrays)]


def what(weights: Weights) -> str:
  names = {'clip': 'CLIP', 'siglip': 'SigLIP'}
  return f'{names[family(weights.arrays)]} (Hugging Face)'


def resampling(weights: Weights) -> str:
  return 'bicubic'


def fields(weights: Weights) -> dict:
  """Fields of `ViTConfig` that the file and its `config.json` tell."""
  arrays, key = weights.arrays, prefix(weights.arrays)
  shape = arrays[f'{key}{PATCH}.weight'].shape
  if len(shape) != 4:
    raise UserError(
      f'{weights.what} is a SigLIP 2 of variable shape (NaFlex), which this '
      'library does not read; take one of fixed size.'
    )
  tokens = len(arrays[key + 'embeddings.position_embedding.weight'])
  known = dict(FAMILIES[family(arrays)])
  if family(arrays) == 'clip':
    known['activation'] = None  # OpenAI's and LAION's differ
  sizes = huggingface.sizes(
    arrays, key + BLOCKS, shape, tokens, known['class_token']
  )
  sizes['mlp_dim'] = len(arrays[key + BLOCKS.format(0) + 'mlp.fc1.bias'])
  return known | sizes | huggingface.config(weights)


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  key, is_clip = prefix(weights.arrays), family(weights.arrays) == 'clip'
  skipped = IGNORED if cfg.pool == 'map' else (*IGNORED, f'{key}head.')
  reader = Reader(weights.arrays, (*skipped, key + IGNORED[0]))
  pos = key + 'embeddings.position_embedding.weight'
  tree = {
    'patch': reader.conv(key + PATCH, bias=cfg.patch_bias),
    'pos': reader.positions(pos, cfg),
    'ln_post': reader.norm(key + 'post_layernorm'),
  } | reader.blocks(key + BLOCKS, BLOCK, cfg.depth)
  if is_clip:
    tree['cls'] = reader.take(_cls(weights.arrays))
    tree['ln_pre'] = reader.norm(key + 'pre_layrnorm')  # spelt so in the files
  if cfg.pool == 'map':
    tree['map'] = attention_pool(reader, key + 'head.')
  return tree, reader


def attention_pool(reader: Reader, key: str) -> dict:
  attention = key + 'attention.'
  qkv = reader.fused(attention + 'in_proj_weight', attention + 'in_proj_bias')
  return {
    'query': reader.take(key + 'probe')[0],
    'attn': qkv | {'out': reader.dense(attention + 'out_proj')},
    'ln': reader.norm(key + 'layernorm'),
    'mlp': {name: reader.dense(f'{key}mlp.{name}') for name in ('fc1', 'fc2')},
  }


def projection(arrays: Arrays) -> np.ndarray | None:
  """`D x E` of a model with projection, else None."""
  weight = arrays.get('visual_projection.weight')
  return None if weight is None else weight.T
