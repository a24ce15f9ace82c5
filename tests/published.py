"""Published ZeroI2V checkpoints (torch orientation) -> our parameter tree."""

import json

import numpy as np

PLACES = {
  'T_Adapter_in': 'qkv',
  'T_Adapter_in_q': 'q',
  'T_Adapter_in_k': 'k',
  'T_Adapter_in_v': 'v',
  'S_Adapter': 'out',
  'MLP_Adapter': 'fc1',
  'MLP_Adapter_out': 'fc2',
}


def norm(state, key):
  return {'scale': state[key + '.weight'], 'bias': state[key + '.bias']}


def dense(state, key):
  return {'kernel': state[key + '.weight'].T, 'bias': state[key + '.bias']}


def block(state, key):
  kernels = np.split(state[key + 'attn.in_proj_weight'], 3)
  biases = np.split(state[key + 'attn.in_proj_bias'], 3)
  attn = {
    name: {'kernel': kernel.T, 'bias': bias}
    for name, kernel, bias in zip('qkv', kernels, biases, strict=True)
  }
  return {
    'ln1': norm(state, key + 'ln_1'),
    'attn': attn | {'out': dense(state, key + 'attn.out_proj')},
    'ln2': norm(state, key + 'ln_2'),
    'mlp': {
      'fc1': dense(state, key + 'mlp.c_fc'),
      'fc2': dense(state, key + 'mlp.c_proj'),
    },
  }


def adapters(state, key):
  return {
    place: {
      'down': dense(state, f'{key}{name}.D_fc1'),
      'up': dense(state, f'{key}{name}.D_fc2'),
    }
    for name, place in PLACES.items()
    if f'{key}{name}.D_fc1.weight' in state
  }


def backbone(state, depth):
  """The frozen image model."""
  keys = [f'backbone.transformer.resblocks.{i}.' for i in range(depth)]
  return {
    'patch': {'kernel': state['backbone.conv1.weight'].transpose(2, 3, 1, 0)},
    'cls': state['backbone.class_embedding'],
    'pos': state['backbone.positional_embedding'],
    'ln_pre': norm(state, 'backbone.ln_pre'),
    'ln_post': norm(state, 'backbone.ln_post'),
  } | {f'blocks_{i}': block(state, key) for i, key in enumerate(keys)}


def params(state, depth):
  """The tree of a VideoClassifier with ZeroI2V adapters."""
  keys = [f'backbone.transformer.resblocks.{i}.' for i in range(depth)]
  return {
    'adapters': {
      f'blocks_{i}': adapters(state, key) for i, key in enumerate(keys)
    },
    'backbone': backbone(state, depth),
    'temporal_embedding': state['backbone.temporal_embedding'][0],
    'head': dense(state, 'cls_head.fc_cls'),
  }


def gradients(state, depth):
  """Gradients of what ZeroI2V trains, as the trainable part of the tree."""
  state = {
    k if k.startswith('cls_head.') else f'backbone.{k}': v
    for k, v in state.items()
  }
  keys = [f'backbone.transformer.resblocks.{i}.' for i in range(depth)]
  return {
    'adapters': {
      f'blocks_{i}': adapters(state, key) for i, key in enumerate(keys)
    },
    'backbone': {'ln_post': norm(state, 'backbone.ln_post')},
    'temporal_embedding': state['backbone.temporal_embedding'][0],
    'head': dense(state, 'cls_head.fc_cls'),
  }


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
