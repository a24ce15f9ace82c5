"""Hugging Face CLIP (`CLIPVisionModel`, `CLIPModel`) -> the backbone's tree."""

from collections.abc import Mapping

import numpy as np

from i2v_jax.vit import ViTConfig, resample_positions
from i2v_jax.weights.reader import Reader

# Parts of a full CLIPModel that the visual tower does not have, and a buffer.
IGNORED = (
  'text_model.',
  'text_projection.',
  'visual_projection.',
  'logit_scale',
  'embeddings.position_ids',
)
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


def recognises(arrays: Mapping[str, np.ndarray]) -> bool:
  return any(
    key.endswith('embeddings.patch_embedding.weight') for key in arrays
  )


def convert(arrays: Mapping[str, np.ndarray], cfg: ViTConfig) -> dict:
  """The visual tower's tree, float32; positions resampled to `cfg.grid`.

  Args:
    arrays: by key, with or without the prefix `vision_model.`.
    cfg: the model they are for.

  Raises:
    ValueError: a key that is not expected, or an expected one that is missing.
  """
  reader = Reader(arrays, 'CLIP', 'vision_model.', IGNORED)
  tree = {
    'patch': {
      'kernel': reader.take('embeddings.patch_embedding.weight').transpose(
        2, 3, 1, 0
      )
    },
    'cls': reader.take('embeddings.class_embedding'),
    'pos': resample_positions(
      reader.take('embeddings.position_embedding.weight'), cfg.grid
    ),
    'ln_pre': reader.norm('pre_layrnorm'),  # spelt so in the files
    'ln_post': reader.norm('post_layernorm'),
  }
  for i in range(cfg.depth):
    tree[f'blocks_{i}'] = reader.block(f'encoder.layers.{i}.', BLOCK)
  reader.check_all_taken()
  return tree


def projection(arrays: Mapping[str, np.ndarray]) -> dict | None:
  """`{'kernel': D x E}` of a model with projection, else None."""
  weight = arrays.get('visual_projection.weight')
  return None if weight is None else {'kernel': weight.astype(np.float32).T}
