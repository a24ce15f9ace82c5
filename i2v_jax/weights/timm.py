"""timm's ViTs, and DINOv2 as its authors publish it -> the backbone's tree."""

from collections.abc import Collection

from i2v_jax.vit_config import FAMILIES, ViTConfig
from i2v_jax.weights import reader as readers
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.reader import Reader

IGNORED = ('head.', 'head_dist.', 'pre_logits.', 'mask_token')
REGISTERS = ('register_tokens', 'reg_token')  # DINOv2's own name, timm's
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


def recognises(keys: Collection[str]) -> bool:
  return (
    'blocks.0.attn.qkv.weight' in keys and 'patch_embed.proj.weight' in keys
  )


def is_clip(keys: Collection[str]) -> bool:
  return 'norm_pre.weight' in keys


def is_dinov2(keys: Collection[str]) -> bool:
  return 'blocks.0.ls1.gamma' in keys


def normalization(weights: Weights) -> str:
  """timm's default for its ViTs is half; each file may differ (its page)."""
  if is_clip(weights.arrays):
    return 'clip'
  return 'imagenet' if is_dinov2(weights.arrays) else 'half'


def what(weights: Weights) -> str:
  return 'DINOv2 (timm names)' if is_dinov2(weights.arrays) else 'ViT (timm)'


def names(keys: Collection[str], key: str = '') -> dict:
  """What the parts of a block are called in this file."""
  first, table = key + BLOCKS.format(0), dict(BLOCK)
  if first + 'ls1.gamma' in keys:
    table |= SCALES
  if first + SWIGLU['fc1'] + '.weight' in keys:
    table |= SWIGLU
  return table


def fields(weights: Weights) -> dict:
  """Fields of `ViTConfig` that the file tells."""
  arrays = weights.arrays
  family = 'dinov2' if is_dinov2(arrays) else 'imagenet'
  known = FAMILIES['clip' if is_clip(arrays) else family] | sizes(arrays)
  registers = [arrays.shape(name, 3)[1] for name in REGISTERS if name in arrays]
  known['registers'] = sum(registers)
  fc2 = BLOCKS.format(0) + names(arrays)['fc2'] + '.weight'
  hidden = arrays[fc2].shape[1]
  if known['mlp_dim'] == 2 * hidden:
    known |= dict(activation='swiglu', mlp_dim=hidden)
  elif is_clip(arrays):
    known['activation'] = None  # OpenAI's and LAION's differ
  return known


def sizes(arrays: Arrays, key: str = '') -> dict:
  """Sizes of a ViT whose keys begin with `key`."""
  width, _, patch, _ = arrays.shape(key + 'patch_embed.proj.weight', 4)
  tokens = arrays.shape(key + 'pos_embed', 3)[1]
  fc1 = key + BLOCKS.format(0) + names(arrays, key)['fc1'] + '.bias'
  return dict(
    width=width,
    depth=readers.depth(arrays, key + BLOCKS),
    patch_size=patch,
    image_size=patch * int(tokens**0.5),  # with or without class token
    mlp_dim=len(arrays[fc1]),
  )


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  reader = Reader(weights.arrays, IGNORED)
  tree = tower(reader, '', cfg, 'norm')
  if is_clip(weights.arrays):
    tree['ln_pre'] = reader.norm('norm_pre')
  for name in REGISTERS:
    if reader.has(name):
      tree['registers'] = reader.take(name)[0]
  return tree, reader


def tower(reader: Reader, key: str, cfg: ViTConfig, final_norm: str) -> dict:
  """The tree of a ViT whose keys begin with `key`."""
  table = names(reader.arrays, key)
  return {
    'patch': reader.conv(key + 'patch_embed.proj', bias=cfg.patch_bias),
    'cls': reader.take(key + 'cls_token').reshape(-1),
    'pos': reader.positions(key + 'pos_embed', cfg, bare=True),
    'ln_post': reader.norm(key + final_norm),
  } | reader.blocks(key + BLOCKS, table, cfg.depth)
