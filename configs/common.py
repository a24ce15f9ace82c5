"""What the configs share: defaults, arguments, and the smoke test."""

from ml_collections import ConfigDict

WEIGHTS = {
  'B/16': 'hf:openai/clip-vit-base-patch16',
  'L/14': 'hf:openai/clip-vit-large-patch14',
}


def parse_arg(arg: str, **defaults) -> ConfigDict:
  """`'variant=L/14,smoke'` -> typed values; an unknown name raises."""
  values = dict(defaults)
  for item in filter(None, arg.split(',')):
    name, equals, text = item.partition('=')
    if name not in defaults:
      known = ', '.join(defaults)
      raise ValueError(f'The config has no argument {name!r}; it has {known}.')
    kind = type(defaults[name])
    if kind is bool and text not in ('', 'true', 'false'):
      raise ValueError(f'{name} is true or false, not {text!r}.')
    values[name] = text != 'false' if kind is bool else kind(text)
    if kind is not bool and not equals:
      raise ValueError(f'Write {name}=VALUE.')
  return ConfigDict(values)


def base() -> ConfigDict:
  """All keys there are; linear probe of CLIP ViT-B/16 until told otherwise."""
  c = ConfigDict()
  c.seed = 0
  c.needs = ''  # said when weights or data are missing

  c.model = ConfigDict()
  c.model.backbone = dict(variant='B/16', family='clip', image_size=224)
  c.model.num_frames = 8
  c.model.adapter = None  # dict(name=…, options…)
  c.model.temporal_embedding = True
  c.model.dropout = 0.5  # before the head
  c.weights = WEIGHTS['B/16']  # directory, file, or hf:ORG/NAME[@REVISION]
  c.trainable = ('head',)  # path prefixes; ('',) trains everything
  c.dtype = 'auto'  # bfloat16 on accelerators, float32 on a CPU
  c.remat = 'none'  # or dots, block: less memory, more time

  c.data = ConfigDict()
  c.data.format = 'folder'  # see docs/data.md
  c.data.root = 'data/clips'
  c.data.train = 'train'
  c.data.val = 'val'
  c.data.options = ConfigDict()  # of the format
  c.data.normalization = 'clip'
  c.data.on_bad_video = 'error'  # or skip: masked, counted, listed
  c.data.max_bad_share = 0.01  # of a split, with skip

  c.clip = ConfigDict()  # training clips
  c.clip.sampling = 'dense'  # or uniform
  c.clip.stride = 16
  c.clip.short_side = 256
  c.clip.crop_area = (0.08, 1.0)
  c.clip.crop_aspect = (3 / 4, 4 / 3)
  c.clip.flip = 0.5
  c.clip.flip_labels = False  # swap labels that name left and right
  c.clip.randaugment = 'off'  # or before_crop, after_crop
  c.clip.erasing = 0.0
  c.clip.erasing_mode = 'const'  # or rand
  c.views = dict(clips=1, crops=1, short_side=224)  # test

  c.batch_size = 64  # over all devices
  c.accumulate = 1  # parts a batch is worked through in
  c.epochs = 40.0
  c.steps = 0  # 0: from the epochs
  c.label_smoothing = 0.0
  c.optimizer = ConfigDict()
  c.optimizer.lr = 3e-4
  c.optimizer.schedule = 'step'  # cosine by step, or by epoch as released
  c.optimizer.warmup_epochs = 2.5
  c.optimizer.weight_decay = 0.05
  c.optimizer.clip_norm = 0.0  # 0: off
  c.optimizer.lr_multipliers = {}  # path prefix -> factor
  c.optimizer.decay_multipliers = {}

  c.loader = dict(threads=2, workers=0)
  c.log_every = 50  # steps
  c.eval_every = 5000  # steps; 0: only at the end
  c.checkpoint_every = 1000
  c.compare = ConfigDict()  # name -> changed keys; trained beside this config
  return c


def zeroi2v(c: ConfigDict, preset: str) -> None:
  """The method and the optimiser of the paper (appendix) and the release."""
  c.model.adapter = dict(name='zeroi2v', preset=preset)
  c.trainable = (
    'adapters',
    'temporal_embedding',
    'head',
    'backbone/ln_post',
  )
  c.optimizer.schedule = 'epoch'
  c.optimizer.decay_multipliers = {
    'temporal_embedding': 0.0,
    'backbone/ln_post': 0.0,
  }
  if '_L_' in preset and preset.endswith('release'):
    slow = ('adapters', 'temporal_embedding', 'backbone')
    c.optimizer.lr_multipliers = dict.fromkeys(slow, 0.1)


def backbone(c: ConfigDict, variant: str, frames: int) -> None:
  """CLIP's visual tower of that size, looking at so many frames."""
  if variant not in WEIGHTS:
    raise ValueError(f'variant is one of {", ".join(WEIGHTS)}, not {variant}.')
  c.model.backbone.variant = variant
  c.model.num_frames = frames
  c.weights = WEIGHTS[variant]


def needs(c: ConfigDict, data: str) -> None:
  """The sentence a user reads when weights or data are not there."""
  c.needs = (
    f'This config needs {data} under --config.data.root={c.data.root} (layout '
    f'in docs/data.md) and CLIP weights, --config.weights={c.weights}.'
  )


def smoke(c: ConfigDict) -> ConfigDict:
  """The same config in miniature: moving digits, tiny model, 3 steps, CPU."""
  c.model.backbone = dict(
    family='clip',
    width=32,
    depth=2,
    num_heads=8,
    patch_size=16,
    image_size=32,
  )
  c.model.num_frames = min(c.model.num_frames, 8)
  c.weights = 'random'
  c.data.format = 'digits'
  c.data.root = 'runs/smoke-digits'
  c.data.train, c.data.val = 'train', 'val'
  c.data.options = dict(num_train=16, num_val=12)
  c.clip.short_side = 36
  c.views.short_side = 32
  c.batch_size, c.steps, c.log_every = 8, 3, 1
  return c
