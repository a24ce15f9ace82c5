r"""ZeroI2V on AVA v2.2 from CLIP: the paper reports 26.4 mAP with B/16.

python -m i2v_jax.main --config configs/zeroi2v_ava.py --workdir runs/ava
  configs/zeroi2v_ava.py:variant=L/14,frames=16
  configs/zeroi2v_ava.py:method=linear_probe
  configs/zeroi2v_ava.py:data=boxes   your own videos and boxes
  configs/zeroi2v_ava.py:smoke

8 frames, trained on AVA alone (Table 7): 26.4, and 18.3 with a frozen CLIP
(`method=linear_probe`). Its text gives no recipe; ours is ZeroI2V's with the
clips, boxes, loss and schedule of VideoMAE-Action-Detection. `method=full`
trains all with layer-wise decay, as VideoMAE does; `method=aim` and others of
`configs/methods.py` adapt the blocks, and `method=dualpath,frames=16` also
reads boxes in framesets. What to download, and tables of your own boxes:
docs/detection.md.
"""

from configs import common, methods, miniature

REPORTED = {'zeroi2v': 26.4, 'linear_probe': 18.3}
BATCH = {'ava': 128, 'boxes': 16}  # clips, by data
SPAN = 64  # frames around the key frame that a clip covers


def get_config(arg=''):
  arg = common.parse_arg(
    arg,
    variant='B/16',
    frames=8,
    method='zeroi2v',
    head='release',
    data='ava',
    smoke=False,
  )
  c = common.base()
  common.backbone(c, arg.variant, arg.frames)
  c.batch_size = common.choose(BATCH, arg.data, 'data')
  common.choose(methods.METHODS, arg.method, 'method')(c)
  detect(c, arg.head)
  recipe(c)
  {'ava': ava, 'boxes': boxes}[arg.data](c)
  if arg.method == 'full':
    as_videomae(c)
  if arg.method == 'dualpath':
    as_dualpath(c)
  chosen = (arg.variant, arg.frames, arg.head, arg.data)
  if chosen == ('B/16', 8, 'release', 'ava'):
    c.reported = REPORTED.get(arg.method, 0.0)
  return smoke(c) if arg.smoke else c


def detect(c, head='release'):
  """Boxes in place of clips are classified, by VideoMAE's head."""
  c.model.detection = dict(boxes=16, head=head, context=False, mean='before')
  c.model.dropout, c.model.head_std = 0.0, 2e-5


def recipe(c):
  """Clips and boxes, and the length of the training."""
  c.clip.sampling, c.clip.stride = 'key_frame', SPAN // c.model.num_frames
  size = c.model.backbone.get('image_size') or 224
  scale_crop(c, 256 / size)
  c.clip.randaugment = 'off'
  c.clip.hsv_jitter = (10, 26, 26)
  c.clip.box_jitter = (0.2, 0.1, 0.1, 0.05)
  c.clip.box_extend = (0.1, 0.05)
  c.views.short_side = 256
  c.epochs = 30.0
  c.optimizer.schedule = 'after_warmup'
  c.optimizer.warmup_epochs = 5.0
  c.optimizer.warmup_from = c.optimizer.lr_end = 1e-6 / 5e-4


def ava(c):
  c.data.format, c.data.root, c.needs = 'ava', 'data/ava', 'AVA v2.2'
  c.data.options = dict(
    version='2.2',
    movies='cut',
    videos='',
    proposals='ava_val_predicted_boxes.csv',
    min_score=0.8,
    on_missing='error',
  )


def boxes(c):
  """Tables of the user; smaller batches, as in `finetune_folder`."""
  c.data.format, c.data.root = 'boxes', 'data/boxes'
  c.data.options = dict(proposals='', min_score=0.8, on_missing='error')
  c.needs = 'videos with tables of boxes'
  c.data.on_bad_video = 'skip'
  c.clip.flip_labels = True
  c.accumulate = 2
  c.checkpoint_every = c.eval_every = 200


def as_videomae(c):
  """Layer-wise decay and stochastic depth of VideoMAE's ViT-B and L."""
  large = c.model.backbone.variant.startswith('L')
  c.model.adapter = dict(
    name='zeroi2v', offsets=(), num_adapters=0, drop_path=0.2
  )
  c.optimizer.lr = 5e-4 * c.batch_size / 256
  c.optimizer.layer_decay = 0.8 if large else 0.75


def as_dualpath(c):
  """Framesets are square, and so are test frames; the head is DualPath's."""
  c.views.frame, c.views.short_side = 'squashed', 0
  del c.model.head_std


def smoke(c):
  """The same in miniature, on moving digits with boxes."""
  c = miniature.shrink(c)
  c.data.format, c.needs = 'digit_boxes', ''
  c.data.root = 'runs/smoke-digit-boxes'
  c.model.backbone.image_size = c.clip.short_side = 64
  c.views.short_side = 0  # the image size
  c.model.detection.boxes = 4
  c.clip.stride = 1
  scale_crop(c, 1.0)
  return c


def scale_crop(c, scale):
  """A crop of frames whose short side is `scale` times the image size."""
  with c.clip.ignore_type():  # a number, elsewhere
    c.clip.scale_crop = (scale, scale)
