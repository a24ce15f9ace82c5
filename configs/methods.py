"""Each method as its paper trains it: adapter, trained parts, optimiser."""

from ml_collections import config_dict

from configs import common, heads, probes
from configs.trained_parts import (
  bitfit,
  classifier,
  full,
  linear_probe,
  partial,
  two_heads,
)

STDHA = dict(name='head_relocation', offsets=(-1, 1))


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


def zeroi2v_swin(c, bias='shared', scale=0.5):
  """The paper's four adapters and quarter of the heads; the tables train."""
  c.model.adapter = dict(
    name='zeroi2v', heads='quarter', num_adapters=4, scale=scale, dropout=0.0
  )
  as_zeroi2v(c)
  set_bias(c, bias)
  c.trainable += tables(c)


def set_bias(c, bias):
  """`per_frame`, as the authors' code has it, or `shared`."""
  sizes = c.model.backbone
  sizes.bias, sizes.steps = bias, 0
  if bias == 'per_frame':
    sizes.steps = c.model.num_frames // sizes.tubelet


def tables(c):
  """Swin's relative positions."""
  return tuple(f'backbone/blocks_{i}/attn/bias' for i in range(common.depth(c)))


def zeroi2v_swin_full(c, bias='shared', drop_path=0.4):
  """Swin with relocated heads, all of it trained by VideoSwin's recipe."""
  full(c)
  c.model.adapter = dict(
    name='zeroi2v', heads='quarter', num_adapters=0, drop_path=drop_path
  )
  set_bias(c, bias)
  c.optimizer.lr, c.optimizer.lr_multipliers = 3e-4, dict(backbone=0.1)
  c.optimizer.warmup_epochs = 5.0


def zeroi2v_of_any_size(c):
  """The paper's preset for K400, or else its options with our offsets."""
  if common.is_swin(c):
    return zeroi2v_swin(c)
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
  c.trainable = ('adapters', *classifier(c))
  c.optimizer.schedule = 'epoch'
  still = [name for name in classifier(c) if name != 'head']
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
  c.trainable = ('adapters', *classifier(c))
  c.optimizer.schedule = 'epoch'
  c.optimizer.decay_multipliers = {'backbone/ln_post': 0.0}


def aim_swin(c, preset='paper', drop_path=0.2):
  """Adapters over time in every second block, each with relative times.

  The release trains neither these times, which stay as they were drawn, nor
  the final norm.
  """
  c.model.adapter = dict(
    name='aim', preset=preset, rank=0.25, drop_path=drop_path
  )
  c.trainable = ('adapters', *classifier(c))
  if preset == 'release':
    c.trainable = ('head', *aim_adapters(c))
  c.optimizer.schedule = 'epoch'
  aim_slow_backbone(c)


def aim_adapters(c):
  """AIM's adapters on Swin, without the tables of relative times."""
  places = [i for depth in common.depths(c) for i in range(depth)]
  return tuple(
    f'adapters/blocks_{i}/{name}'
    for i, place in enumerate(places)
    for name in ('time', 'space', 'joint')[place % 2 :]
  )


def aim_slow_backbone(c):
  """A tenth of the rate for all but the head, as released for L/14.

  The released rule also lets ln_post decay.
  """
  slow = {name.partition('/')[0] for name in c.trainable} - {'head'}
  c.optimizer.lr_multipliers = dict.fromkeys(sorted(slow), 0.1)
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
  learned = {'siglip': ('pos',), 'swin': ()}.get(sizes.family, ('pos', 'cls'))
  c.trainable = ('adapters', 'head', *(f'backbone/{x}' for x in learned))
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
    rank=0.5 if common.is_swin(c) else 384,
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
  c.trainable = ('adapters', *classifier(c))
  sgd(c)


def vpt(c):
  c.model.adapter = dict(name='vpt', prompts=8, deep=True)
  c.trainable = ('adapters', *classifier(c))
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


def temporal_heads(c):
  """Only the heads that look at other frames (ZeroI2V, Table 3)."""
  c.model.adapter, c.model.temporal_operator = None, STDHA
  as_zeroi2v(c)
  c.optimizer.first_channels = first = two_heads(c)
  c.trainable = (*first, *classifier(c))


METHODS = dict(
  zeroi2v=zeroi2v_of_any_size,
  aim=lambda c: aim_swin(c) if common.is_swin(c) else aim(c),
  dualpath=dualpath_of_any_length,
  st_adapter=lambda c: st_adapter(c, pre_attn=True),
  evl=evl,
  attentive_probe=probes.attentive_probe,
  step_probe=probes.step_probe,
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
