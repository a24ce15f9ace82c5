"""Published checkpoints (torch orientation) -> our parameter trees."""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent / 'golden'

# Name of an adapter in a block of the release -> ours.
PLACES = {
  'zeroi2v': {
    'T_Adapter_in': 'qkv',
    'T_Adapter_in_q': 'q',
    'T_Adapter_in_k': 'k',
    'T_Adapter_in_v': 'v',
    'S_Adapter': 'out',
    'MLP_Adapter': 'fc1',
    'MLP_Adapter_out': 'fc2',
  },
  'aim': {
    'T_Adapter_in': 'time_in',
    'T_Adapter': 'time',
    'S_Adapter': 'space',
    'MLP_Adapter': 'joint',
  },
  'spatial': {'s_adapter_attn': 'attn', 's_adapter_mlp': 'mlp'},
  'temporal': {
    't_adapter_attn_b': 'attn_in',
    't_adapter_attn': 'attn',
    't_adapter_mlp': 'mlp',
  },
  'st_adapter': {
    'adapter_pre_attn': 'adapt_attn',
    'adapter_pre_mlp': 'adapt_mlp',
  },
}
# Names of the layers inside an adapter -> ours.
BOTTLENECK = {'D_fc1': 'down', 'D_fc2': 'up'}
DUALPATH = {'down_proj': 'down', 'up_proj': 'up'}
CONVOLUTION = {'fc1': 'fc1', 'conv': 'conv', 'fc2': 'fc2'}


def norm(state, key):
  return {'scale': state[key + '.weight'], 'bias': state[key + '.bias']}


def dense(state, key):
  """A linear layer or a convolution: torch has the outputs first."""
  weight = state[key + '.weight']
  kernel = np.moveaxis(weight, (0, 1), (-1, -2))
  return {'kernel': kernel, 'bias': state[key + '.bias']}


def convolution(state, key):
  """A convolution per channel."""
  layer = dense(state, key)
  return layer | {'kernel': layer['kernel'][..., 0, :]}


# Part of a block -> key in CLIP's files, and in timm's.
CLIP_NAMES = {
  'ln1': 'ln_1',
  'ln2': 'ln_2',
  'qkv_weight': 'attn.in_proj_weight',
  'qkv_bias': 'attn.in_proj_bias',
  'out': 'attn.out_proj',
  'fc1': 'mlp.c_fc',
  'fc2': 'mlp.c_proj',
}
TIMM_NAMES = {
  'ln1': 'norm1',
  'ln2': 'norm2',
  'qkv_weight': 'attn.qkv.weight',
  'qkv_bias': 'attn.qkv.bias',
  'out': 'attn.proj',
  'fc1': 'mlp.fc1',
  'fc2': 'mlp.fc2',
}


def block(state, key, names=None):
  """A transformer block; theirs has q, k and v in one."""
  at = {part: key + name for part, name in (names or CLIP_NAMES).items()}
  kernels, biases = (
    np.split(state[at[name]], 3) for name in ('qkv_weight', 'qkv_bias')
  )
  attn = {
    name: {'kernel': kernel.T, 'bias': bias}
    for name, kernel, bias in zip('qkv', kernels, biases, strict=True)
  }
  return {
    'ln1': norm(state, at['ln1']),
    'attn': attn | {'out': dense(state, at['out'])},
    'ln2': norm(state, at['ln2']),
    'mlp': {name: dense(state, at[name]) for name in ('fc1', 'fc2')},
  }


def blocks_of(depth, prefix):
  """Our name -> their key of every block."""
  return {f'blocks_{i}': f'{prefix}resblocks.{i}.' for i in range(depth)}


def backbone(state, depth, prefix='backbone.'):
  """CLIP's visual tower."""
  tree = {
    'patch': {'kernel': state[prefix + 'conv1.weight'].transpose(2, 3, 1, 0)},
    'cls': state[prefix + 'class_embedding'],
    'pos': state[prefix + 'positional_embedding'],
    'ln_pre': norm(state, prefix + 'ln_pre'),
    'ln_post': norm(state, prefix + 'ln_post'),
  }
  keys = blocks_of(depth, prefix + 'transformer.')
  return tree | {name: block(state, key) for name, key in keys.items()}


def imagenet_backbone(state, depth):
  """The ImageNet ViT in timm's names."""
  keys = [f'backbone.blocks.{i}.' for i in range(depth)]
  return {
    'patch': {
      'kernel': state['backbone.patch_embed.proj.weight'].transpose(2, 3, 1, 0),
      'bias': state['backbone.patch_embed.proj.bias'],
    },
    'cls': state['backbone.cls_token'][0, 0],
    'pos': state['backbone.pos_embed'][0],
    'ln_post': norm(state, 'backbone.ln_post'),
  } | {
    f'blocks_{i}': block(state, key, TIMM_NAMES) for i, key in enumerate(keys)
  }


def adapters(state, keys, method, layers=None):
  """Adapters of every block; `keys` as `blocks_of` gives them."""
  layers = layers or BOTTLENECK
  read = lambda state, key: (convolution if key.endswith('conv') else dense)(
    state, key
  )
  return {
    name: {
      ours: {
        mine: read(state, f'{key}{theirs}.{x}') for x, mine in layers.items()
      }
      for theirs, ours in PLACES[method].items()
      if any(k.startswith(f'{key}{theirs}.') for k in state)
    }
    for name, key in keys.items()
  }


def trained(state, depth, method='zeroi2v', blocks='transformer.resblocks'):
  """What ZeroI2V and AIM train."""
  keys = {f'blocks_{i}': f'backbone.{blocks}.{i}.' for i in range(depth)}
  return {
    'adapters': adapters(state, keys, method),
    'backbone': {'ln_post': norm(state, 'backbone.ln_post')},
    'temporal_embedding': state['backbone.temporal_embedding'][0],
    'head': dense(state, 'cls_head.fc_cls'),
  }


def params(state, depth, method='zeroi2v'):
  """The tree of a VideoClassifier with the adapters of ZeroI2V or AIM."""
  if 'backbone.patch_embed.proj.weight' in state:
    tree = trained(state, depth, method, 'blocks')
    return tree | {'backbone': imagenet_backbone(state, depth)}
  return trained(state, depth, method) | {'backbone': backbone(state, depth)}


def gradients(state, depth, method='zeroi2v'):
  """Gradients of what is trained; stored without the backbone's prefix."""
  state = {
    k if k.startswith('cls_head.') else f'backbone.{k}': v
    for k, v in state.items()
  }
  blocks = 'transformer.resblocks'
  if not any(k.startswith('backbone.transformer') for k in state):
    blocks = 'blocks'
  return trained(state, depth, method, blocks)


def load(path):
  """(config, arrays by group) of a golden `.npz`."""
  arrays = np.load(path)
  groups = {}
  for key in arrays.files:
    group, _, name = key.partition('/')
    groups.setdefault(group, {})[name] = arrays[key]
  config = json.loads(groups.pop('config')[''].tobytes())
  return config, {
    group: value[''] if set(value) == {''} else value
    for group, value in groups.items()
  }
