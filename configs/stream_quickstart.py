r"""Moving digits for a live stream: the quickstart with heads that look back.

python -m i2v_jax.main --config configs/stream_quickstart.py \
  --workdir runs/stream

Needs nothing, as configs/quickstart.py does. Half of the heads look at the
frame before, none at the one after, so the trained model can read a video
frame by frame (docs/streaming.md). `:age=8` for up to 8 frames before every
training clip, in these videos the first frame, standing.
"""

from configs import common, miniature, quickstart


def get_config(arg=''):
  arg = common.parse_arg(arg, age=0, smoke=False)
  c = quickstart.get_config()
  c.compare = {}
  c.model.adapter.offsets = (-1, -1)
  c.clip.age = arg.age
  return miniature.shrink(c) if arg.smoke else c
