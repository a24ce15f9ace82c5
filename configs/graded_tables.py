"""The rows of each table of configs/graded.py, with the papers' numbers.

Heads have 16 channels here, and the model 64: an eighth of the channels is a
quarter of a head each way.
"""

from configs import comparison
from configs.comparison import AIM, CLASSIFIER, LINEAR, embedded, row

NEAREST = (-1, 1, -2, 2, -3, 3)
QUARTER = ((-1, 8), (1, 8))
ALL = comparison.ALL
STAGES = ('time', 'space', 'joint')


def relocation(offsets=QUARTER, on='kv'):
  return dict(name='head_relocation', offsets=offsets, on=on)


def shift(share, on='kv'):
  return dict(name='channel_shift', share=share, on=on)


OPERATORS = {  # ZeroI2V, Table 2a
  'no operator': (0.0, None),
  '[cls] token shift': (61.4, dict(name='token_shift')),
  'shift QKV': (64.5, shift(12, 'qkv')),
  'shift KV': (64.6, shift(12)),
  'shift KV, 1 in 4': (64.0, shift(8)),
  'relocation QKV': (64.8, relocation(on='qkv')),
  'relocation KV': (66.0, relocation()),
}
HEADS = {  # ZeroI2V, Table 2b: channels each way of 64 -> the paper's B/16
  4: ('1/8', 64.8),
  8: ('1/4', 66.0),
  16: ('1/2', 65.6),
  32: ('all', 0.0),
}
FIELDS = {  # ZeroI2V, Table 2c: frames -> frames that a block sees
  8: {2: 64.7, 3: 66.0, 5: 65.7},
  16: {3: 67.2, 5: 67.8, 7: 67.3},
  32: {3: 67.3, 5: 68.5, 7: 68.4},
}
RANKS = {4: 64.2, 8: 65.0, 16: 66.0, 32: 65.8}  # ZeroI2V, Table 2: of 64


def linear(count=4, rank=16):
  return LINEAR | dict(num_adapters=count, rank=rank)


def lora(on, rank=16):
  return dict(name='lora', on=on, rank=rank)


def gelu(count, rank=16):
  return linear(count, rank) | dict(name='gelu_adapters')


def st_adapter(count, rank):
  return dict(name='st_adapter_zeroi2v', num_adapters=count, rank=rank)


STRATEGIES = {  # ZeroI2V, Table 3, all with relocated heads
  'linear probe': (20.0, None, ('head',)),
  'full fine-tuning': (63.2, None, ('',)),
  'ST-Adapter': (66.2, st_adapter(4, 16), ()),
  'LoRA, QV': (64.2, lora(('q', 'v')), ()),
  'LoRA, QKVO12': (65.0, lora(ALL), ()),
  'GELU adapters, half the rank': (65.6, gelu(4, 8), ()),
  'GELU adapters': (66.1, gelu(4), ()),
  'linear adapters, half the rank': (65.0, linear(4, 8), ()),
  'linear adapters': (66.0, linear(), ()),
  'six linear adapters': (66.3, linear(6), ()),
}


def with_number(c, top1):
  c.reported = top1
  return c


def operators(get):
  for name, (top1, operator) in OPERATORS.items():
    yield name, with_number(row(get, LINEAR, operator), top1)


def heads(get):
  for channels, (name, top1) in HEADS.items():
    operator = relocation(((-1, channels), (1, channels)))
    c = row(get, LINEAR, operator)
    yield f'{name} of the heads', with_number(c, top1)


def fields(get):
  for frames, seen in FIELDS.items():
    for field, top1 in seen.items():
      offsets = tuple((offset, 8) for offset in NEAREST[: field - 1])
      c = row(lambda frames=frames: get(frames=frames), LINEAR)
      c.model.temporal_operator = relocation(offsets)
      yield f'{frames} frames, RF {field}', with_number(c, top1)


def ranks(get):
  for rank, top1 in RANKS.items():
    c = row(get, linear(rank=rank), relocation())
    yield f'rank {rank}', with_number(c, top1)


