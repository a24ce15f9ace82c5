"""EVL: its files hold the decoder and the head; the backbone comes beside."""

from collections.abc import Collection, Mapping

import numpy as np

from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.weights import image
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.formats import native
from i2v_jax.weights.reader import Reader, count_blocks
from i2v_jax.weights.releases.stated import Stated

ANY_FRAMES = False  # whether no parameter depends on their number
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


def names(keys: Collection[str]) -> tuple[str, str]:
  """Format and normalisation, for the report."""
  return 'EVL on CLIP', 'clip'


def spec(arrays: Arrays, told: Stated) -> tuple[dict, int]:
  """The model part of a config, and the number of classes."""
  backbone = told.ask('backbone', 'the frozen image model')
  layers = count_blocks(arrays, LAYERS)
  found = dict(
    backbone=told.vit(_sizes(backbone, told)),
    num_frames=len(arrays['decoder.temporal_pos_embed.0']),
    adapter=dict(name='evl', layers=layers),
  )
  return found, len(arrays['proj.2.bias'])


def convert(reader: Reader, model, told: Stated) -> dict:
  layers = model.adapter['layers']
  backbone = told.backbone
  if _own_names(backbone):
    inner = Reader(Arrays(backbone, 'The backbone'))
    tree = tower(inner, model.image_model)
    inner.report('EVL', 'clip')
    reader.new.append('ln_post of the backbone, which EVL does not use')
  else:
    tree = image.read(image.open_model(backbone), model.image_model)[0]
  decoder = {f'layers_{i}': decoder_layer(reader, i) for i in range(layers)}
  return {
    'backbone': tree,
    'adapters': decoder | {'cls': reader.take('decoder.cls_token')},
    'head': {'norm': reader.norm('proj.0'), 'fc': reader.dense('proj.2')},
  }


def decoder_layer(reader: Reader, i: int) -> dict:
  key, motion = LAYERS.format(i), f'decoder.cross_attention.{i}.'
  attn = {name: reader.dense(key + at) for name, at in ATTENTION.items()}
  return {
    'attn': attn,
    'mlp': {name: reader.dense(f'{key}mlp.{name}') for name in ('fc1', 'fc2')},
    'conv': reader.conv(f'decoder.temporal_conv.{i}'),
    'pos': reader.take(f'decoder.temporal_pos_embed.{i}'),
    'w1': reader.take(motion + 'w1'),
    'w2': reader.take(motion + 'w2'),
  } | {name: reader.norm(key + name) for name in ('norm1', 'norm2', 'norm3')}


def _own_names(backbone) -> bool:
  """Whether these are arrays of CLIP as EVL renames them."""
  name = BLOCKS.format(0) + ATTENTION['q'] + '.weight'
  return isinstance(backbone, Mapping) and name in backbone


def _sizes(backbone, told: Stated) -> dict:
  if not _own_names(backbone):
    cfg, assumed = image.config(image.open_model(backbone))
    told.assumed.extend(assumed)
    return native.describe(cfg)
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


def tower(reader: Reader, cfg: ViTConfig) -> dict:
  """CLIP in EVL's names: the patch embedding is linear over (C, H, W)."""
  patch, side = reader.dense('patch_embed.proj'), cfg.patch_size
  kernel = patch['kernel'].reshape(3, side, side, -1).transpose(1, 2, 0, 3)
  ones, zeros = np.ones(cfg.width, 'f4'), np.zeros(cfg.width, 'f4')
  return {
    'patch': patch | {'kernel': kernel},
    'cls': reader.take('cls_token'),
    'pos': reader.positions('pos_embed', cfg),
    'ln_pre': reader.norm('ln_pre'),
    'ln_post': {'scale': ones, 'bias': zeros},
  } | reader.blocks(BLOCKS, BLOCK, cfg.depth)
