"""Hugging Face `ViTModel` (the ImageNet ViT) -> the backbone's tree."""

from collections.abc import Mapping

import numpy as np

from i2v_jax.vit import ViTConfig, resample_positions
from i2v_jax.weights.reader import Reader

IGNORED = ('pooler.', 'classifier.')
PATCH = 'embeddings.patch_embeddings.projection'
BLOCK = {
  'ln1': 'layernorm_before',
  'q': 'attention.attention.query',
  'k': 'attention.attention.key',
  'v': 'attention.attention.value',
  'out': 'attention.output.dense',
  'ln2': 'layernorm_after',
  'fc1': 'intermediate.dense',
  'fc2': 'output.dense',
}


def recognises(arrays: Mapping[str, np.ndarray]) -> bool:
  return any(key.endswith(f'{PATCH}.weight') for key in arrays)


def convert(arrays: Mapping[str, np.ndarray], cfg: ViTConfig) -> dict:
  """The ViT's tree, float32; positions resampled to `cfg.grid`.

  Args:
    arrays: by key, with or without the prefix `vit.`.
    cfg: the model they are for.

  Raises:
    ValueError: a key that is not expected, or an expected one that is missing.
  """
  reader = Reader(arrays, 'ViT', 'vit.', IGNORED)
  patch = reader.take(f'{PATCH}.weight').transpose(2, 3, 1, 0)
  positions = reader.take('embeddings.position_embeddings')[0]
  tree = {
    'patch': {'kernel': patch, 'bias': reader.take(f'{PATCH}.bias')},
    'cls': reader.take('embeddings.cls_token')[0, 0],
    'pos': resample_positions(positions, cfg.grid),
    'ln_post': reader.norm('layernorm'),
  }
  for i in range(cfg.depth):
    tree[f'blocks_{i}'] = reader.block(f'encoder.layer.{i}.', BLOCK)
  reader.check_all_taken()
  return tree
