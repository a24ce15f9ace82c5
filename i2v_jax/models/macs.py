"""Multiply-accumulates of a video model, by formula: what papers call FLOPs.

Counted are matrix products and convolutions, which is all that papers count;
norms, activations, additions and softmax are not. JAX's trace and what XLA
compiles count the same (`tests/models/test_macs.py`).

Shapes as in `vit.py`; a comment behind a factor names what it stands for.
"""

from collections.abc import Mapping

from i2v_jax import adapters
from i2v_jax.adapters import zeroi2v
from i2v_jax.adapters.layers import channels
from i2v_jax.adapters.lora import LAYERS
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime.errors import UserError

PER_CHANNEL = 'convolutions per channel'  # sums of shifted inputs, no product


def count_macs(model) -> dict[str, int]:
  """Multiply-accumulates of the forward pass of one clip, by part.

  Args:
    model: a classifier, as `video.build` makes it.

  Returns:
    `patches`, `attention`, `mlp` and `head`; `pooling` where the backbone has
    a query for it; and what the method adds, under names of its own.

  Raises:
    UserError: the method has no formula here.
  """
  cfg, spec = model.image_model, model.adapter
  images = sum(shape[0] for shape in model.input_shapes)
  name = spec['name'] if spec else ''
  if name and name not in METHODS:
    raise UserError(
      f'{name} has no formula; give it one in METHODS of i2v_jax/flops.py.'
    )
  tokens = count_tokens(cfg)
  parts = {
    'patches': images * cfg.grid**2 * cfg.width * 3 * cfg.patch_size**2,
    'attention': images * cfg.depth * attention(cfg.width, tokens, tokens),
    'mlp': images * cfg.depth * tokens * mlp(cfg),
    'pooling': _pooled(model, images) * pooling(cfg),
    'head': cfg.width * model.num_classes,
  }
  if name:
    parts |= METHODS[name](model, lambda key: _option(spec, key))
  return {part: count for part, count in parts.items() if count}


def count_tokens(cfg: ViTConfig) -> int:
  """L: class token, registers and patches of an image."""
  return cfg.num_prefix + cfg.grid**2


def attention(width: int, queries: int, keys: int) -> int:
  """Projections of queries, keys and values, scores, their use, projection."""
  projections = 2 * queries * width**2 + 2 * keys * width**2
  return projections + 2 * queries * keys * width


def mlp(cfg: ViTConfig) -> int:
  """Both layers, of one token; the first is twice as wide with SwiGLU."""
  layers = 3 if cfg.activation == 'swiglu' else 2
  return layers * cfg.width * cfg.mlp_dim


def pooling(cfg: ViTConfig) -> int:
  """Of one image, where a learned query reads its tokens."""
  if cfg.pool != 'map':
    return 0
  return attention(cfg.width, 1, count_tokens(cfg)) + mlp(cfg)


def _pooled(model, images: int) -> int:
  """How often the backbone pools for one clip."""
  if model.adapter and model.adapter['name'] == 'evl':
    return 0
  return 1 if getattr(model, 'mean_first', False) else images


def _option(spec: Mapping, key: str):
  return adapters.option(spec, key, None)


def _adapted(model) -> int:
  """Blocks that have an adapter."""
  return len(_option(model.adapter, 'blocks')) or model.image_model.depth


def _tokens(model) -> int:
  """Tokens of adapted blocks that a clip has: where a method has its layers."""
  return _adapted(model) * model.num_frames * count_tokens(model.image_model)


def _patches(model) -> int:
  return _adapted(model) * model.num_frames * model.image_model.grid**2


def bottleneck(width: int, rank: float) -> int:
  """Down and up, of one token."""
  return 2 * width * channels(rank, width)


def _zeroi2v(model, option) -> dict[str, int]:
  count = len(zeroi2v.PLACES[option('num_adapters')])
  each = bottleneck(model.image_model.width, option('rank'))
  return {'adapters': count * _tokens(model) * each}


