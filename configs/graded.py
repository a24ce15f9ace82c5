r"""Graded motions: 20 orders of the same 16 frames, which tell methods apart.

python -m i2v_jax.main --config configs/graded.py --workdir runs/graded
i2v sweep --config configs/graded.py:table=operators --seeds 5 \
  --baseline 'relocation KV' --workdir runs/graded-operators

The model, its weights and optimiser are the quickstart's; the clips are made by
the first run. Neither a frame nor the bag of all frames tells the class. Tables:
operators, heads, fields, ranks, strategies, aim, dualpath, shares. Numbers of
papers beside ours are those of their own tables, on other data.
"""

from configs import common, graded_tables, miniature, quickstart

FRAMES = 16  # of a clip: 8 takes every second, 32 holds each for two
HARD = dict(num_train=2000, num_val=1000, noise=10.0, distractors=1)


def get_config(arg=''):
  arg = common.parse_arg(arg, frames=FRAMES, table='', smoke=False)
  c = quickstart.get_config()
  c.compare, c.model.num_frames = {}, arg.frames
  hold = max(arg.frames // FRAMES, 1)
  c.clip.stride = hold * FRAMES // arg.frames
  c.data.format = 'graded_digits'
  c.data.root = f'runs/graded-digits-{hold}'
  c.data.options = HARD | dict(hold=hold)
  return miniature.shrink(c) if arg.smoke else c


def sweep(arg=''):
  table = common.parse_arg(arg, frames=FRAMES, table='', smoke=False).table
  rows = common.choose(graded_tables.TABLES, table or 'operators', 'table')
  yield from rows(lambda **more: get_config(_join(arg, more)))


def _join(arg, more):
  """The argument with more of its keys."""
  pairs = [f'{key}={value}' for key, value in more.items()]
  return ','.join(filter(None, [arg, *pairs]))
