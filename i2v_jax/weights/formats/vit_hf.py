"""ImageNet ViTs and DINOv2 from Hugging Face -> the backbone's tree.

`ViTModel`, `ViTMAEModel`, `Dinov2Model`, `Dinov2WithRegistersModel`, and the
classifiers or decoders on top of them.
"""

from collections.abc import Collection

from i2v_jax.backbones.vit_config import FAMILIES, ViTConfig
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import huggingface
from i2v_jax.weights.reader import Reader

TOWERS = ('vit.', 'dinov2.', 'dinov2_with_registers.', '')
IGNORED = ('classifier.', 'decoder.', 'pooler.', 'embeddings.mask_token')
PATCH = 'embeddings.patch_embeddings.projection'
BLOCKS = 'encoder.layer.{}.'
ATTENTION = {
  'q': 'attention.attention.query',
  'k': 'attention.attention.key',
  'v': 'attention.attention.value',
  'out': 'attention.output.dense',
}
VIT = ATTENTION | {
  'ln1': 'layernorm_before',
  'ln2': 'layernorm_after',
  'fc1': 'intermediate.dense',
  'fc2': 'output.dense',
}
DINOV2 = ATTENTION | {
  'ln1': 'norm1',
  'attn_scale': 'layer_scale1.lambda1',
  'ln2': 'norm2',
  'fc1': 'mlp.fc1',
  'fc2': 'mlp.fc2',
  'mlp_scale': 'layer_scale2.lambda1',
}
SWIGLU = DINOV2 | {'fc1': 'mlp.weights_in', 'fc2': 'mlp.weights_out'}


def recognises(keys: Collection[str]) -> bool:
  return any(f'{tower}{PATCH}.weight' in keys for tower in TOWERS)


def find_prefix(keys: Collection[str]) -> str:
  return next(t for t in TOWERS if f'{t}{PATCH}.weight' in keys)


def find_names(keys: Collection[str]) -> dict:
  """Finds the names of the parts of a block in this file."""
  for table in (VIT, DINOV2, SWIGLU):
    fc1 = find_prefix(keys) + BLOCKS.format(0) + table['fc1']
    if fc1 + '.weight' in keys:
      return table
  return VIT


def find_normalization(weights: Weights) -> str:
  is_msn = weights.config.get('model_type') == 'vit_msn'
  plain = (
    find_names(weights.arrays) is VIT and not is_mae(weights) and not is_msn
  )
  return 'half' if plain else 'imagenet'


def name_format(weights: Weights) -> str:
  model = 'ViT' if find_names(weights.arrays) is VIT else 'DINOv2'
  return f'{"MAE" if is_mae(weights) else model} (Hugging Face)'


def is_mae(weights: Weights) -> bool:
  kind = weights.config.get('model_type')
  return kind == 'vit_mae' or 'decoder.decoder_pos_embed' in weights.arrays


def find_resampling(weights: Weights) -> str:
  """Antialiased only for DINOv2 with registers."""
  keys = weights.arrays
  registers = f'{find_prefix(keys)}embeddings.register_tokens' in keys
  return weights.resampling or ('antialiased' if registers else 'bicubic')


def read_fields(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from shapes and `config.json`."""
  arrays, key = weights.arrays, find_prefix(weights.arrays)
  table = find_names(arrays)
  known = dict(FAMILIES['imagenet' if table is VIT else 'dinov2'])
  tokens = arrays.shape(key + 'embeddings.position_embeddings', 3)[1]
  shape = arrays.shape(f'{key}{PATCH}.weight', 4)
  known |= huggingface.read_sizes(arrays, key + BLOCKS, shape, tokens, True)
  registers = key + 'embeddings.register_tokens'
  if registers in arrays:
    known['registers'] = arrays.shape(registers, 3)[1]
  known |= huggingface.read_config(weights)
  hidden = len(arrays[key + BLOCKS.format(0) + table['fc1'] + '.bias'])
  if table is SWIGLU:
    return known | dict(activation='swiglu', mlp_dim=hidden // 2)
  return known | dict(mlp_dim=hidden)


def convert(weights: Weights, cfg: ViTConfig) -> tuple[dict, Reader]:
  arrays, key = weights.arrays, find_prefix(weights.arrays)
  ignored = (*IGNORED, *(key + name for name in IGNORED))
  reader, embeddings = Reader(arrays, ignored), f'{key}embeddings.'
  positions = embeddings + 'position_embeddings'
  tree = {
    'patch': reader.take_conv(key + PATCH),
    'cls': reader.take(embeddings + 'cls_token').reshape(-1),
    'pos': reader.take_positions(positions, cfg, find_resampling(weights)),
    'ln_post': reader.take_norm(key + 'layernorm'),
  } | reader.take_blocks(key + BLOCKS, find_names(arrays), cfg.depth)
  if reader.has(embeddings + 'register_tokens'):
    tree['registers'] = reader.take(embeddings + 'register_tokens')[0]
  return tree, reader
