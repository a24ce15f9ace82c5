"""What the configs share: defaults and arguments."""

from ml_collections import ConfigDict
from ml_collections.config_dict import FieldReference

WEIGHTS = {  # family -> variant -> where it is; the first is the default
  'clip': {
    'B/16': 'hf:openai/clip-vit-base-patch16',
    'L/14': 'hf:openai/clip-vit-large-patch14',
  },
  # As AIM: fine-tuned on ImageNet-1k.
  'imagenet': {'B/16': 'hf:google/vit-base-patch16-224'},
  # As ZeroI2V's Table 13: not fine-tuned.
  'imagenet21k': {'B/16': 'hf:google/vit-base-patch16-224-in21k'},
  'dinov2': {
    'B/14': 'hf:facebook/dinov2-base',
    'S/14': 'hf:facebook/dinov2-small',
    'L/14': 'hf:facebook/dinov2-large',
  },
  'siglip': {'B/16': 'hf:google/siglip-base-patch16-224'},
  'swin': {
    'Swin-B': 'hf:microsoft/swin-base-patch4-window7-224-in22k',
    'Swin-T': 'hf:microsoft/swin-tiny-patch4-window7-224',
    'Swin-S': 'hf:microsoft/swin-small-patch4-window7-224',
    'Swin-L': 'hf:microsoft/swin-large-patch4-window7-224-in22k',
  },
}
NORMALIZATION = {
  'clip': 'clip',
  'imagenet': 'imagenet',  # as AIM's configurations; the file's own is half
  'imagenet21k': 'half',
  'dinov2': 'imagenet',
  'siglip': 'half',
  'swin': 'imagenet',
}
PROJECTION = {'B/16': 512, 'L/14': 768}  # width of CLIP's joint space
DEPTHS = {'S': (12,), 'B': (12,), 'L': (24,)}  # blocks of each stage
DEPTHS |= dict.fromkeys(('Swin-S', 'Swin-B', 'Swin-L'), (2, 2, 18, 2))
DEPTHS['Swin-T'] = (2, 2, 6, 2)


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
    if kind is int and not (text.isascii() and text.isdigit()):
      raise ArgumentError(f'{name} is an integer, not {text!r}.')
    if not (text or kind is bool):
      raise ArgumentError(f'Write {name}=VALUE.')
    values[name] = text != 'false' if kind is bool else kind(text)
  return ConfigDict(values)


def choose_frames(arg: ConfigDict) -> None:
  """Sets `frames`, if they are open: 8, or 32 on Swin, as published."""
  if not arg.frames:
    arg.frames = 32 if arg.variant.startswith('Swin-') else 8


def choose(table: dict, key, name: str):
  """`table[key]`, or an error that names what there is."""
  if key not in table:
    known = ', '.join(str(k) for k in table)
    raise ArgumentError(f'{name} is one of {known}, not {key}.')
  return table[key]


def base() -> ConfigDict:
  """All keys, with their defaults: a linear probe of CLIP ViT-B/16."""
  c = ConfigDict()
  c.seed = 0
  c.needs = ''  # data set that an error names if it is missing
  c.reported = 0.0  # top-1 of the paper in percent, shown next to ours

  c.model = ConfigDict()
  c.model.backbone = dict(variant='B/16', family='clip', image_size=224)
  c.model.num_frames = 8
  c.model.adapter = None  # or dict(name=…, options…)
  c.model.temporal_operator = None  # or dict(name=…, options…)
  c.model.detection = None  # or dict(boxes=16): classifies boxes of key frames
  c.model.temporal_embedding = True
  c.model.dropout = 0.5  # before the head
  c.weights = WEIGHTS['clip']['B/16']  # folder, file, hf:ORG/NAME[@REVISION]
  c.weights_which = ''  # of a checkpoint with both: ema or raw; '': ema
  c.start_from = ''  # run, export or adapter file, instead of weights
  c.task = 'single'  # or multi: any number of labels, each yes or no
  c.trainable = ('head',)  # path prefixes; ('',) trains everything
  c.dtype = 'auto'  # bfloat16 on accelerators, float32 on a CPU
  c.remat = 'none'  # or dots, block: less memory, more time; or auto

  c.data, c.clip, c.views = _data(), _clip(), _views()

  c.batch_size = 64  # over all devices; --batch_size=auto: what fits
  c.mesh = dict(model=1)  # devices along this axis; the rest are along data
  c.mesh.frozen = 'replicated'  # or sharded over data, model (docs/scaling.md)
  c.mesh.trained = 'replicated'  # the same, with the optimiser state
  c.repeats = 1  # clips of each video in a batch
  c.clips_per_video = 0  # drawn once and reused in turn; 0: always new
  c.cache_gb = 0.0  # disk for features of a frozen model; 0: none are kept
  c.drop_patches = 0.0  # share of a frame's patches dropped in training
  c.accumulate = 1  # parts of a batch, whose gradients are added
  c.epochs = 40.0
  c.steps = 0  # 0: from the epochs
  _add_loss(c)
  c.optimizer = _optimizer()

  c.loader = dict(threads=8, workers=0)  # clips made in parallel; or processes
  c.loader.stall_seconds = 60.0  # without a batch before a warning; 0: never
  c.log_every = 50  # steps
  c.eval_every = 5000  # steps; 0: only at the end
  c.report_step = 'last'  # or best: of all evaluations on val, in sweeps
  c.checkpoint_every = 1000
  c.compare = ConfigDict()  # name -> changed keys; variants trained as well
  return c


