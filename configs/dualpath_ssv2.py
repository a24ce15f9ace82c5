r"""DualPath on Something-Something V2.

python -m i2v_jax.main --config configs/dualpath_ssv2.py --workdir runs/dual
  configs/dualpath_ssv2.py:preset=release,quirks
  configs/dualpath_ssv2.py:variant=Swin-B
  configs/dualpath_ssv2.py:smoke

On Swin it is our reading, experimental: the paper claims it, without a number.
The released command: 60 epochs, 86 clips a step (here 88, which divides over
eight devices), 3.5e-4 per 256 clips.
"""

from configs import common, datasets, methods, miniature


def get_config(arg=''):
  arg = common.parse_arg(
    arg, variant='B/16', frames=16, preset='paper', quirks=False, smoke=False
  )
  c = common.base()
  common.backbone(c, arg.variant, arg.frames)
  datasets.something_v2(c)
  c.batch_size = 88
  methods.dualpath(c, arg.preset, arg.quirks)
  c.clip.flip = 0.0
  c.clip.erasing = 0.1
  c.views.crops = 3
  c.epochs = 60.0
  return miniature.shrink(c) if arg.smoke else c
