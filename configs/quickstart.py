r"""Moving digits: a frozen ViT that knows still digits learns to see motion.

python -m i2v_jax.main --config configs/quickstart.py --workdir runs/quickstart

Needs nothing: the first run makes the clips (and really encodes them), a
backbone is shipped. Trains a linear probe, linear adapters and ZeroI2V, which
is those adapters with relocated heads, merges it, and ends with a table. There
is no temporal embedding: it would give the order of the frames away.
All methods: i2v compare --config configs/quickstart.py
"""

from configs import common, comparison, miniature


def get_config(arg=''):
  c = moving_digits(arg)
  # Its clips are always the same, so the probe's features are computed once.
  c.compare.linear_probe.clips_per_video = 1
  c.compare.linear_probe.cache_gb = 0.1
  if not common.parse_arg(arg, smoke=False).smoke:
    c.steps, c.optimizer.lr, c.optimizer.warmup_epochs = 130, 1e-2, 0.5
  return c


def moving_digits(arg=''):
  """The same in 300 steps, at a rate that suits all methods."""
  arg = common.parse_arg(arg, smoke=False)
  c = common.base()
  c.model.backbone = dict(
    family='clip', width=64, depth=4, num_heads=4, patch_size=8, image_size=32
  )
  linear = dict(name='zeroi2v', offsets=(), dropout=0.0)
  c.model.adapter = linear | dict(offsets=(-1, 1))
  c.model.temporal_embedding = False
  c.model.dropout = 0.0
  c.weights = 'builtin:digits'
  c.trainable = ('adapters', 'head', 'backbone/ln_post')
  c.compare.linear_probe = dict(model=dict(adapter=None), trainable=('head',))
  c.compare.no_relocation = dict(model=dict(adapter=linear))
  c.data.format = 'digits'
  c.data.root = 'runs/digits'
  c.data.options = dict(num_train=1600, num_val=400)
  c.data.normalization = 'half'
  c.clip.stride, c.clip.short_side, c.clip.flip = 1, 32, 0.0
  c.clip.crop_area = c.clip.crop_aspect = (1.0, 1.0)
  c.loader.threads = 2
  c.batch_size, c.steps = 32, 300
  c.optimizer.lr, c.optimizer.warmup_epochs = 3e-3, 1.0
  c.optimizer.clip_norm = 1.0
  return miniature.shrink(c) if arg.smoke else c


def sweep(arg=''):
  return comparison.rows(lambda: moving_digits(arg))