def _add_loss(c: ConfigDict) -> None:
  """Adds the keys of the loss."""
  c.label_smoothing = 0.0
  # Of the loss: none, inverse, effective, or {class name: weight}.
  c.class_weights = FieldReference('none', field_type=object)
  c.effective_beta = 0.999  # of effective class weights
  c.logit_adjustment = 0.0  # factor, such as 1.0, on log class frequencies
  c.mixup = 0.0  # alpha, such as 0.8: blends clips
  c.cutmix = 0.0  # alpha, such as 1.0: pastes boxes; with both one is drawn


def _data() -> ConfigDict:
  data = ConfigDict()
  data.format = 'folder'  # see docs/datasets.md
  data.root = 'data/clips'
  data.train = 'train'
  data.val = 'val'
  data.options = ConfigDict()  # options of the format
  data.background = 0.0  # examples without any label for each one with labels
  data.shots = 0  # training examples of each class, drawn by seed; 0: all
  data.share = 1.0  # of each class's training examples, drawn by seed
  data.balanced = False  # every class is drawn equally often
  data.normalization = 'clip'
  data.weights_normalization = ''  # the weights' own, if different on purpose
  data.on_bad_video = 'error'  # or skip: masked, counted, listed
  data.max_bad_share = 0.01  # of a split, with skip
  data.fps = 30.0  # frame rate of videos that are folders of frames
  data.clip_seconds = 120.0  # limit for reading a clip, else it is bad; 0: none
  data.manifest = ''  # from i2v data check; only videos in it are used
  return data


def _clip() -> ConfigDict:
  """Training clips; sizes in pixels."""
  clip = ConfigDict()
  clip.sampling = 'dense'  # or uniform, random_stride, key_frame
  clip.test_sampling = 'mmaction1'  # or mmaction0, as AIM
  clip.stride = 16
  clip.age = 0  # most frames that a training clip has before it, for streams
  clip.short_side = 256
  clip.scale_crop = 0.0  # or 1.15: a crop at 1 to 1.15 of the image size
  clip.crop_area = (0.08, 1.0)
  clip.crop_aspect = (3 / 4, 4 / 3)
  clip.flip = 0.5
  clip.flip_labels = False  # mirrored clips swap labels that name sides
  clip.lighting = 0.0  # standard deviation of PCA noise
  clip.jitter = ()  # or (0.5, 0.5, 0.5, 0.1): brightness … hue, as mmaction2
  clip.hsv_jitter = ()  # or (10, 26, 26): hue, saturation, value of OpenCV
  clip.box_jitter = ()  # of sides of training boxes: x out, x in, y out, y in
  clip.box_extend = (0.0, 0.0)  # shares by which test boxes grow along x, y
  clip.randaugment = 'off'  # or before_crop, after_crop
  clip.randaugment_ops = 4
  clip.randaugment_magnitude = 7.0
  clip.erasing = 0.0
  clip.erasing_mode = 'const'  # or rand
  clip.grid_antialias = False  # for small frames in a frameset
  clip.release_quirks = False  # DualPath's test views, VideoMAE's lost boxes
  return clip


def _views() -> ConfigDict:
  views = ConfigDict()
  views.clips = 1  # test views: along time, times crops
  views.crops = 1  # or 3
  views.short_side = 0  # pixels; 0: the image size
  views.evaluator = 'videomae'  # or activitynet: rules for mAP of boxes
  views.frame = 'padded'  # or squashed: test frames of clips with boxes
  return views


def _optimizer() -> ConfigDict:
  optimizer = ConfigDict()
  optimizer.name = 'adamw'  # or sgd, lars
  optimizer.momentum = 0.9  # of sgd and lars
  optimizer.lr = 3e-4
  optimizer.schedule = 'step'  # cosine; or epoch, as released; after_warmup
  optimizer.warmup_epochs = 2.5
  optimizer.warmup_from = 0.1  # factor on lr at step 0
  optimizer.lr_end = 0.0  # factor on lr at the last step
  optimizer.weight_decay = 0.05
  optimizer.clip_norm = 0.0  # 0: off
  optimizer.skip_norm = 0.0  # gradients above it, or NaN, skip a step; 0: off
  optimizer.lr_multipliers = {}  # path prefix -> factor
  optimizer.decay_multipliers = {}
  optimizer.layer_decay = 1.0  # factor per layer below the head; 1: off
  optimizer.decay_biases = True
  optimizer.first_channels = {}  # path -> (axis, count): trains those only
  return optimizer


def backbone(
  c: ConfigDict, variant: str, frames: int, family: str = 'clip'
) -> None:
  """Chooses an image model: family, size ('' for the default), frames."""
  if family == 'clip' and variant.startswith('Swin-'):
    family = 'swin'
  known = choose(WEIGHTS, family, 'family')
  variant = variant or next(iter(known))
  c.weights = choose(known, variant, f'variant (of {family})')
  c.data.normalization = NORMALIZATION[family]
  c.data.weights_normalization = 'half' if family == 'imagenet' else ''
  c.model.backbone.family = family.removesuffix('21k')  # other weights only
  c.model.backbone.variant = variant
  c.model.num_frames = frames
  c.model.temporal_embedding = not is_swin(c)


def is_swin(c: ConfigDict) -> bool:
  return c.model.backbone.family == 'swin'


def depths(c: ConfigDict) -> tuple:
  """Blocks of each stage of the backbone; a ViT has one stage."""
  sizes = c.model.backbone
  if 'depth' in sizes:
    return (sizes.depth,)
  return sizes.get('depths') or DEPTHS[sizes.variant.partition('/')[0]]


def depth(c: ConfigDict) -> int:
  """Number of blocks of the backbone."""
  return sum(depths(c))


def reported(c: ConfigDict, top1: float) -> float:
  """The paper's number, except for smoke tests."""
  return 0.0 if c.data.format == 'digits' else top1
