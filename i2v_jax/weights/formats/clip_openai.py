"""OpenAI's CLIP, and OpenCLIP's in the same names -> the backbone's tree.

The two differ in the activation, which no key tells: QuickGELU in OpenAI's
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
  needed = {prefix(keys) + name for name in ('conv1.weight', attention)}
  return all(name in keys for name in needed)


def prefix(keys: Collection[str]) -> str:
  """`visual.` in files of both towers."""
  return TOWER if TOWER + 'conv1.weight' in keys else ''


def normalization(weights: Weights) -> str:
  return 'clip'


def what(weights: Weights) -> str:
  return 'CLIP (OpenAI, OpenCLIP)'


def fields(weights: Weights) -> dict:
  """Fields of `ViTConfig` that the file tells."""
  arrays = weights.arrays
  key = prefix(arrays)
  known = FAMILIES['clip'] | sizes(arrays, key)
  known['activation'] = _activation(weights)
  known['pre_norm'] = key + 'ln_pre.weight' in arrays
  tower = weights.config.get('model_cfg', {}).get('vision_cfg')
  if tower:
    return known | _of_openclip(tower, known['width'], weights.what)
  return known | _of_hugging_face(weights)


def _of_openclip(tower: Mapping, width: int, what: str) -> dict:
  """Fields given by `vision_cfg` of OpenCLIP, with its defaults."""
  if tower.get('final_ln_after_pool'):
    raise UserError(
      f'{what} pools before its last norm (final_ln_after_pool), which the '
      'models here do not; it is not read.'
    )
  known = {'num_heads': width // tower.get('head_width', 64) or None}
  if 'image_size' in tower:
    known['image_size'] = tower['image_size']
  if eps := (tower.get('norm_kwargs') or {}).get('eps'):
    known['norm_eps'] = eps
  pools = {'tok': 'cls', 'avg': 'mean'}
  return known | {'pool': pools.get(tower.get('pool_type'), 'cls')}


def _of_hugging_face(weights: Weights) -> dict:
  """What a `config.json` says for these names; shapes give the sizes."""
  told = huggingface.config(weights)
  names = ('num_heads', 'norm_eps', 'activation')
  return {name: told[name] for name in names if name in told}


def resampling(weights: Weights) -> str:
  """OpenCLIP's own if its config is there."""
  usual = 'antialiased' if 'model_cfg' in weights.config else 'bicubic'
  return weights.resampling or usual


def sizes(arrays: Arrays, key: str) -> dict:
  """Sizes of a tower whose keys begin with `key`."""
  width, _, patch, _ = arrays.shape(key + 'conv1.weight', 4)
  tokens = len(arrays[key + 'positional_embedding'])
  return dict(
    width=width,
    depth=count_blocks(arrays, key + BLOCKS),
    patch_size=patch,
    image_size=patch * round((tokens - 1) ** 0.5),
    mlp_dim=len(arrays[key + BLOCKS.format(0) + 'mlp.c_fc.bias']),
  )


def _activation(weights: Weights) -> str | None:
  """As the folder says; of OpenAI's archives QuickGELU; else None."""
  if 'model_cfg' in weights.config:
    quick = weights.config['model_cfg'].get('quick_gelu', False)
    return 'quick_gelu' if quick else 'gelu'
  archive = weights.metadata.get('torchscript') or set(ARCHIVE) <= set(
    weights.arrays
  )
  return 'quick_gelu' if archive else None


def assumed(weights: Weights) -> dict:
  """What is likely: files both half and float are mostly OpenAI's."""
  key = prefix(weights.arrays)
  names = ('conv1.weight', 'ln_pre.weight')
  sizes = [weights.arrays[key + name].dtype.itemsize for name in names]
  return {'activation': 'quick_gelu'} if sizes == [2, 4] else {}


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  key = prefix(weights.arrays)
  ignored = (*TEXT, 'visual.proj') if key else ('proj',)
  reader = Reader(weights.arrays, ignored)
  return tower(reader, key, cfg, resampling(weights)), reader


def tower(reader: Reader, key: str, cfg: ViTConfig, kind='bicubic') -> dict:
  """The tree of a tower whose keys begin with `key`."""
  tree = {
    'patch': reader.conv(key + 'conv1', bias=False),
    'cls': reader.take(key + 'class_embedding'),
    'pos': reader.positions(key + 'positional_embedding', cfg, kind),
    'ln_post': reader.norm(key + 'ln_post'),
  } | reader.blocks(key + BLOCKS, BLOCK, cfg.depth)
  if cfg.pre_norm:
    tree['ln_pre'] = reader.norm(key + 'ln_pre')
  return tree


def projection(arrays: Arrays) -> np.ndarray | None:
  """`D x E`; OpenAI keeps it in this orientation."""
  return arrays.get(prefix(arrays) + 'proj')
