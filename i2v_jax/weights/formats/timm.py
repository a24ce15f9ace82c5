"""timm's ViTs, and DINOv2 as its authors publish it -> the backbone's tree."""

from collections.abc import Collection

import numpy as np

from i2v_jax.backbones.vit_config import FAMILIES, ViTConfig
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import timm_config
from i2v_jax.weights.reader import Reader, count_blocks

DECODER = (  # of MAE
  'decoder_blocks.',
  'decoder_embed.',
  'decoder_norm.',
  'decoder_pos_embed',
  'decoder_pred.',
)
HEADS = ('dino_head.', 'ibot_head.', 'head.', 'head_dist.', 'pre_logits.')
IGNORED = (*HEADS, *DECODER, 'mask_token')
REGISTERS = ('register_tokens', 'reg_token')  # the authors' name, timm's
BLOCKS = 'blocks.{}.'
BLOCK = {
  'ln1': 'norm1',
  'qkv': 'attn.qkv.',
  'out': 'attn.proj',
  'ln2': 'norm2',
  'fc1': 'mlp.fc1',
  'fc2': 'mlp.fc2',
}
SCALES = {'attn_scale': 'ls1.gamma', 'mlp_scale': 'ls2.gamma'}
SWIGLU = {'fc1': 'mlp.w12', 'fc2': 'mlp.w3'}
POOL = 'attn_pool.'


def recognises(keys: Collection[str]) -> bool:
  return (
    'blocks.0.attn.qkv.weight' in keys and 'patch_embed.proj.weight' in keys
  )


def find_family(keys: Collection[str]) -> str:
  if 'norm_pre.weight' in keys:
    return 'clip'
  if not {'cls_token', *REGISTERS} & {*keys}:
    return 'siglip'
  return 'dinov2' if 'blocks.0.ls1.gamma' in keys else 'imagenet'


def find_normalization(weights: Weights) -> str:
  """timm's default for its ViTs is half; a file's page may differ."""
  of_meta = ('decoder_embed.', 'last_layer.', 'dino_head.')  # MAE, DINO
  keys = (*weights.arrays, *weights.others)
  if any(part in key for part in of_meta for key in keys):
    return 'imagenet'
  usual = {'clip': 'clip', 'dinov2': 'imagenet'}
  return usual.get(find_family(weights.arrays), 'half')


def name_format(weights: Weights) -> str:
  names = {'clip': 'CLIP', 'siglip': 'SigLIP', 'dinov2': 'DINOv2'}
  if (kind := find_family(weights.arrays)) == 'dinov2':
    return 'DINOv2 (timm names)'
  return f'{names.get(kind, "ViT")} (timm)'


def find_resampling(weights: Weights) -> str:
  """timm's kind, or the authors' in files with DINOv2's own names."""
  if weights.resampling:
    return weights.resampling
  keys = weights.arrays
  if 'register_tokens' in keys:
    return 'antialiased'
  if 'mask_token' in keys and find_family(keys) == 'dinov2':
    return 'bicubic'
  flexible = timm_config.find_architecture(weights).startswith('flexivit')
  return 'bilinear' if flexible else 'antialiased'


def find_names(keys: Collection[str], key: str = '') -> dict:
  """Finds the names of the parts of a block in this file."""
  first, table = key + BLOCKS.format(0), dict(BLOCK)
  if first + 'ls1.gamma' in keys:
    table |= SCALES
  if first + SWIGLU['fc1'] + '.weight' in keys:
    table |= SWIGLU
  return table


