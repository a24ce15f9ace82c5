"""Hugging Face CLIP (`CLIPVisionModel`, `CLIPModel`) -> the backbone's tree."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

from i2v_jax.vit import ViTConfig, resample_positions

# Parts of a full CLIPModel that the visual tower does not have, and a buffer.
IGNORED = (
  'text_model.',
  'text_projection.',
  'visual_projection.',
  'logit_scale',
  'embeddings.position_ids',
)
ATTENTION = {'q': 'q_proj', 'k': 'k_proj', 'v': 'v_proj', 'out': 'out_proj'}


def recognises(arrays: Mapping[str, np.ndarray]) -> bool:
  return any(
    key.endswith('embeddings.patch_embedding.weight') for key in arrays
  )


def check_config(folder: pathlib.Path, cfg: ViTConfig) -> None:
  """Raises ValueError where `config.json` describes another architecture."""
  config = json.loads((folder / 'config.json').read_text())
  config = config.get('vision_config', config)
  wanted = {
    'hidden_size': cfg.width,
    'num_hidden_layers': cfg.depth,
    'num_attention_heads': cfg.num_heads,
    'intermediate_size': cfg.mlp_dim,
    'patch_size': cfg.patch_size,
    'hidden_act': cfg.activation,
    'layer_norm_eps': cfg.norm_eps,
  }
  for key, value in wanted.items():
    if key in config and config[key] != value:
      raise ValueError(
        f'{folder / "config.json"} has {key} {config[key]!r}, the model config '
        f'asks for {value!r}.'
      )


def convert(arrays: Mapping[str, np.ndarray], cfg: ViTConfig) -> dict:
  """The visual tower's tree, float32; positions resampled to `cfg.grid`.

  Args:
    arrays: by key, with or without the prefix `vision_model.`.
    cfg: the model they are for.

  Raises:
    ValueError: a key that is not expected, or an expected one that is missing.
  """
  reader = _Reader(arrays)
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
    tree[f'blocks_{i}'] = _block(reader, f'encoder.layers.{i}.')
  reader.check_all_taken()
  return tree


def projection(arrays: Mapping[str, np.ndarray]) -> dict | None:
  """`{'kernel': D x E}` of a model with projection, else None."""
  weight = arrays.get('visual_projection.weight')
  return None if weight is None else {'kernel': weight.astype(np.float32).T}


def _block(reader, key):
  return {
    'ln1': reader.norm(key + 'layer_norm1'),
    'attn': {
      ours: reader.dense(f'{key}self_attn.{theirs}')
      for ours, theirs in ATTENTION.items()
    },
    'ln2': reader.norm(key + 'layer_norm2'),
    'mlp': {name: reader.dense(f'{key}mlp.{name}') for name in ('fc1', 'fc2')},
  }


class _Reader:
  """Hands out arrays by key, once each."""

  def __init__(self, arrays):
    strip = lambda key: key.removeprefix('vision_model.')
    self.left = {
      strip(key): value
      for key, value in arrays.items()
      if not strip(key).startswith(IGNORED)
    }

  def take(self, key):
    if key not in self.left:
      raise ValueError(f'The CLIP file has no {key!r} (for the visual tower).')
    return self.left.pop(key).astype(np.float32)

  def norm(self, key):
    return {
      'scale': self.take(key + '.weight'),
      'bias': self.take(key + '.bias'),
    }

  def dense(self, key):
    weight, bias = self.take(key + '.weight'), self.take(key + '.bias')
    return {'kernel': weight.T, 'bias': bias}

  def check_all_taken(self):
    if self.left:
      raise ValueError(
        f'The CLIP file has {len(self.left)} keys that the model lacks, such '
        f'as {sorted(self.left)[:3]}.'
      )