def _aim(model, option) -> dict[str, int]:
  cfg, frames = model.image_model, model.num_frames
  sequences = _adapted(model) * count_tokens(cfg)
  each = bottleneck(cfg.width, option('rank'))
  return {
    'attention over time': sequences * attention(cfg.width, frames, frames),
    'adapters': option('num_adapters') * _tokens(model) * each,
  }


def _dualpath(model, option) -> dict[str, int]:
  cfg, width = model.image_model, model.projection or model.image_model.width
  (frames, *_), (framesets, *_) = model.input_shapes
  adapted = 2 * frames + (option('num_adapters') - 2) * framesets
  each = bottleneck(cfg.width, option('rank'))
  return {
    'adapters': adapted * cfg.depth * count_tokens(cfg) * each,
    'projection': (frames + framesets) * cfg.width * model.projection,
    'head': 2 * width * width + width * model.num_classes,
  }


def _st_adapter(model, option) -> dict[str, int]:
  cfg, (frames, rows, columns) = model.image_model, option('kernel')
  rank = channels(option('rank'), cfg.width)
  patches = _patches(model) * (option('pre_attn') + option('pre_mlp'))
  return {
    'adapters': patches * bottleneck(cfg.width, rank),
    PER_CHANNEL: patches * frames * rows * columns * rank,
  }


def _st_adapter_zeroi2v(model, option) -> dict[str, int]:
  rank = channels(option('rank'), model.image_model.width)
  tokens = option('num_adapters') * _tokens(model)
  return {
    'adapters': tokens * bottleneck(model.image_model.width, rank),
    PER_CHANNEL: tokens * 3 * rank,  # frames
  }


def _evl(model, option) -> dict[str, int]:
  cfg, frames, layers = model.image_model, model.num_frames, option('layers')
  width, patches = cfg.width, cfg.grid**2
  tokens = frames * count_tokens(cfg)
  # Scores of each frame's patches with those of the frames before and behind
  # it, and the displacements that they weight.
  motion = 2 * (frames - 1) * 2 * patches**2 * width
  block = attention(width, 1, tokens) + 8 * width**2  # an MLP of factor 4
  return {
    'decoder': layers * (motion + block),
    PER_CHANNEL: layers * tokens * option('kernel') * width,
  }


def _vpt(model, option) -> dict[str, int]:
  cfg, tokens = model.image_model, count_tokens(model.image_model)
  more = tokens + option('prompts')
  longer = attention(cfg.width, more, more) + more * mlp(cfg)
  plain = attention(cfg.width, tokens, tokens) + tokens * mlp(cfg)
  return {'prompts': model.num_frames * _adapted(model) * (longer - plain)}


def _lora(model, option) -> dict[str, int]:
  cfg, rank = model.image_model, option('rank')
  wide = cfg.mlp_dim * (2 if cfg.activation == 'swiglu' else 1)
  widths = dict.fromkeys(LAYERS, 2 * cfg.width)
  widths |= {'fc1': cfg.width + wide, 'fc2': cfg.mlp_dim + cfg.width}
  each = rank * sum(widths[layer] for layer in option('on'))
  return {'adapters': _tokens(model) * each}


def _adaptformer(model, option) -> dict[str, int]:
  each = bottleneck(model.image_model.width, option('rank'))
  return {'adapters': _tokens(model) * each}


def _pro_tuning(model, option) -> dict[str, int]:
  rank = channels(option('rank'), model.image_model.width)
  return {
    'adapters': _patches(model) * bottleneck(model.image_model.width, rank),
    PER_CHANNEL: _patches(model) * option('kernel') ** 2 * rank,
  }


METHODS = {
  'adaptformer': _adaptformer,
  'aim': _aim,
  'dualpath': _dualpath,
  'evl': _evl,
  'gelu_adapters': _zeroi2v,
  'lora': _lora,
  'pro_tuning': _pro_tuning,
  'ssf': lambda model, option: {},  # one product per value, no matrix
  'st_adapter': _st_adapter,
  'st_adapter_zeroi2v': _st_adapter_zeroi2v,
  'vpt': _vpt,
  'zeroi2v': _zeroi2v,
}
