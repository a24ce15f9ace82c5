"""Which parts of an image model are trained, by an adapter or without one."""

from configs import common, heads

CLASSIFIER = ('temporal_embedding', 'head', 'backbone/ln_post')


def classifier(c):
  """What most methods train beside their adapters."""
  return CLASSIFIER if c.model.temporal_embedding else CLASSIFIER[1:]


def linear_probe(c):
  """The head; `c.trainable = CLASSIFIER` adds final norm and embedding."""
  c.model.adapter, c.trainable = None, ('head',)


def full(c):
  """Everything, at a tenth of the rate (ZeroI2V, ablations)."""
  c.model.adapter, c.trainable = None, ('',)
  c.optimizer.lr /= 10
  still = [f'backbone/{name}' for name in still_parts(c)]
  still += ['temporal_embedding'] * c.model.temporal_embedding
  c.optimizer.decay_multipliers = dict.fromkeys(still, 0.0)


def still_parts(c):
  """What does not decay of a backbone: norms, positions, the class token."""
  family, names = c.model.backbone.family, ('ln1', 'ln2')
  first = {'clip': ['pos', 'cls', 'ln_pre'], 'siglip': ['pos']}
  first['swin'] = ['ln_patch']
  if family == 'swin':
    names += ('attn/bias',)
    first['swin'] += [
      f'merges_{i}/ln' for i in range(len(common.depths(c)) - 1)
    ]
  blocks = [f'blocks_{i}' for i in range(common.depth(c))]
  parts = [f'{block}/{name}' for block in blocks for name in names]
  return [*first.get(family, ['pos', 'cls']), 'ln_post', *parts]


def partial(c):
  """The last two blocks, final norm and head."""
  c.model.adapter = None
  c.trainable = (*last_blocks(c, 2), *classifier(c))


def last_blocks(c, count):
  depth = common.depth(c)
  return tuple(f'backbone/blocks_{i}' for i in range(depth - count, depth))


def bitfit(c):
  """All biases of the blocks (arXiv 2106.10199), final norm and head."""
  c.model.adapter, c.trainable = None, (*biases(c), *classifier(c))
  c.optimizer.weight_decay = 0.0


def biases(c):
  layers = [f'attn/{name}' for name in ('q', 'k', 'v', 'out')]
  layers += ['mlp/fc1', 'mlp/fc2', 'ln1', 'ln2']
  return tuple(
    f'backbone/blocks_{i}/{layer}/bias'
    for i in range(common.depth(c))
    for layer in layers
  )


def two_heads(c):
  """The first two heads' part of each kernel of attention."""
  channels = 2 * heads.head_width(c)
  return {
    f'backbone/blocks_{i}/attn/{name}/kernel': (axis, channels)
    for i in range(common.depth(c))
    for name, axis in (('q', 1), ('k', 1), ('v', 1), ('out', 0))
  }
