"""EVL: its files hold decoder and head; the backbone is a file of its own."""

from collections.abc import Collection, Mapping

import numpy as np

from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.weights import image
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import native
from i2v_jax.weights.reader import Reader, count_blocks
from i2v_jax.weights.releases.arguments import Arguments

ANY_FRAMES = False  # parameters depend on their number
IGNORED = ()
LAYERS = 'decoder.decoder_layers.{}.'
BLOCKS = 'blocks.{}.'
ATTENTION = {name: f'attn.{name}_proj' for name in ('q', 'k', 'v', 'out')}
BLOCK = ATTENTION | {
  'ln1': 'norm1',
  'ln2': 'norm2',
  'fc1': 'mlp.fc1',
  'fc2': 'mlp.fc2',
}


def recognises(keys: Collection[str]) -> bool:
  return 'decoder.cls_token' in keys and 'proj.2.weight' in keys


def describe_format(keys: Collection[str]) -> tuple[str, str]:
  """Returns format and normalisation, for the report."""
  return 'EVL on CLIP', 'clip'


def read_spec(arrays: Arrays, arguments: Arguments) -> tuple[dict, int]:
  """Reads the model part of a config, and the number of classes."""
  backbone = arguments.ask('backbone', 'the frozen image model')
  layers = count_blocks(arrays, LAYERS)
  found = dict(
    backbone=arguments.make_backbone(_read_sizes(backbone, arguments)),
    num_frames=len(arrays['decoder.temporal_pos_embed.0']),
    adapter=dict(name='evl', layers=layers),
  )
  return found, len(arrays['proj.2.bias'])


def convert(reader: Reader, model, arguments: Arguments) -> dict:
  layers = model.adapter['layers']
  backbone = arguments.backbone
  if _has_own_names(backbone):
    inner = Reader(Arrays(backbone, 'The backbone'))
    tree = read_tower(inner, model.image_model)
    inner.report('EVL', 'clip')
    reader.new.append('ln_post of the backbone, which EVL does not use')
  else:
    tree = image.read_params(image.open_model(backbone), model.image_model)[0]
  decoder = {
    f'layers_{i}': read_decoder_layer(reader, i) for i in range(layers)
  }
  return {
    'backbone': tree,
    'adapters': decoder | {'cls': reader.take('decoder.cls_token')},
    'head': {
      'norm': reader.take_norm('proj.0'),
      'fc': reader.take_dense('proj.2'),
    },
  }


def read_decoder_layer(reader: Reader, i: int) -> dict:
  key, motion = LAYERS.format(i), f'decoder.cross_attention.{i}.'
  attn = {name: reader.take_dense(key + at) for name, at in ATTENTION.items()}
  return {
    'attn': attn,
    'mlp': {
      name: reader.take_dense(f'{key}mlp.{name}') for name in ('fc1', 'fc2')
    },
    'conv': reader.take_conv(f'decoder.temporal_conv.{i}'),
    'pos': reader.take(f'decoder.temporal_pos_embed.{i}'),
    'w1': reader.take(motion + 'w1'),
    'w2': reader.take(motion + 'w2'),
  } | {
    name: reader.take_norm(key + name) for name in ('norm1', 'norm2', 'norm3')
  }


def _has_own_names(backbone) -> bool:
  """Whether a backbone has CLIP's arrays under EVL's names."""
  name = BLOCKS.format(0) + ATTENTION['q'] + '.weight'
  return isinstance(backbone, Mapping) and name in backbone


def _read_sizes(backbone, arguments: Arguments) -> dict:
  if not _has_own_names(backbone):
    cfg, assumed = image.read_config(image.open_model(backbone))
    arguments.assumed.extend(assumed)
    return native.describe_config(cfg)
  width, inputs = backbone['patch_embed.proj.weight'].shape
  patch = round((inputs / 3) ** 0.5)
  return dict(
    family='clip',
    width=width,
    depth=count_blocks(backbone, BLOCKS),
    patch_size=patch,
    patch_bias=True,
    image_size=patch * int(len(backbone['pos_embed']) ** 0.5),
    mlp_dim=len(backbone[BLOCKS.format(0) + 'mlp.fc1.bias']),
  )


def read_tower(reader: Reader, cfg: ViTConfig) -> dict:
  """Reads CLIP in EVL's names; the patch embedding is linear over (C, H, W)."""
  patch, side = reader.take_dense('patch_embed.proj'), cfg.patch_size
  kernel = patch['kernel'].reshape(3, side, side, -1).transpose(1, 2, 0, 3)
  ones, zeros = np.ones(cfg.width, 'f4'), np.zeros(cfg.width, 'f4')
  return {
    'patch': patch | {'kernel': kernel},
    'cls': reader.take('cls_token'),
    'pos': reader.take_positions('pos_embed', cfg),
    'ln_pre': reader.take_norm('ln_pre'),
    'ln_post': {'scale': ones, 'bias': zeros},
  } | reader.take_blocks(BLOCKS, BLOCK, cfg.depth)
