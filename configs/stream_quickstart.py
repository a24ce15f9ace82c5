r"""Moving digits for a live stream: the quickstart with heads that look back.

python -m i2v_jax.main --config configs/stream_quickstart.py \
  --workdir runs/stream

Needs nothing, as configs/quickstart.py does. Half of the heads look at the
frame before, none at the one after, so the trained model can read a video
frame by frame (docs/streaming.md). These videos are no longer than a clip, so
none has frames before it, as `clip.age` of configs/stream_folder.py reads them.
"""

from configs import common, miniature, quickstart


def get_config(arg=''):
  arg = common.parse_arg(arg, smoke=False)
  c = quickstart.moving_digits()
  c.compare = {}
  c.model.adapter.offsets = (-1, -1)
  return miniature.shrink(c) if arg.smoke else c