def read_fields(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from shapes and timm's `config.json`."""
  arrays, kind = weights.arrays, find_family(weights.arrays)
  known = FAMILIES[kind] | read_sizes(arrays)
  known['registers'] = _count_registers(arrays)
  known['class_token'] = 'cls_token' in arrays
  known['layer_scale'] = 'blocks.0.ls1.gamma' in arrays
  known['pool'] = 'cls' if known['class_token'] else 'mean'
  if POOL + 'latent' in arrays:
    known['pool'] = 'map'
  if kind in ('clip', 'siglip'):
    known['activation'] = None  # no key shows which of two it is
  known |= timm_config.read_fields(weights, known['width'])
  fc2 = BLOCKS.format(0) + find_names(arrays)['fc2'] + '.weight'
  hidden = arrays[fc2].shape[1]
  if known['mlp_dim'] == 2 * hidden:
    known |= dict(activation='swiglu', mlp_dim=hidden)
  return known


def _count_registers(arrays: Arrays) -> int:
  return sum(arrays.shape(k, 3)[1] for k in REGISTERS if k in arrays)


def read_sizes(arrays: Arrays, key: str = '') -> dict:
  """Reads the sizes of a ViT whose keys begin with `key`."""
  width, _, patch, _ = arrays.shape(key + 'patch_embed.proj.weight', 4)
  rows = arrays.shape(key + 'pos_embed', 3)[1]
  cls, registers = key + 'cls_token' in arrays, _count_registers(arrays)
  side = (rows - count_first_rows(rows, cls, registers)) ** 0.5
  fc1 = key + BLOCKS.format(0) + find_names(arrays, key)['fc1'] + '.bias'
  return dict(
    width=width,
    depth=count_blocks(arrays, key + BLOCKS),
    patch_size=patch,
    image_size=patch * int(side),
    mlp_dim=len(arrays[fc1]),
  )


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  ignored = IGNORED if cfg.pool == 'map' else (*IGNORED, POOL)
  reader = Reader(weights.arrays, ignored)
  tree = read_tower(reader, '', cfg, 'norm', find_resampling(weights))
  if cfg.pre_norm:
    tree['ln_pre'] = reader.take_norm('norm_pre')
  if cfg.pool == 'map':
    tree['map'] = read_attention_pool(reader, POOL)
  return tree, reader


def read_tower(
  reader: Reader, key: str, cfg: ViTConfig, final_norm: str, kind='bicubic'
) -> dict:
  """Reads the tree of a ViT whose keys begin with `key`."""
  table = find_names(reader.arrays, key)
  tree = {
    'patch': reader.take_conv(key + 'patch_embed.proj', bias=cfg.patch_bias),
    'ln_post': reader.take_norm(key + final_norm),
  } | reader.take_blocks(key + BLOCKS, table, cfg.depth)
  if cfg.class_token:
    tree['cls'] = reader.take(key + 'cls_token').reshape(-1)
  for name in REGISTERS:
    if reader.has(key + name):
      tree['registers'] = reader.take(key + name)[0]
  return tree | _read_positions(reader, key + 'pos_embed', cfg, kind, tree)


def _read_positions(
  reader: Reader, key: str, cfg: ViTConfig, kind, tree
) -> dict:
  """Reads positions, which may lack the class token or include registers."""
  table, found = reader.take(key)[0], {}
  first = count_first_rows(len(table), cfg.class_token, cfg.registers)
  if first > cfg.class_token:
    cls, own, patches = np.split(table, [cfg.class_token, first])
    found['registers'] = tree['registers'] + own
    table = np.concatenate([cls, patches])
  elif first < cfg.class_token:
    table = np.pad(table, ((1, 0), (0, 0)))
  return found | {'pos': reader.resample(key, table, cfg, kind)}


def count_first_rows(rows: int, class_token: bool, registers: int) -> int:
  """Counts the rows before the patches, which are a square."""
  possible = (int(class_token), 0, class_token + registers)
  is_square = lambda count: round(count**0.5) ** 2 == count > 0
  return next((n for n in possible if is_square(rows - n)), possible[0])


def read_attention_pool(reader: Reader, key: str) -> dict:
  kv = [reader.take(f'{key}kv.{name}') for name in ('weight', 'bias')]
  weights, biases = (np.split(array, 2) for array in kv)
  attn = {
    'q': reader.take_dense(key + 'q'),
    'out': reader.take_dense(key + 'proj'),
  }
  for name, weight, bias in zip('kv', weights, biases, strict=True):
    attn[name] = {'kernel': weight.T, 'bias': bias}
  return {
    'query': reader.take(key + 'latent')[0],
    'attn': attn,
    'ln': reader.take_norm(key + 'norm'),
    'mlp': {
      name: reader.take_dense(f'{key}mlp.{name}') for name in ('fc1', 'fc2')
    },
  }
