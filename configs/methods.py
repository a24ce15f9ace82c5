"""Each method as its paper trains it: adapter, trained parts, optimiser."""

from ml_collections import config_dict

from configs import common, heads

STDHA = dict(name='head_relocation', offsets=(-1, 1))
CLASSIFIER = ('temporal_embedding', 'head', 'backbone/ln_post')


def zeroi2v(c, preset):
  """The optimiser of the paper's appendix and the release."""
  c.model.adapter = dict(
    name='zeroi2v',
    preset=preset,  # gives what is None here
    offsets=config_dict.placeholder(tuple),
    num_adapters=config_dict.placeholder(int),
    scale=config_dict.placeholder(float),
    dropout=config_dict.placeholder(float),
    rank=0.25,
  )
  as_zeroi2v(c)
  if '_L_' in preset and preset.endswith('release'):
    slow = ('adapters', 'temporal_embedding', 'backbone')
    c.optimizer.lr_multipliers = dict.fromkeys(slow, 0.1)


def zeroi2v_of_any_size(c):
  """The paper's preset for K400, or else its options with our offsets."""
  zeroi2v(c, heads.preset(c))
  if not c.model.adapter.preset:
    sizes = dict(offsets=heads.offsets(c), num_adapters=4)
    c.model.adapter.update(sizes | dict(scale=0.5, dropout=0.1))


def linear(c, num_adapters=4, rank=0.25):
  """The adapters of ZeroI2V, as its ablations vary them."""
  c.model.adapter = dict(name='zeroi2v', num_adapters=num_adapters, rank=rank)
  as_zeroi2v(c)


def as_zeroi2v(c):
  """Trained parts and weight decay of ZeroI2V, for the rows of its Table 3."""
  c.trainable = ('adapters', *CLASSIFIER)
  c.optimizer.schedule = 'epoch'
  still = ('temporal_embedding', 'backbone/ln_post')
  c.optimizer.decay_multipliers = dict.fromkeys(still, 0.0)


def aim(c, num_adapters=3, scale=0.5, preset='paper'):
  c.model.adapter = dict(
    name='aim',
    num_adapters=num_adapters,
    rank=0.25,
    scale=scale,
    drop_path=0.2,
    drop_path_axis='release' if preset == 'release' else 'sample',
  )
  c.trainable = ('adapters', *CLASSIFIER)
  c.optimizer.schedule = 'epoch'
  c.optimizer.decay_multipliers = {'backbone/ln_post': 0.0}


def aim_slow_backbone(c):
  """A tenth of the rate for all but the head, as released for L/14.

  The released rule also lets ln_post decay.
  """
  slow = ('adapters', 'temporal_embedding', 'backbone')
  c.optimizer.lr_multipliers = dict.fromkeys(slow, 0.1)
  c.optimizer.decay_multipliers = {}


def dualpath(c, preset='paper', quirks=False, lr=3.5e-4):
  """`lr` is per 256 clips."""
  c.model.adapter = dict(
    name='dualpath', preset=preset, grid=(4, 4), spatial_frames=8, dropout=0.1
  )
  sizes = c.model.backbone
  if sizes.family == 'clip':
    c.model.projection = common.PROJECTION.get(sizes.get('variant'), 0)
  c.model.temporal_embedding, c.model.dropout = False, 0.0
  c.trainable = ('adapters', 'head', 'backbone/pos')
  if sizes.family != 'siglip':
    c.trainable += ('backbone/cls',)
  c.clip.sampling, c.clip.stride = 'random_stride', 4
  c.clip.randaugment = 'before_crop'
  c.clip.randaugment_ops, c.clip.randaugment_magnitude = 2, 10.0
  c.clip.erasing_mode = 'rand'
  c.optimizer.schedule = 'after_warmup'
  c.optimizer.warmup_epochs, c.optimizer.warmup_from = 3.0, 0.0
  c.optimizer.lr = lr * c.batch_size / 256
  if quirks:
    c.clip.release_quirks, c.data.normalization = True, 'imagenet'
    c.data.weights_normalization = 'clip'


def dualpath_of_any_length(c):
  """Grids of 4 x 4 frames, as in the paper; smaller ones for shorter clips."""
  frames = c.model.num_frames
  grids = [(a, b) for a, b in ((4, 4), (2, 4), (2, 2)) if not frames % (a * b)]
  if not grids:
    raise common.ArgumentError(
      f'frames is {frames}, but DualPath arranges frames in grids of 2 x 2 or '
      'more; give a multiple of 4 (of 16 for the grids of the paper).'
    )
  dualpath(c)
  c.model.adapter.grid = grids[0]
  c.model.adapter.spatial_frames = max(
    count for count in range(1, 9) if not frames % count
  )


def st_adapter(c, pre_attn=False):
  c.model.adapter = dict(
    name='st_adapter',
    rank=384,
    kernel=(3, 1, 1),
    pre_attn=pre_attn,
    pre_mlp=True,
  )
  c.model.temporal_embedding = False
  c.model.mean_first, c.model.head_std = True, 0.02
  c.trainable = ('adapters', 'head')
  c.optimizer.lr = 1e-3 * c.batch_size / 256
  c.optimizer.schedule = 'after_warmup'
  c.optimizer.warmup_epochs, c.optimizer.warmup_from = 2.0, 0.0
  c.optimizer.weight_decay = 0.01
  c.optimizer.decay_biases = False


