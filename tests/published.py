"""Published checkpoints (torch orientation) -> our parameter trees."""

import json

import numpy as np

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


def attention(state, weight, bias, out):
  kernels, biases = np.split(state[weight], 3), np.split(state[bias], 3)
  attn = {
    name: {'kernel': kernel.T, 'bias': bias}
    for name, kernel, bias in zip('qkv', kernels, biases, strict=True)
  }
  return attn | {'out': dense(state, out)}


def clip_block(state, key):
  attn = f'{key}attn.'
  return {
    'ln1': norm(state, key + 'ln_1'),
    'attn': attention(
      state, attn + 'in_proj_weight', attn + 'in_proj_bias', attn + 'out_proj'
    ),
    'ln2': norm(state, key + 'ln_2'),
    'mlp': {
      'fc1': dense(state, key + 'mlp.c_fc'),
      'fc2': dense(state, key + 'mlp.c_proj'),
    },
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
  return tree | {name: clip_block(state, key) for name, key in keys.items()}


def imagenet_backbone(state, depth):
  """The ImageNet ViT in timm's names."""

  def block(key):
    attn = f'{key}attn.'
    return {
      'ln1': norm(state, key + 'norm1'),
      'attn': attention(
        state, attn + 'qkv.weight', attn + 'qkv.bias', attn + 'proj'
      ),
      'ln2': norm(state, key + 'norm2'),
      'mlp': {
        name: dense(state, f'{key}mlp.{name}') for name in ('fc1', 'fc2')
      },
    }

  return {
    'patch': {
      'kernel': state['backbone.patch_embed.proj.weight'].transpose(2, 3, 1, 0),
      'bias': state['backbone.patch_embed.proj.bias'],
    },
    'cls': state['backbone.cls_token'][0, 0],
    'pos': state['backbone.pos_embed'][0],
    'ln_post': norm(state, 'backbone.ln_post'),
  } | {f'blocks_{i}': block(f'backbone.blocks.{i}.') for i in range(depth)}


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
