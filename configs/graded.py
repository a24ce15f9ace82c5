r"""Graded motions: 20 orders of the same 16 frames, which tell methods apart.

python -m i2v_jax.main --config configs/graded.py --workdir runs/graded
i2v sweep --config configs/graded.py:table=operators --seeds 5 \
  --baseline 'relocation KV' --workdir runs/graded-operators

The model, its weights and optimiser are the quickstart's; the clips are made by
the first run. The bag of all frames tells nothing of the class, nor does one of
unknown time; one of a known time leaves two of the 20 classes at best. Tables:
operators, heads, fields, ranks, strategies, aim, dualpath, shares, probes. The
numbers of papers beside ours are those of their own tables, on other data.
"""

from configs import common, graded_tables, miniature, quickstart

# Of a clip: 32 hold each step for two frames; 8 take every second step, so that
# classes may then differ in the bag of their frames.
FRAMES = 16
HARD = dict(num_train=2000, num_val=1000, noise=10.0, distractors=1)


def get_config(arg=''):
  arg = _parse(arg)
  c = make(arg.frames)
  return miniature.shrink(c) if arg.smoke else c


def make(frames=FRAMES):
  c = quickstart.moving_digits()
  c.compare, c.model.num_frames = {}, frames
  c.batch_size, c.steps, c.optimizer.lr = 16, 600, 6e-3
  c.optimizer.b2 = 0.95  # at 0.999 half of the heads, relocated, learn nothing
  hold = max(frames // FRAMES, 1)
  c.clip.stride = 1 if frames == 1 else hold * FRAMES // frames
  c.data.format = 'graded_digits'
  c.data.root = f'runs/graded-digits-{hold}'
  c.data.options = HARD | dict(hold=hold)
  return c


def sweep(arg=''):
  arg = _parse(arg)
  rows = common.choose(graded_tables.TABLES, arg.table, 'table')
  for name, c in rows(lambda frames=arg.frames: make(frames)):
    yield name, shorten(c) if arg.smoke else c


def shorten(c):
  """Three steps on few clips, of the same model."""
  c.data.root += '-smoke'
  c.data.options.num_train, c.data.options.num_val = 160, 20
  c.batch_size, c.steps, c.log_every, c.reported = 8, 3, 1, 0.0
  return c


def _parse(arg):
  return common.parse_arg(arg, frames=FRAMES, table='operators', smoke=False)
