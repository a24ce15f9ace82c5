r"""Graded motions: 20 orders of the same 16 frames, which tell methods apart.

python -m i2v_jax.main --config configs/graded.py --workdir runs/graded
"""

from configs import common, miniature, quickstart


def get_config(arg=''):
  arg = common.parse_arg(arg, smoke=False)
  c = quickstart.get_config()
  c.model.num_frames = 16
  c.compare = {}
  c.data.format = 'graded_digits'
  c.data.root = 'runs/graded_digits'
  c.data.options = dict(num_train=2000, num_val=1000, noise=20.0, distractors=1)
  return miniature.shrink(c) if arg.smoke else c
