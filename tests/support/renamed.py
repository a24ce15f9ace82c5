"""The same weights under the names of other files."""

import re

import numpy as np

from i2v_jax.weights.formats import native


def rename(arrays, *pairs):
  for old, new in pairs:
    arrays = {key.replace(old, new): value for key, value in arrays.items()}
  return arrays


def stacked(arrays):
  """big_vision's form with the blocks on the first axis."""
  found = {k: v for k, v in arrays.items() if 'encoderblock' not in k}
  for key in [k for k in arrays if 'encoderblock_0' in k]:
    blocks = [arrays[key.replace('block_0', f'block_{i}')] for i in (0, 1)]
    found[key.replace('block_0', 'block')] = np.stack(blocks)
  return found


# Forms of Google's files, of the newest.
GENERATIONS = {
  'new': lambda a: a,
  'old': lambda a: rename(
    a,
    ('LayerNorm_1', 'LayerNorm_2'),
    ('DotProductAttention_0', 'DotProductAttention_1'),
    ('MlpBlock_0', 'MlpBlock_3'),
  ),
  'train state': lambda a: (
    {f'opt/target/{k}': v for k, v in a.items()}
    | {'opt/state/step': np.ones(())}
  ),
  'big_vision': lambda a: {
    f'params/{k}': v
    for k, v in rename(a, ('Transformer/posembed_input/', '')).items()
  },
  'big_vision, stacked': lambda a: {
    f'params/{k}': v for k, v in stacked(a).items()
  },
}


# Published names in the golden of Hugging Face -> in timm's files.
TIMM = (
  ('embeddings.cls_token', 'cls_token'),
  ('embeddings.mask_token', 'mask_token'),
  ('embeddings.position_embeddings', 'pos_embed'),
  ('embeddings.patch_embeddings.projection', 'patch_embed.proj'),
  ('embeddings.register_tokens', 'register_tokens'),
  ('encoder.layer.', 'blocks.'),
  ('layernorm_before', 'norm1'),
  ('layernorm_after', 'norm2'),
  ('layernorm', 'norm'),
  ('attention.output.dense', 'attn.proj'),
  ('intermediate.dense', 'mlp.fc1'),
  ('output.dense', 'mlp.fc2'),
  ('layer_scale1.lambda1', 'ls1.gamma'),
  ('layer_scale2.lambda1', 'ls2.gamma'),
)


def as_timm(arrays):
  arrays = rename(arrays, *TIMM)
  for query in [k for k in arrays if '.query.' in k]:
    parts = [query.replace('query', p) for p in ('query', 'key', 'value')]
    fused = query.replace('attention.attention.query', 'attn.qkv')
    arrays[fused] = np.concatenate([arrays.pop(part) for part in parts])
  return {k: v for k, v in arrays.items() if 'pooler' not in k}


BUFFERS = ('relative_position_index', 'attn_mask')


def swin_as_timm(arrays):
  """Microsoft's names -> those of timm from 0.9 on, which has no buffers."""
  later = lambda key: re.sub(
    r'layers\.(\d)\.downsample',
    lambda found: f'layers.{int(found[1]) + 1}.downsample',
    key,
  )
  arrays = {k: v for k, v in arrays.items() if not k.endswith(BUFFERS)}
  return rename({later(k): v for k, v in arrays.items()}, ('head.', 'head.fc.'))


def swin_as_mmaction(arrays, frames):
  """Microsoft's names -> a recogniser's, with patches of several frames."""
  arrays = {k: v for k, v in arrays.items() if not k.endswith(BUFFERS)}
  patch = arrays['patch_embed.proj.weight'][:, :, None]
  patch = np.repeat(patch, frames, axis=2) / np.float32(frames)
  arrays['patch_embed.proj.weight'] = patch
  for leaf in ('weight', 'bias'):
    arrays[f'norm2.{leaf}'] = arrays.pop(f'norm.{leaf}')
    arrays.pop(f'head.{leaf}')
  return {f'backbone.{k}': v for k, v in arrays.items()}


def as_big_vision(arrays):
  """SigLIP from Hugging Face in the names of `big_vision`'s checkpoints."""
  dense = lambda key: {
    'kernel': arrays[key + '.weight'].T,
    'bias': arrays[key + '.bias'],
  }
  norm = lambda key: {
    'scale': arrays[key + '.weight'],
    'bias': arrays[key + '.bias'],
  }

  def attention(layers):
    tree = {name: dense(key) for name, key in layers.items()}
    for name in ('query', 'key', 'value'):
      tree[name] = {
        'kernel': tree[name]['kernel'].reshape(48, 6, 8),
        'bias': tree[name]['bias'].reshape(6, 8),
      }
    tree['out']['kernel'] = tree['out']['kernel'].reshape(6, 8, 48)
    return tree

  def mlp(key):
    return {'Dense_0': dense(f'{key}.fc1'), 'Dense_1': dense(f'{key}.fc2')}

  def block(i):
    key = f'encoder.layers.{i}.'
    at = f'{key}self_attn.'
    names = {n: f'{at}{n[0]}_proj' for n in ('query', 'key', 'value')}
    return {
      'LayerNorm_0': norm(key + 'layer_norm1'),
      'MultiHeadDotProductAttention_0': attention(
        names | {'out': at + 'out_proj'}
      ),
      'LayerNorm_1': norm(key + 'layer_norm2'),
      'MlpBlock_0': mlp(key + 'mlp'),
    }

  for part, name in enumerate(('query', 'key', 'value')):
    rows = slice(48 * part, 48 * (part + 1))
    for kind in ('weight', 'bias'):
      fused = arrays[f'head.attention.in_proj_{kind}']
      arrays[f'head.{name}.{kind}'] = fused[rows]
  pool = {n: f'head.{n}' for n in ('query', 'key', 'value')}
  tree = {
    'embedding': {
      'kernel': arrays['embeddings.patch_embedding.weight'].transpose(
        2, 3, 1, 0
      ),
      'bias': arrays['embeddings.patch_embedding.bias'],
    },
    'pos_embedding': arrays['embeddings.position_embedding.weight'][None],
    'Transformer': {f'encoderblock_{i}': block(i) for i in range(2)}
    | {'encoder_norm': norm('post_layernorm')},
    'MAPHead_0': {
      'probe': arrays['head.probe'],
      'MultiHeadDotProductAttention_0': attention(
        pool | {'out': 'head.attention.out_proj'}
      ),
      'LayerNorm_0': norm('head.layernorm'),
      'MlpBlock_0': mlp('head.mlp'),
    },
  }
  flat = native.flatten_dict({'params': {'img': tree}}, sep='/')
  return flat | {'params/txt/x': np.ones(2), 'params/t': np.ones(())}
