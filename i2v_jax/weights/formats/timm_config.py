"""Reads timm's `config.json`, and the model name in it."""

import re

from i2v_jax.runtime.errors import check_choice
from i2v_jax.weights.files import Weights

HEADS = {  # size in a name -> heads
  'tiny': 3,
  'xsmall': 4,
  'wee': 4,
  'dwee': 4,
  'pwee': 4,
  'dpwee': 4,
  'little': 5,
  'dlittle': 5,
  'small': 6,
  'medium': 8,
  'mediumd': 8,
  'betwixt': 10,
  'base': 12,
  'so150m2': 13,
  'so150m': 14,
  'so400m': 16,
  'large': 16,
  'intern300m': 16,
  'huge': 16,
  'giant': 16,
  'giantopt': 16,
  'gigantic': 16,
}
OTHER_HEADS = {  # part of a name -> heads
  'base_patch16_gap': 16,
  '_plus_': 14,
  'giant_patch14_dinov2': 24,
  'giant_patch14_reg4_dinov2': 24,
}
TANH = (  # names of SigLIP with the tanh form of GELU; others have erf
  'vit_base_patch32_siglip',
  'vit_giantopt_',
  'vit_large_patch16_siglip_512',
  'vit_large_patch16_siglip_gap_512',
  'vit_so400m_patch16_siglip',
)
ACTIVATIONS = {
  'gelu': 'gelu',
  'gelu_tanh': 'gelu_tanh',
  'quick_gelu': 'quick_gelu',
  'silu': None,  # of SwiGLU, which shapes show
  'swish': None,
}
POOLS = {'token': 'cls', 'avg': 'mean', 'map': 'map'}


def find_architecture(weights: Weights) -> str:
  """Finds timm's name, such as `vit_base_patch16_clip_224`, or ''."""
  tower = weights.config.get('model_cfg', {}).get('vision_cfg', {})
  name = (
    weights.config.get('architecture')
    or tower.get('timm_model_name')
    or weights.metadata.get('arch')
  )
  return name if isinstance(name, str) and '_' in name else ''


def read_fields(weights: Weights, width: int = 0) -> dict:
  """Reads fields of `ViTConfig` from the name and arguments of a model.

  Args:
    weights: an opened file.
    width: width of the model, 0 if unknown; heads implied by the name are
      dropped if they do not divide it.

  Raises:
    UserError: the activation is not supported.
  """
  name = find_architecture(weights)
  args = weights.config.get('model_args') or {}
  known = _infer_fields(name) if name else {}
  if width % (known.get('num_heads') or 1):
    del known['num_heads']  # a model of another size under a usual name
  if heads := args.get('num_heads'):
    known['num_heads'] = heads
  if size := args.get('img_size'):
    known['image_size'] = size if isinstance(size, int) else size[0]
  if act := args.get('act_layer'):
    name = f'act_layer in the config.json of {weights.what}'
    check_choice(name, act, ACTIVATIONS)
    known['activation'] = ACTIVATIONS[act]
  pool = args.get('global_pool') or weights.config.get('global_pool')
  if pool in POOLS:
    known['pool'] = POOLS[pool]
  return {k: v for k, v in known.items() if v is not None}


def _infer_fields(name: str) -> dict:
  known = dict(norm_eps=1e-5 if '_clip_' in name else 1e-6, activation='gelu')
  if 'quickgelu' in name:
    known['activation'] = 'quick_gelu'
  elif name.startswith(TANH):
    known['activation'] = 'gelu_tanh'
  size = re.sub(r'^(vit|deit3?|flexivit|eva)_', '', name).split('_')[0]
  known['num_heads'] = HEADS.get(size)
  for part, heads in OTHER_HEADS.items():
    if part in name:
      known['num_heads'] = heads
  return known
