"""OpenAI's CLIP, and OpenCLIP's in the same names -> the backbone's tree.

The two differ in the activation, which no key shows: QuickGELU in OpenAI's
weights, GELU in LAION's unless they are named `-quickgelu`.
"""

from collections.abc import Collection, Mapping

import numpy as np

from i2v_jax.backbones.vit_config import FAMILIES, ViTConfig
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import huggingface
from i2v_jax.weights.reader import Reader, count_blocks

TOWER = 'visual.'
ARCHIVE = ('context_length', 'input_resolution', 'vocab_size')
TEXT = (
  *ARCHIVE,
  'attn_mask',
  'ln_final.',
  'logit_bias',
  'logit_scale',
  'positional_embedding',
  'text.',
  'text_projection',
  'token_embedding.',
  'transformer.',
)
BLOCKS = 'transformer.resblocks.{}.'
BLOCK = {
  'ln1': 'ln_1',
  'qkv': 'attn.in_proj_',
  'out': 'attn.out_proj',
  'ln2': 'ln_2',
  'fc1': 'mlp.c_fc',
  'fc2': 'mlp.c_proj',
}


def recognises(keys: Collection[str]) -> bool:
  attention = 'transformer.resblocks.0.attn.in_proj_weight'
  needed = {find_prefix(keys) + name for name in ('conv1.weight', attention)}
  return all(name in keys for name in needed)


def find_prefix(keys: Collection[str]) -> str:
  """Finds `visual.` in files of both towers, else returns ''."""
  return TOWER if TOWER + 'conv1.weight' in keys else ''


def find_normalization(weights: Weights) -> str:
  return 'clip'


def name_format(weights: Weights) -> str:
  return 'CLIP (OpenAI, OpenCLIP)'


def read_fields(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from shapes and config files."""
  arrays = weights.arrays
  key = find_prefix(arrays)
  known = FAMILIES['clip'] | read_sizes(arrays, key)
  known['activation'] = _find_activation(weights)
  known['pre_norm'] = key + 'ln_pre.weight' in arrays
  tower = weights.config.get('model_cfg', {}).get('vision_cfg')
  if tower:
    return known | _read_openclip(tower, known['width'], weights.what)
  return known | _read_hugging_face(weights)


def _read_openclip(tower: Mapping, width: int, what: str) -> dict:
  """Reads fields from OpenCLIP's `vision_cfg`, with its defaults."""
  if tower.get('final_ln_after_pool'):
    raise UserError(
      f'{what} pools before its last norm (final_ln_after_pool), which is '
      'not supported.'
    )
  known = {'num_heads': width // tower.get('head_width', 64) or None}
  if 'image_size' in tower:
    known['image_size'] = tower['image_size']
  if eps := (tower.get('norm_kwargs') or {}).get('eps'):
    known['norm_eps'] = eps
  pools = {'tok': 'cls', 'avg': 'mean'}
  return known | {'pool': pools.get(tower.get('pool_type'), 'cls')}


def _read_hugging_face(weights: Weights) -> dict:
  """Reads `config.json` without sizes, which shapes give."""
  known = huggingface.read_config(weights)
  names = ('num_heads', 'norm_eps', 'activation')
  return {name: known[name] for name in names if name in known}


def find_resampling(weights: Weights) -> str:
  """Finds OpenCLIP's own kind if its config exists."""
  usual = 'antialiased' if 'model_cfg' in weights.config else 'bicubic'
  return weights.resampling or usual


def read_sizes(arrays: Arrays, key: str) -> dict:
  """Reads the sizes of a tower whose keys begin with `key`."""
  width, _, patch, _ = arrays.shape(key + 'conv1.weight', 4)
  tokens = len(arrays[key + 'positional_embedding'])
  return dict(
    width=width,
    depth=count_blocks(arrays, key + BLOCKS),
    patch_size=patch,
    image_size=patch * round((tokens - 1) ** 0.5),
    mlp_dim=len(arrays[key + BLOCKS.format(0) + 'mlp.c_fc.bias']),
  )


def _find_activation(weights: Weights) -> str | None:
  """Finds what the folder states, QuickGELU for OpenAI's archives, or None."""
  if 'model_cfg' in weights.config:
    quick = weights.config['model_cfg'].get('quick_gelu', False)
    return 'quick_gelu' if quick else 'gelu'
  archive = weights.metadata.get('torchscript') or set(ARCHIVE) <= set(
    weights.arrays
  )
  return 'quick_gelu' if archive else None


def assume_fields(weights: Weights) -> dict:
  """Assumes OpenAI's activation for files in both float16 and float32."""
  key = find_prefix(weights.arrays)
  names = ('conv1.weight', 'ln_pre.weight')
  sizes = [weights.arrays[key + name].dtype.itemsize for name in names]
  return {'activation': 'quick_gelu'} if sizes == [2, 4] else {}


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  key = find_prefix(weights.arrays)
  ignored = (*TEXT, 'visual.proj') if key else ('proj',)
  reader = Reader(weights.arrays, ignored)
  return read_tower(reader, key, cfg, find_resampling(weights)), reader


def read_tower(
  reader: Reader, key: str, cfg: ViTConfig, kind='bicubic'
) -> dict:
  """Reads the tree of a tower whose keys begin with `key`."""
  tree = {
    'patch': reader.take_conv(key + 'conv1', bias=False),
    'cls': reader.take(key + 'class_embedding'),
    'pos': reader.take_positions(key + 'positional_embedding', cfg, kind),
    'ln_post': reader.take_norm(key + 'ln_post'),
  } | reader.take_blocks(key + BLOCKS, BLOCK, cfg.depth)
  if cfg.pre_norm:
    tree['ln_pre'] = reader.take_norm(key + 'ln_pre')
  return tree


def read_projection(arrays: Arrays) -> np.ndarray | None:
  """Reads `D x E`; OpenAI stores it in this orientation."""
  return arrays.get(find_prefix(arrays) + 'proj')
