"""What Hugging Face's models share: `config.json`, and sizes in shapes."""

from collections.abc import Mapping

import numpy as np

from i2v_jax.vit_config import NORMALIZATION
from i2v_jax.weights import reader as readers
from i2v_jax.weights.files import Weights

FIELDS = {  # of config.json -> of `ViTConfig`
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


def config(weights: Weights) -> dict:
  """Fields of `ViTConfig` that `config.json` tells; none without it.

  Raises:
    ValueError: an activation that no image transformer here has.
  """
  config = weights.config.get('vision_config', weights.config)
  known = {
    ours: config[name] for name, ours in FIELDS.items() if name in config
  }
  act = config.get('hidden_act')
  if act is not None:
    if act not in ACTIVATIONS:
      raise ValueError(
        f'The config.json beside {weights.what} has hidden_act {act!r}; known: '
        f'{sorted(ACTIVATIONS)}.'
      )
    known['activation'] = ACTIVATIONS[act]
  return known


def normalization(weights: Weights, usual: str) -> str:
  """As the folder tells, by name if it has one; else what is usual."""
  told = weights.config.get('pretrained_cfg', weights.config)  # timm has it so
  mean = told.get('image_mean', told.get('mean'))
  std = told.get('image_std', told.get('std'))
  if mean is None or std is None:
    return usual
  for name, known in NORMALIZATION.items():
    if np.allclose(known, (mean, std), atol=1e-3):
      return name
  return f'mean {tuple(mean)}, deviation {tuple(std)}'


def sizes(
  arrays: Mapping, blocks: str, patch_shape, positions: int, class_token: bool
) -> dict:
  """Sizes that shapes tell, whether there is a `config.json` or not."""
  width, patch = patch_shape[0], patch_shape[-1]
  side = round((positions - class_token) ** 0.5)
  return dict(
    width=width,
    depth=readers.depth(arrays, blocks),
    patch_size=patch,
    image_size=patch * side,
  )
