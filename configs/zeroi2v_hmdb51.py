r"""ZeroI2V on HMDB51 from CLIP: the paper reports a top-1 of 73.7 with B/16.

python -m i2v_jax.main --config configs/zeroi2v_hmdb51.py --workdir runs/hmdb51
  configs/zeroi2v_hmdb51.py:frames=32,fold=2
  configs/zeroi2v_hmdb51.py:smoke

Released for B/16 with 8 and 32 frames on the first of the three folds.
"""

from configs import common, datasets, methods, miniature

OFFSETS = {8: (-1, 1), 32: (-1, 1, -2, 2)}  # as released


def get_config(arg=''):
  arg = common.parse_arg(arg, frames=8, fold=1, smoke=False)
  c = common.base()
  common.backbone(c, 'B/16', arg.frames)
  methods.zeroi2v(c, 'k400_B_8f_release')
  c.model.adapter.offsets = common.choose(OFFSETS, arg.frames, 'frames')
  datasets.hmdb51(c, arg.fold)
  c.clip.randaugment = 'before_crop'
  c.views.clips, c.views.crops = (2 if arg.frames == 32 else 1), 3
  c.epochs = 40.0
  return miniature.shrink(c) if arg.smoke else c
