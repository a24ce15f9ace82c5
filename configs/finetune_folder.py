r"""Your own clips, a folder per class: any method on any image model.

python -m i2v_jax.main --config configs/finetune_folder.py \
  --config.data.root=CLIPS --workdir runs/mine

CLIPS/<class>/<clip>.mp4 is split 80 / 20; CLIPS/train/<class> and
CLIPS/val/<class> are taken as they are. `:method=aim` or any other of
`configs/methods.py` in place of ZeroI2V; `:family=dinov2,variant=L/14`, siglip,
imagenet, imagenet21k or swin in place of CLIP B/16; `:frames=16`.
"""

from configs import common, methods, miniature

DEFAULTS = dict(family='clip', variant='', frames=0, method='zeroi2v')
DEFAULTS |= dict(smoke=False)


def get_config(arg=''):
  arg = common.parse_arg(arg, **DEFAULTS)
  c = make_config(arg)
  return miniature.shrink(c) if arg.smoke else c


def make_config(arg):
  """The config of full size, by parsed arguments."""
  c = common.base()
  frames = arg.frames or (16 if arg.method == 'dualpath' else 8)
  common.backbone(c, arg.variant, frames, arg.family)
  c.batch_size = 16
  common.choose(methods.METHODS, arg.method, 'method')(c)
  c.needs = 'a folder of clips per class'
  c.clip.sampling = 'uniform'
  c.clip.flip_labels = True
  c.clip.randaugment = 'before_crop'
  c.data.on_bad_video = 'skip'
  c.views.crops = 3
  c.accumulate = 2
  c.epochs = 20.0
  if c.optimizer.schedule == 'epoch':
    c.optimizer.schedule = 'step'
  c.checkpoint_every = c.eval_every = 200
  return c