def strategies(get):
  for name, (top1, adapter, trained) in STRATEGIES.items():
    trained = trained or ('adapters', *CLASSIFIER)
    yield name, with_number(row(get, adapter, relocation(), trained), top1)
  c = row(get, None, relocation(), ('',))
  c.optimizer.lr /= 10
  yield 'full fine-tuning, a tenth of the rate', with_number(c, 63.2)


def aim(get):
  """Which of AIM's adapters are trained, and their rank."""
  yield 'three adapters', embedded(get, AIM)
  for stage in STAGES:
    yield f'only {stage}', embedded(get, AIM, adapters_of(get, stage))
  for rank in (4, 32):
    yield f'rank {rank}', embedded(get, AIM | dict(rank=rank))


def adapters_of(get, stage):
  depth = get().model.backbone.depth
  mine = (f'adapters/blocks_{i}/{stage}' for i in range(depth))
  return (*mine, *CLASSIFIER)


def dualpath(get):
  """Paths, grids, and what DualPath is compared with in its paper."""
  learned = ('adapters', 'head', 'backbone/cls', 'backbone/pos')
  adapter = dict(name='dualpath', preset='paper', rank=16, dropout=0.0)
  adapter |= dict(spatial_frames=4)
  for grid in ((2, 2), (2, 4), (4, 4)):
    name = 'DualPath, grids of {} x {}'.format(*grid)
    yield name, row(get, adapter | dict(grid=grid), trainable=learned)
  for path in ('spatial', 'temporal'):
    trained = [
      f'adapters/{path}_{i}' for i in range(get().model.backbone.depth)
    ]
    c = row(get, adapter | dict(grid=(2, 4)), trainable=(*trained, 'head'))
    yield f'only the {path} path', c
  yield 'VPT, deep', row(get, dict(name='vpt'))
  yield 'AdaptFormer', row(get, dict(name='adaptformer', rank=16))
  yield 'Pro-tuning', row(get, dict(name='pro_tuning', rank=16))
  yield 'ST-Adapter', row(get, dict(name='st_adapter', rank=16, pre_attn=True))


def shares(get):
  """Methods with a part of the clips (AIM, Figure 5)."""
  for share in (0.02, 0.05, 0.1, 0.25, 0.5, 1.0):
    for name, c in methods(get):
      c.data.share = share
      yield f'{name}, {share:.0%}', c


def methods(get):
  evl = dict(name='evl', layers=2, dropout=0.0)
  yield 'full fine-tuning', row(get, None, relocation(), ('',))
  yield 'ZeroI2V', row(get, LINEAR, relocation())
  yield 'AIM', embedded(get, AIM)
  yield 'ST-Adapter', row(get, st_adapter(4, 16))
  yield 'EVL', row(get, evl, trainable=('adapters', 'head'))
  yield 'attentive probe', probe(get, 'attentive_probe', positions=True)


def probe(get, name, **options):
  """A probe of frozen features, which are computed once."""
  c = row(get, dict(name=name, **options), trainable=('adapters', 'head'))
  c.clips_per_video, c.cache_gb = 1, 1.0
  c.optimizer.lr = 1e-2  # its queries learn nothing at the others' rate
  return c


def probes(get):
  """What frames tell alone, as a bag, and in order, of a frozen model."""
  still = lambda frames=1: get(frames=frames)
  yield 'one frame, full fine-tuning', row(still, None, None, ('',))
  yield 'bag of frames, full fine-tuning', row(get, None, None, ('',))
  bag = probe(get, 'attentive_probe', positions=False)
  yield 'bag of frames, attentive probe', bag
  yield 'attentive probe', probe(get, 'attentive_probe', positions=True)
  yield 'STEP', probe(get, 'step_probe', positions=True)


TABLES = dict(
  operators=operators,
  heads=heads,
  fields=fields,
  ranks=ranks,
  strategies=strategies,
  aim=aim,
  dualpath=dualpath,
  shares=shares,
  probes=probes,
)
