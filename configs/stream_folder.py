r"""Your own clips, for live video: a model that reads a stream frame by frame.

python -m i2v_jax.main --config configs/stream_folder.py \
  --config.data.root=CLIPS --workdir runs/live

As configs/finetune_folder.py, with what a stream needs (docs/streaming.md):
heads that look back only, preset `stream_B` or `stream_L`; no temporal
embedding; and frames at a fixed distance, 8 in a second at 30 per second.
Training clips have up to 8 frames before them that they may look at, because a
stream is older than any clip; `:age=0` for none. `:variant=L/14`; `:family=`
dinov2, siglip, imagenet or imagenet21k.
"""

from configs import common, finetune_folder, methods, miniature

PRESETS = dict(B='stream_B', L='stream_L')
DEFAULTS = dict(family='clip', variant='', frames=8, age=8, smoke=False)


def get_config(arg=''):
  arg = common.parse_arg(arg, **DEFAULTS)
  arg.method = 'linear_probe'
  c = finetune_folder.make_config(arg)
  look_back(c, arg.age)
  c.clip.sampling, c.clip.stride = 'dense', 4
  c.views.crops = 1  # as a stream is cut
  return miniature.shrink(c) if arg.smoke else c


def look_back(c, age):
  """ZeroI2V with heads that look at earlier frames alone."""
  c.model.temporal_embedding = False
  size = c.model.backbone.variant[0]
  preset = common.choose(PRESETS, size, 'first letter of variant')
  methods.zeroi2v(c, preset)
  c.optimizer.schedule = 'step'
  c.clip.age = age
