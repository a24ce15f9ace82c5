r"""ZeroI2V on Diving48 (V2 labels): the paper reports top-1 89.7 with B/16.

python -m i2v_jax.main --config configs/zeroi2v_diving48.py --workdir runs/dive
  configs/zeroi2v_diving48.py:variant=L/14
  configs/zeroi2v_diving48.py:smoke

No configuration was published: offsets of the paper's 32-frame models, frames,
epochs and views as AIM trains Diving48.
"""

from configs import common, datasets, methods, miniature

REPORTED = {'B/16': 89.7, 'L/14': 91.4}


def get_config(arg=''):
  arg = common.parse_arg(arg, variant='B/16', frames=32, smoke=False)
  c = common.base()
  common.backbone(c, arg.variant, arg.frames)
  methods.zeroi2v(c, f'k400_{arg.variant[0]}_{arg.frames}f_paper')
  datasets.diving48(c)
  c.views.crops = 3 if arg.variant == 'B/16' else 1
  c.epochs = 50.0
  c.reported = REPORTED[arg.variant] if arg.frames == 32 else 0.0
  return miniature.shrink(c) if arg.smoke else c
