r"""ST-Adapter on Kinetics-400 (arXiv 2206.13559): top-1 82.0 with B/16.

python -m i2v_jax.main --config configs/st_adapter_k400.py --workdir runs/st
  configs/st_adapter_k400.py:variant=L/14,frames=32
  configs/st_adapter_k400.py:smoke

One adapter in every block, before the MLP. The paper reports 82.0 for B/16
with 8 frames (the code's README 82.2) and 87.2 for L/14 with 32.
"""

from configs import common, datasets, methods, miniature

STRIDE = {8: 16, 16: 8, 32: 4}
REPORTED = {('B/16', 8): 82.0, ('L/14', 32): 87.2}


def get_config(arg=''):
  arg = common.parse_arg(arg, variant='B/16', frames=8, smoke=False)
  c = common.base()
  common.backbone(c, arg.variant, arg.frames)
  c.batch_size = 192
  methods.st_adapter(c)
  datasets.kinetics(c)
  c.clip.stride = common.choose(STRIDE, arg.frames, 'frames')
  c.clip.scale_crop = 1.15
  c.views.clips = 3
  c.epochs = 12.0
  c.reported = REPORTED.get((arg.variant, arg.frames), 0.0)
  return miniature.shrink(c) if arg.smoke else c
