"""Swin from Hugging Face -> the backbone's tree.

`SwinModel`, and the classifiers and decoders on top of it, whose keys begin
with `swin.`.
"""

import re
from collections.abc import Collection

from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.runtime.errors import UserError, check_choice
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import swin_parts, swin_sizes, vit_hf
from i2v_jax.weights.formats.swin import read_side
from i2v_jax.weights.formats.swin_sizes import Names
from i2v_jax.weights.reader import Reader

TUBELETS = True  # patches may span frames
BLOCK = re.compile(r'(swin\.)?encoder\.layers\.\d+\.blocks\.\d+\.')
BUFFER = '.relative_position_index'  # until transformers 5
IGNORED = ('classifier.', 'decoder.')
FIELDS = {  # key of config.json -> field of `SwinConfig`
  'embed_dim': 'embed_dim',
  'depths': 'depths',
  'num_heads': 'num_heads',
  'window_size': 'window',
  'patch_size': 'patch_size',
  'image_size': 'image_size',
  'mlp_ratio': 'mlp_ratio',
}
EPS = 1e-5
SIDES = ('window_size', 'patch_size', 'image_size')


def recognises(keys: Collection[str]) -> bool:
  return any(BLOCK.match(key) for key in keys)


def find_class(weights: Weights) -> type:
  return SwinConfig


def find_names(keys: Collection[str]) -> Names:
  """Finds where this file has its parts: with or without `swin.`."""
  key = 'swin.' if any(key.startswith('swin.') for key in keys) else ''
  attention, inside = 'attention.self.', f'{key}embeddings.'
  parts = vit_hf.VIT | dict(zip('qkv', ('query', 'key', 'value'), strict=True))
  parts |= {part: attention + parts[part] for part in 'qkv'}
  return Names(
    patch=f'{inside}patch_embeddings.projection',
    patch_norm=f'{inside}norm',
    stage=f'{key}encoder.layers.{{}}.',
    block=parts,
    table=f'{attention}relative_position_bias_table',
    index=attention + BUFFER.removeprefix('.'),
    merging=0,
    norm=f'{key}layernorm',
    positions=f'{inside}position_embeddings',
  )


def find_normalization(weights: Weights) -> str:
  return 'imagenet'


def name_format(weights: Weights) -> str:
  return 'Swin (Hugging Face)'


def find_resampling(weights: Weights) -> str:
  return 'bicubic'


def read_fields(weights: Weights) -> dict:
  """Reads fields of `SwinConfig` from shapes and `config.json`."""
  names, stated = find_names(weights.arrays), _read_config(weights)
  return swin_sizes.read_fields(weights.arrays, names, stated)


def assume_fields(weights: Weights) -> dict:
  names, fields = find_names(weights.arrays), read_fields(weights)
  return swin_sizes.assume_image_size(weights.arrays, names, fields)


def _read_config(weights: Weights) -> dict:
  where, config = f'the config.json of {weights.what}', weights.config
  act = config.get('hidden_act', 'gelu')
  check_choice(f'hidden_act in {where}', act, ['gelu'])
  if config.get('use_absolute_embeddings'):
    raise UserError(
      f'{where} has use_absolute_embeddings, and this Swin has no absolute '
      'positions; take a model that was trained without them.'
    )
  if (eps := config.get('layer_norm_eps', EPS)) != EPS:
    raise UserError(
      f'{where} has layer_norm_eps {eps}, which Hugging Face does not use in '
      f'mergings; this Swin has one eps for all norms, {EPS:g}.'
    )
  found = {k: v for k, v in config.items() if k in FIELDS}
  for key in found.keys() & {*SIDES}:
    found[key] = read_side(f'{key} in {where}', found[key])
  return {FIELDS[key]: value for key, value in found.items()}


def convert(weights: Weights, cfg: SwinConfig) -> tuple[dict, Reader]:
  read_fields(weights)  # which refuses what does not fit together
  names, arrays = find_names(weights.arrays), weights.arrays
  buffers = [key for key in arrays if key.endswith(BUFFER)]
  token = names.patch_norm.replace('norm', 'mask_token')  # of SimMIM
  reader = Reader(arrays, (*IGNORED, *buffers, token))
  return swin_parts.read_tree(reader, names, cfg), reader
