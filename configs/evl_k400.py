r"""EVL on Kinetics-400 (arXiv 2208.03550): top-1 82.8 with B/16, 8 frames.

python -m i2v_jax.main --config configs/evl_k400.py --workdir runs/evl
  configs/evl_k400.py:variant=L/14,frames=32
  configs/evl_k400.py:smoke

The README reports (B/16 | L/14): 8 frames 82.8 | 86.3, 16 frames 83.7 | 86.9,
32 frames 84.3 | 87.7. The release reads a flag for mirrored clips and does not
use it, so none are mirrored here.
"""

from configs import common, datasets, methods, miniature

STRIDE = {8: 16, 16: 16, 32: 8}
REPORTED = {
  'B/16': {8: 82.8, 16: 83.7, 32: 84.3},
  'L/14': {8: 86.3, 16: 86.9, 32: 87.7},
}


def get_config(arg=''):
  arg = common.parse_arg(arg, variant='B/16', frames=8, smoke=False)
  c = common.base()
  common.backbone(c, arg.variant, arg.frames)
  methods.evl(c)
  datasets.kinetics(c)
  c.clip.stride = common.choose(STRIDE, arg.frames, 'frames')
  c.clip.flip = 0.0
  c.clip.randaugment = 'before_crop'
  c.views.clips, c.views.crops = (3, 1) if arg.frames == 8 else (1, 3)
  c.batch_size = 256
  c.steps = 50_000
  c.reported = REPORTED[arg.variant][arg.frames]
  return miniature.shrink(c) if arg.smoke else c
