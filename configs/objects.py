r"""Objects in motion, on a real image model: the first blocks of DINOv2-S.

  python benchmarks/objects.py data/objects --train 1600 --val 400 --motions \
    'push right,push left,approach,recede,hide,take out,cover,uncover,come
    together,move apart'
  i2v weights convert hf:facebook/dinov2-small --out data/dinov2_s6 --blocks 6
  i2v sweep --config configs/objects.py --workdir runs/objects

Ten motions in pairs that are each other reversed in time, of objects that
training has not seen; hidden and covered objects look alike in a frame.
`weights=`, `blocks=` and `root=` name other files. One budget: steps, batches,
optimiser. Methods have no temporal embedding unless it is theirs (AIM), as it
tells a model of single frames which of them it sees.
"""

from configs import common, heads, miniature, trained_parts

CLASSIFIER = ('head', 'backbone/ln_post')
LINEAR = dict(name='zeroi2v', num_adapters=4, rank=0.25, dropout=0.0)
DEFAULTS = dict(weights='data/dinov2_s6', blocks=6, root='data/objects')
DEFAULTS |= dict(smoke=False)


def get_config(arg=''):
  arg = common.parse_arg(arg, **DEFAULTS)
  c = common.base()
  common.backbone(c, 'S/14', 8, 'dinov2')
  c.model.backbone.update(dict(image_size=56, depth=arg.blocks))
  c.weights, c.data.root = arg.weights, arg.root
  c.needs = 'the folder that benchmarks/objects.py writes'
  c.model.temporal_embedding, c.model.dropout = False, 0.0
  c.clip.sampling, c.clip.flip, c.clip.short_side = 'uniform', 0.0, 64
  c.clip.crop_area, c.clip.crop_aspect = (0.7, 1.0), (1.0, 1.0)
  c.loader.threads = 2
  c.batch_size, c.steps = 16, 600
  c.optimizer.lr, c.optimizer.warmup_epochs = 1e-3, 1.0
  c.optimizer.clip_norm, c.optimizer.b2 = 1.0, 0.95
  c.log_every, c.checkpoint_every, c.eval_every = 25, 50, 300
  relocate(c)
  return miniature.shrink(c) if arg.smoke else c


def adapt(c, adapter, operator=None, trainable=('adapters', *CLASSIFIER)):
  c.model.adapter, c.model.temporal_operator = adapter, operator
  c.trainable = trainable


def relocate(c):
  """ZeroI2V: a sixth of the channels of attention look at other frames."""
  adapt(c, LINEAR | dict(offsets=heads.offsets(c)))


def cached(c):
  """Two fixed clips of each video; their features are computed once."""
  c.clips_per_video, c.cache_gb = 2, 4.0


def linear_probe(c):
  adapt(c, None, trainable=('head',))
  cached(c)


def attentive_probe(c):
  adapt(
    c,
    dict(name='attentive_probe', positions=True, final_norm=True),
    trainable=('adapters', 'head'),
  )
  cached(c)


def step_probe(c):
  adapt(c, dict(name='step_probe', positions=True), None, ('adapters', 'head'))
  cached(c)


def channel_shift(c):
  """A sixth of the channels from other frames, as of the relocated heads."""
  adapt(c, LINEAR, heads.fit(c, dict(name='channel_shift', share=12)))


def full(c):
  """All of it, with the relocated heads, at a tenth of the rate."""
  trained_parts.full(c)
  c.model.temporal_operator = dict(
    name='head_relocation', offsets=heads.offsets(c)
  )


def st_adapter(c):
  adapter = dict(name='st_adapter', rank=0.25, pre_attn=True, pre_mlp=True)
  adapt(c, adapter, trainable=('adapters', 'head'))


def aim(c):
  c.model.temporal_embedding = True
  adapter = dict(name='aim', num_adapters=3, rank=0.25, drop_path=0.0)
  adapt(
    c, adapter | dict(scale=0.5), None, ('adapters', *trained_parts.CLASSIFIER)
  )


ROWS = {
  'linear probe': linear_probe,
  'attentive probe': attentive_probe,
  'STEP': step_probe,
  'linear adapters': lambda c: adapt(c, LINEAR),
  'ZeroI2V': relocate,
  'linear, channel shift': channel_shift,
  'full, relocation': full,
  'ST-Adapter': st_adapter,
  'AIM': aim,
}


def sweep(arg=''):
  for name, change in ROWS.items():
    c = get_config(arg)
    change(c)
    yield name, c
