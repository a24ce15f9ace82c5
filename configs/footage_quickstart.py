r"""Hours of moving digits: which motions happen when, by a frozen ViT.

python -m i2v_jax.main --config configs/footage_quickstart.py \
  --workdir runs/footage

Needs nothing, as configs/quickstart.py does. The first run makes a day of
footage, 72 videos of 20 minutes, and the table of when something moves in them.
ZeroI2V learns from spans of the table, and from others in which nothing moves.
"""

from configs import common, finetune_segments, quickstart


def get_config(arg=''):
  arg = common.parse_arg(arg, smoke=False)
  c = quickstart.moving_digits()
  c.compare = {}
  c.task = 'multi'
  c.data.format, c.data.root = 'digit_footage', 'runs/digit-footage'
  c.data.options = dict(num_train=60, num_val=12, minutes=20.0)
  c.data.background = 2.0
  c.clip.flip, c.clip.flip_labels = 0.5, True
  c.model.num_frames = 4  # half a second
  c.steps = 3600
  return finetune_segments.smoke(c) if arg.smoke else c
