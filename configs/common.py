"""What the configs share: defaults, arguments, and the smoke test."""

from ml_collections import ConfigDict, config_dict

WEIGHTS = {
  'B/16': 'hf:openai/clip-vit-base-patch16',
  'L/14': 'hf:openai/clip-vit-large-patch14',
}
DEPTH = {'B/16': 12, 'L/14': 24}


class ArgumentError(Exception):
  """A wrong config argument; ml_collections traces back a ValueError."""


def parse_arg(arg: str, **defaults) -> ConfigDict:
  """`'variant=L/14,smoke'` -> typed values; an unknown name raises."""
  values = dict(defaults)
  for item in filter(None, arg.split(',')):
    name, _, text = item.partition('=')
    if name not in defaults:
      known = ', '.join(defaults)
      raise ArgumentError(f'There is no argument {name!r}; there is {known}.')
    kind = type(defaults[name])
    if kind is bool and text not in ('', 'true', 'false'):
      raise ArgumentError(f'{name} is true or false, not {text!r}.')
    if kind is int and not text.isdigit():
      raise ArgumentError(f'{name} is a whole number, not {text!r}.')
    if not (text or kind is bool):
      raise ArgumentError(f'Write {name}=VALUE.')
    values[name] = text != 'false' if kind is bool else kind(text)
  return ConfigDict(values)


def choose(table: dict, key, name: str):
  """`table[key]`, or an error that names what there is."""
  if key not in table:
    known = ', '.join(str(k) for k in table)
    raise ArgumentError(f'{name} is one of {known}, not {key}.')
  return table[key]


def base() -> ConfigDict:
  """All keys there are; linear probe of CLIP ViT-B/16 until told otherwise."""
  c = ConfigDict()
  c.seed = 0
  c.needs = ''  # data set that an error names when it is not there

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

  c.data, c.clip, c.views = _data(), _clip(), ConfigDict()
  c.views.clips = 1  # test views: along time, times crops
  c.views.crops = 1  # or 3
  c.views.short_side = 0  # 0: the image size

  c.batch_size = 64  # over all devices
  c.accumulate = 1  # parts a batch is worked through in
  c.epochs = 40.0
  c.steps = 0  # 0: from the epochs
  c.label_smoothing = 0.0
  c.optimizer = _optimizer()

  c.loader = dict(threads=8, workers=0)  # batches made at once; processes
  c.log_every = 50  # steps
  c.eval_every = 5000  # steps; 0: only at the end
  c.checkpoint_every = 1000
  c.compare = ConfigDict()  # name -> changed keys; trained beside this config
  return c


def _data() -> ConfigDict:
  data = ConfigDict()
  data.format = 'folder'  # see docs/data.md
  data.root = 'data/clips'
  data.train = 'train'
  data.val = 'val'
  data.options = ConfigDict()  # of the format
  data.normalization = 'clip'
  data.on_bad_video = 'error'  # or skip: masked, counted, listed
  data.max_bad_share = 0.01  # of a split, with skip
  return data


def _clip() -> ConfigDict:
  """Training clips; sizes in pixels."""
  clip = ConfigDict()
  clip.sampling = 'dense'  # or uniform
  clip.stride = 16
  clip.short_side = 256
  clip.crop_area = (0.08, 1.0)
  clip.crop_aspect = (3 / 4, 4 / 3)
  clip.flip = 0.5
  clip.flip_labels = False  # swap labels that name left and right
  clip.randaugment = 'off'  # or before_crop, after_crop
  clip.erasing = 0.0
  clip.erasing_mode = 'const'  # or rand
  return clip


def _optimizer() -> ConfigDict:
  optimizer = ConfigDict()
  optimizer.lr = 3e-4
  optimizer.schedule = 'step'  # cosine by step, or by epoch as released
  optimizer.warmup_epochs = 2.5
  optimizer.weight_decay = 0.05
  optimizer.clip_norm = 0.0  # 0: off
  optimizer.lr_multipliers = {}  # path prefix -> factor
  optimizer.decay_multipliers = {}
  return optimizer


def zeroi2v(c: ConfigDict, preset: str) -> None:
  """The method and the optimiser of the paper (appendix) and the release."""
  c.model.adapter = dict(
    name='zeroi2v',
    preset=preset,  # gives what is None here
    offsets=config_dict.placeholder(tuple),
    num_adapters=config_dict.placeholder(int),
    scale=config_dict.placeholder(float),
    dropout=config_dict.placeholder(float),
    rank_ratio=0.25,
  )
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


def full_finetuning(c: ConfigDict) -> None:
  """Everything is trained, at a tenth of the rate (paper, ablations)."""
  depth = choose(DEPTH, c.model.backbone.variant, 'variant')
  c.trainable = ('',)
  c.optimizer.lr = 3e-5
  norms = [f'blocks_{i}/{ln}' for i in range(depth) for ln in ('ln1', 'ln2')]
  tables = ['cls', 'pos', 'ln_pre', 'ln_post']
  still = ['temporal_embedding'] + [f'backbone/{x}' for x in tables + norms]
  c.optimizer.decay_multipliers = dict.fromkeys(still, 0.0)


def backbone(c: ConfigDict, variant: str, frames: int) -> None:
  """CLIP's visual tower of that size, looking at so many frames."""
  c.weights = choose(WEIGHTS, variant, 'variant')
  c.model.backbone.variant = variant
  c.model.num_frames = frames


def smoke(c: ConfigDict) -> ConfigDict:
  """The same config in miniature: moving digits, tiny model, 3 steps, CPU."""
  sizes = dict(width=32, depth=2, num_heads=8, patch_size=16, image_size=32)
  c.model.backbone = dict(family='clip', **sizes)
  c.model.num_frames = min(c.model.num_frames, 8)
  c.weights = 'random'
  c.data.format = 'digits'
  c.data.root = 'runs/smoke-digits'
  c.data.train, c.data.val = 'train', 'val'
  c.data.options = ConfigDict()
  c.clip.short_side = 36
  c.batch_size, c.steps, c.log_every = 8, 3, 1
  c.loader.threads = 2
  return c
