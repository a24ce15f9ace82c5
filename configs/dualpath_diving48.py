r"""DualPath on Diving48 (V2 labels): the paper reports 88.7 with B/16.

python -m i2v_jax.main --config configs/dualpath_diving48.py --workdir runs/dual
  configs/dualpath_diving48.py:frames=32
  configs/dualpath_diving48.py:preset=release,quirks
  configs/dualpath_diving48.py:smoke

The released command: 50 epochs, 129 clips a step (here 128), a rate of 7e-4 per
256 clips.
"""

from configs import common, datasets, methods, miniature


def get_config(arg=''):
  arg = common.parse_arg(
    arg, frames=16, preset='paper', quirks=False, smoke=False
  )
  c = common.base()
  common.backbone(c, 'B/16', arg.frames)
  datasets.diving48(c)
  c.batch_size = 128
  methods.dualpath(c, arg.preset, arg.quirks, lr=7e-4)
  c.clip.erasing = 0.1
  c.views.clips = 3
  c.epochs = 50.0
  c.reported = 88.7
  return miniature.shrink(c) if arg.smoke else c
