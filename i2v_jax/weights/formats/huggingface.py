"""Code for all of Hugging Face's formats: `config.json`, sizes from shapes."""

from collections.abc import Mapping

import numpy as np

from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.runtime.errors import UserError, check_choice
from i2v_jax.weights.files import Weights
from i2v_jax.weights.reader import count_blocks

FIELDS = {  # key of config.json -> field of `ViTConfig`
  'hidden_size': 'width',
  'num_hidden_layers': 'depth',
  'num_attention_heads': 'num_heads',
  'intermediate_size': 'mlp_dim',
  'patch_size': 'patch_size',
  'image_size': 'image_size',
  'layer_norm_eps': 'norm_eps',
  'num_register_tokens': 'registers',
}
ACTIVATIONS = {
  'gelu': 'gelu',
  'gelu_new': 'gelu_tanh',
  'gelu_pytorch_tanh': 'gelu_tanh',
  'quick_gelu': 'quick_gelu',
}
DEFAULTS = {  # model_type -> values that its config.json may leave out
  'clip': ('quick_gelu', 1e-5),
  'siglip': ('gelu_pytorch_tanh', 1e-6),
  'vit': ('gelu', 1e-12),
  'vit_mae': ('gelu', 1e-12),
  'vit_msn': ('gelu', 1e-6),
  'dinov2': ('gelu', 1e-6),
  'dinov2_with_registers': ('gelu', 1e-6),
}
DEFAULT_HEADS, DEFAULT_WIDTH = 12, 768


def read_config(weights: Weights) -> dict:
  """Reads fields of `ViTConfig` from `config.json`; none without it.

  Raises:
    UserError: the activation is not supported.
  """
  config = _fill_in_defaults(weights.config)
  known = {
    ours: config[name] for name, ours in FIELDS.items() if name in config
  }
  act = config.get('hidden_act')
  if act is not None:
    name = f'hidden_act in the config.json of {weights.what}'
    check_choice(name, act, ACTIVATIONS)
    known['activation'] = ACTIVATIONS[act]
  return known


def _fill_in_defaults(config: Mapping) -> Mapping:
  """Returns the part of the image tower, with its library's defaults."""
  kind = str(config.get('model_type', '')).removesuffix('_vision_model')
  config = config.get('vision_config', config)
  if kind not in DEFAULTS:
    return config
  act, eps = DEFAULTS[kind]
  found = {'hidden_act': act, 'layer_norm_eps': eps} | config
  if config.get('hidden_size', DEFAULT_WIDTH) == DEFAULT_WIDTH:
    found = {'num_attention_heads': DEFAULT_HEADS} | found
  return found


def find_normalization(weights: Weights) -> str:
  """Finds the folder's normalisation, by name if it has one, else ''."""
  parts = [weights.config.get(k) for k in ('pretrained_cfg', 'preprocess_cfg')]
  found = {}
  for part in (weights.config, *parts):  # Hugging Face, timm, OpenCLIP
    found |= part or {}
  mean = found.get('image_mean', found.get('mean'))
  std = found.get('image_std', found.get('std'))
  if mean is None or std is None:
    return weights.metadata.get('normalization', '')  # of our own files
  try:
    mean, std = (np.broadcast_to(np.array(x, 'f8'), 3) for x in (mean, std))
  except (TypeError, ValueError) as error:
    raise UserError(
      f'The folder of {weights.what} states a normalisation with mean '
      f'{mean!r} and deviation {std!r}; each can be three numbers.'
    ) from error
  for name, known in NORMALIZATION.items():
    if np.allclose(known, (mean, std), atol=1e-3):
      return name
  return f'mean {tuple(mean.tolist())}, deviation {tuple(std.tolist())}'


def read_sizes(
  arrays: Mapping, blocks: str, patch_shape, positions: int, class_token: bool
) -> dict:
  """Reads sizes from shapes, with or without a `config.json`."""
  width, patch = patch_shape[0], patch_shape[-1]
  side = round((positions - class_token) ** 0.5)
  return dict(
    width=width,
    depth=count_blocks(arrays, blocks),
    patch_size=patch,
    image_size=patch * side,
  )
