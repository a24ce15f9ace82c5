r"""What makes training cheaper, and what that costs in accuracy.

i2v sweep --config configs/ablations/levers.py --workdir runs/levers
i2v compare --config configs/ablations/levers.py:full --steps-only

The first trains the quickstart's variants; the second trains nothing and takes
the time, FLOPs and memory of a training step on CLIP ViT-B/16, 8 frames, one
clip. Rows of adapters in some blocks have no temporal embedding: trained below
all blocks, it would take the gradient through all of them.
"""

from configs import common, quickstart, trained_parts
from configs.methods import STDHA


def get_config(arg=''):
  arg = common.parse_arg(arg, smoke=False, full=False)
  c = quickstart.moving_digits('smoke' if arg.smoke else '')
  c.model.temporal_embedding = True
  c.trainable = ('adapters', *trained_parts.CLASSIFIER)
  if arg.full and not arg.smoke:
    c.model.backbone = dict(variant='B/16', family='clip')
    c.weights, c.clip.short_side, c.batch_size = 'random', 256, 1
  return c


def still(c):
  """Without the embedding, which is below all blocks."""
  c.model.temporal_embedding = False
  c.trainable = ('adapters', *trained_parts.CLASSIFIER[1:])
  return c


def some(c, blocks):
  c.model.adapter.blocks = tuple(blocks)
  return c


def dropped(get):
  for share in (0.25, 0.5, 0.75):
    c = get()
    c.drop_patches = share
    yield f'{share:.0%} of patches dropped', c


def fewer(get):
  depth = common.depth(get())
  upper, odd = range(depth // 2, depth), range(1, depth, 2)
  yield 'no embedding', still(get())
  yield 'upper half, with embedding', some(get(), upper)
  yield 'upper half', some(still(get()), upper)
  yield 'last block', some(still(get()), [depth - 1])
  yield 'every other block', some(still(get()), odd)
  c = still(get())
  c.trainable = tuple(f'adapters/blocks_{i}' for i in upper) + c.trainable[1:]
  yield 'upper half trained', c


def probe(c):
  trained_parts.linear_probe(c)
  c.model.temporal_operator = STDHA
  c.model.temporal_embedding = False
  return c


def evl(c):
  layers = min(4, common.depth(c) // 2)
  c.model.adapter = dict(name='evl', layers=layers, dropout=0.0)
  c.model.temporal_embedding, c.trainable = False, ('adapters', 'head')
  return c


def cached(get):
  for name, change in (('linear probe', probe), ('EVL', evl)):
    yield name, change(get())
    for clips, gigabytes in ((4, 0.0), (4, 10.0), (1, 10.0)):
      c = change(get())
      c.clips_per_video, c.cache_gb = clips, gigabytes
      suffix = ', cached' if gigabytes else ''
      yield f'{name}, {clips} clips each{suffix}', c


def sweep(arg=''):
  get = lambda: get_config(arg)
  yield 'ZeroI2V', get()
  for group in (dropped, fewer, cached):
    yield from group(get)
