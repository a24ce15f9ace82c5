"""Configs in miniature, for smoke tests."""

from ml_collections import ConfigDict

from configs import common, heads


def shrink(c: ConfigDict) -> ConfigDict:
  """The same config in miniature: moving digits, tiny model, 3 steps, CPU."""
  c.model.num_frames = min(c.model.num_frames, 8)
  c.model.backbone = _small(c)
  small = dict(grid=(2, 2), spatial_frames=4, layers=2)
  adapter = c.model.adapter or ConfigDict()
  for option in small.keys() & adapter.keys():
    adapter[option] = small[option]
  if adapter.get('offsets'):
    adapter.offsets = heads.fit(c, dict(offsets=adapter.offsets))['offsets']
  c.model.projection = 0
  _fewer_blocks(c)
  c.weights, c.reported = 'random', 0.0
  c.data.format = 'digits'
  c.data.root = 'runs/smoke-digits'
  c.data.train, c.data.val = 'train', 'val'
  c.data.options = ConfigDict()
  c.clip.short_side = 36
  c.batch_size, c.steps, c.log_every = 8, 3, 1
  c.loader.threads = 2
  return c


def _small(c: ConfigDict) -> dict:
  """A small image model of the same family."""
  if not common.is_swin(c):
    sizes = dict(width=32, depth=2, num_heads=8, patch_size=16)
    return dict(family=c.model.backbone.family, image_size=32, **sizes)
  sizes = dict(embed_dim=16, depths=(2, 2), num_heads=(2, 4), window=4)
  found = dict(c.model.backbone) | sizes | dict(image_size=32)
  if found.get('steps'):
    found['steps'] = c.model.num_frames // found['tubelet']
  return {k: v for k, v in found.items() if k != 'variant'}


def _fewer_blocks(c: ConfigDict) -> None:
  """Drops the keys for blocks and channels that the small model lacks."""
  optimizer = c.optimizer
  if (c.model.adapter or {}).get('blocks'):
    c.model.adapter.blocks = (1,)
  gone = [f'/blocks_{i}/' for i in range(common.depth(c), 24)]
  gone += [f'/merges_{i}/' for i in range(1, 3)]
  here = lambda path: not any(block in f'/{path}/' for block in gone)
  kept = lambda table: {path: v for path, v in table.items() if here(path)}
  c.trainable = tuple(filter(here, c.trainable))
  optimizer.decay_multipliers = kept(optimizer.decay_multipliers)
  first = kept(optimizer.first_channels)
  optimizer.first_channels = {
    path: (axis, 8) for path, (axis, _) in first.items()
  }