def evl(c):
  c.model.adapter = dict(name='evl', layers=4, cls_std=0.0, dropout=0.5)
  c.model.temporal_embedding = False
  c.trainable = ('adapters', 'head')
  c.optimizer.lr, c.optimizer.warmup_epochs = 4e-4, 0.0


def adaptformer(c):
  c.model.adapter = dict(name='adaptformer', rank=64, scale=0.1)
  c.trainable = ('adapters', *CLASSIFIER)
  sgd(c)


def vpt(c):
  c.model.adapter = dict(name='vpt', prompts=8, deep=True)
  c.trainable = ('adapters', *CLASSIFIER)
  sgd(c)


def sgd(c):
  """Momentum and no decay, as AdaptFormer's code trains both."""
  c.optimizer.name, c.optimizer.weight_decay = 'sgd', 0.0
  c.optimizer.lr = 0.1 * c.batch_size / 256
  c.optimizer.schedule = 'after_warmup'
  c.optimizer.warmup_epochs, c.optimizer.warmup_from = 10.0, 0.0


def lora(c, on=('q', 'v'), rank=192):
  c.model.adapter = dict(name='lora', on=on, rank=rank)
  as_zeroi2v(c)


def gelu_adapters(c, num_adapters=4, rank=0.25):
  c.model.adapter = dict(
    name='gelu_adapters', num_adapters=num_adapters, rank=rank, dropout=0.1
  )
  as_zeroi2v(c)


def st_adapter_zeroi2v(c, num_adapters=4, rank=192):
  c.model.adapter = dict(
    name='st_adapter_zeroi2v', num_adapters=num_adapters, rank=rank
  )
  as_zeroi2v(c)


def ssf(c):
  c.model.adapter = dict(name='ssf')
  as_zeroi2v(c)
  c.optimizer.decay_multipliers.adapters = 0.0  # scales belong around 1


def pro_tuning(c):
  c.model.adapter = dict(name='pro_tuning', rank=64)
  as_zeroi2v(c)


def linear_probe(c):
  """The head; `c.trainable = CLASSIFIER` adds final norm and embedding."""
  c.model.adapter, c.trainable = None, ('head',)


def full(c):
  """Everything, at a tenth of the rate (ZeroI2V, ablations)."""
  c.model.adapter, c.trainable = None, ('',)
  c.optimizer.lr /= 10
  blocks = [f'blocks_{i}' for i in range(common.depth(c))]
  norms = [f'{block}/{ln}' for block in blocks for ln in ('ln1', 'ln2')]
  tables = ['pos', 'ln_post', *norms]
  family = c.model.backbone.family
  tables += ['cls'] * (family != 'siglip') + ['ln_pre'] * (family == 'clip')
  still = [f'backbone/{name}' for name in tables]
  still += ['temporal_embedding'] * c.model.temporal_embedding
  c.optimizer.decay_multipliers = dict.fromkeys(still, 0.0)


def partial(c):
  """The last two blocks, final norm and head."""
  c.model.adapter = None
  c.trainable = (*last_blocks(c, 2), *CLASSIFIER)


def last_blocks(c, count):
  depth = common.depth(c)
  return tuple(f'backbone/blocks_{i}' for i in range(depth - count, depth))


def bitfit(c):
  """All biases of the blocks (arXiv 2106.10199), final norm and head."""
  c.model.adapter, c.trainable = None, (*biases(c), *CLASSIFIER)
  c.optimizer.weight_decay = 0.0


def biases(c):
  layers = [f'attn/{name}' for name in ('q', 'k', 'v', 'out')]
  layers += ['mlp/fc1', 'mlp/fc2', 'ln1', 'ln2']
  return tuple(
    f'backbone/blocks_{i}/{layer}/bias'
    for i in range(common.depth(c))
    for layer in layers
  )


def temporal_heads(c):
  """Only the heads that look at other frames (ZeroI2V, Table 3)."""
  c.model.adapter, c.model.temporal_operator = None, STDHA
  as_zeroi2v(c)
  c.optimizer.first_channels = first = two_heads(c)
  c.trainable = (*first, *CLASSIFIER)


def two_heads(c):
  """The first two heads' part of each kernel of attention."""
  channels = 2 * heads.head_width(c)
  return {
    f'backbone/blocks_{i}/attn/{name}/kernel': (axis, channels)
    for i in range(common.depth(c))
    for name, axis in (('q', 1), ('k', 1), ('v', 1), ('out', 0))
  }


METHODS = dict(
  zeroi2v=zeroi2v_of_any_size,
  aim=aim,
  dualpath=dualpath_of_any_length,
  st_adapter=lambda c: st_adapter(c, pre_attn=True),
  evl=evl,
  adaptformer=adaptformer,
  vpt=vpt,
  lora=lora,
  gelu_adapters=gelu_adapters,
  ssf=ssf,
  pro_tuning=pro_tuning,
  linear_probe=linear_probe,
  bitfit=bitfit,
  partial=partial,
  temporal_heads=temporal_heads,
  full=full,
)
