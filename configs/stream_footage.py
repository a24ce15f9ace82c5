r"""Footage of moving digits for a live stream: one digit, which moves or not.

python -m i2v_jax.main --config configs/stream_footage.py --workdir runs/live

Needs nothing. As configs/stream_quickstart.py, but these videos are long: up to
8 frames before each training clip are seen as those of a stream would be
(`clip.age`); `:age=0` for none. `:root=FOLDER` takes the quickstart's clips one
after another, which benchmarks/clips_in_a_row.py writes. What age brings:
benchmarks/stream_age.py.
"""

from configs import common, miniature, stream_quickstart

DEFAULTS = dict(age=8, root='', smoke=False)


def get_config(arg=''):
  arg = common.parse_arg(arg, **DEFAULTS)
  c = stream_quickstart.get_config()
  c.clip.age = arg.age
  if arg.root:
    c.data.format, c.data.root, c.data.options = 'segments', arg.root, {}
    return c
  c.data.format, c.data.root = 'digit_footage', 'runs/digit-footage-one'
  c.data.options = dict(num_train=30, num_val=12, minutes=10.0, most=1)
  c.data.background = 1.0  # spans in which nothing moves
  c.steps = 900
  return smoke(c) if arg.smoke else c


def smoke(c):
  c = miniature.shrink(c)
  c.data.format, c.data.root = 'digit_footage', 'runs/smoke-footage-one'
  c.data.options = dict(num_train=2, num_val=2, minutes=1.0, most=1)
  return c
