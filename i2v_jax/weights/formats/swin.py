"""Swin in Microsoft's names -> the backbone's tree.

Microsoft's own files, timm's (from 0.9 on a merging is at the start of the
next stage), and those of mmaction2 (patches of several frames; the final norm
is that of the last stage).
"""

import re
from collections.abc import Collection

from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.runtime import ranges
from i2v_jax.runtime.errors import check_choice
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import swin_parts, swin_sizes, timm_config
from i2v_jax.weights.formats.swin_sizes import Names
from i2v_jax.weights.formats.timm import BLOCK  # the same names
from i2v_jax.weights.reader import Reader

TUBELETS = True  # patches may span frames
TABLE = re.compile(
  r'layers\.\d+\.blocks\.\d+\.attn\.relative_position_bias_table$'
)
BUFFERS = ('.attn.relative_position_index', '.attn_mask')
IGNORED = ('head.', 'mask_token')  # the second of SimMIM's pretraining


def recognises(keys: Collection[str]) -> bool:
  return any(TABLE.match(key) for key in keys)


def find_class(weights: Weights) -> type:
  return SwinConfig


def find_names(keys: Collection[str]) -> Names:
  """Finds where this file has its mergings and its final norm."""
  numbers = re.findall(r'^layers\.(\d+)\.', '\n'.join(keys), re.MULTILINE)
  last = max(map(int, numbers))
  at_start = f'layers.{last}.downsample.reduction.weight' in keys
  own = any(key.startswith(f'norm{last}.') for key in keys)
  norm = f'norm{last}' if own else 'norm'
  return Names(
    patch='patch_embed.proj',
    patch_norm='patch_embed.norm',
    stage='layers.{}.',
    block=BLOCK,
    table='attn.relative_position_bias_table',
    index='attn.relative_position_index',
    merging=int(at_start),
    norm=norm,
    positions='absolute_pos_embed',
  )


def find_normalization(weights: Weights) -> str:
  return 'imagenet'


def name_format(weights: Weights) -> str:
  names = find_names(weights.arrays)
  if names.norm != 'norm' or weights.arrays['patch_embed.proj.weight'].ndim > 4:
    return 'Swin (mmaction2)'
  return 'Swin (timm)' if names.merging else 'Swin (Microsoft)'


def find_resampling(weights: Weights) -> str:
  return 'bicubic'


def read_fields(weights: Weights) -> dict:
  """Reads fields of `SwinConfig` from shapes and timm's `config.json`."""
  names, stated = find_names(weights.arrays), _read_timm(weights)
  return swin_sizes.read_fields(weights.arrays, names, stated)


def assume_fields(weights: Weights) -> dict:
  names, fields = find_names(weights.arrays), read_fields(weights)
  return swin_sizes.assume_image_size(weights.arrays, names, fields)


def _read_timm(weights: Weights) -> dict:
  """What timm's config says of windows and images."""
  where, config = f'the config.json of {weights.what}', weights.config
  args = config.get('model_args') or {}
  check_choice(f'act_layer in {where}', args.get('act_layer', 'gelu'), ['gelu'])
  window = re.search(r'_window(\d+)', timm_config.find_architecture(weights))
  inputs = config.get('pretrained_cfg') or config
  found = {
    'window': args.get('window_size', int(window[1]) if window else None),
    'image_size': args.get('img_size', inputs.get('input_size')),
  }
  return {
    name: read_side(f'{name} in {where}', value)
    for name, value in found.items()
    if value is not None
  }


def read_side(name: str, value) -> int:
  """The side of a square, of which configs give one or several axes."""
  if isinstance(value, list) and len({*map(str, value[-2:])}) == 1:
    value = value[-1]
  return ranges.COUNT(name, value)


def convert(weights: Weights, cfg: SwinConfig) -> tuple[dict, Reader]:
  read_fields(weights)  # which refuses what does not fit together
  buffers = [key for key in weights.arrays if key.endswith(BUFFERS)]
  reader = Reader(weights.arrays, (*IGNORED, *buffers))
  return swin_parts.read_tree(reader, find_names(weights.arrays), cfg), reader
