r"""Moving digits, three at once: the motion of each box, by a frozen ViT.

python -m i2v_jax.main --config configs/detection_quickstart.py \
  --workdir runs/detection

Needs nothing, as configs/quickstart.py does. Three digits move at once, each in
its own way, and a box may have two classes, so that only the tokens inside it,
at several times, tell what it does. Trains a linear probe, linear adapters and
ZeroI2V, which is those adapters with relocated heads, merges it, and ends with
a table of mAP.
  configs/detection_quickstart.py:boxes=proposals
tests on boxes as a detector may find them: inexact, and some of them false.
Every method on a ViT but EVL and probes, which read complete frames:
i2v compare --config configs/detection_quickstart.py
"""

from configs import common, comparison, miniature, quickstart

PROPOSALS = {'annotated': {}, 'proposals': {'proposals': 'val_proposals.csv'}}


COMPLETE = ('evl', 'attentive_probe', 'step_probe')  # what they read: frames


def get_config(arg=''):
  arg = common.parse_arg(arg, boxes='annotated', smoke=False)
  c = quickstart.moving_digits()
  c.model.backbone.image_size = c.clip.short_side = 64
  c.model.detection = dict(boxes=3)
  c.data.format, c.data.root = 'digit_boxes', 'runs/digit-boxes'
  chosen = common.choose(PROPOSALS, arg.boxes, 'boxes')
  c.data.options = dict(num_train=1600, num_val=200, min_score=0.2) | chosen
  c.clip.sampling = 'key_frame'
  c.clip.box_jitter = (0.2, 0.1, 0.1, 0.05)
  c.batch_size, c.steps, c.optimizer.lr = 16, 500, 4e-3
  return smoke(c) if arg.smoke else c


def smoke(c):
  boxes = dict(c.data.options)
  c = miniature.shrink(c)
  c.data.format, c.data.root = 'digit_boxes', 'runs/smoke-digit-boxes'
  c.data.options = {
    k: boxes[k] for k in ('min_score', 'proposals') if k in boxes
  }
  c.model.backbone.image_size = c.clip.short_side = 64
  return c


def sweep(arg=''):
  """The methods of the comparison that read boxes."""
  for name, c in comparison.rows(lambda: get_config(arg)):
    method = (c.model.adapter or {}).get('name')
    if method not in COMPLETE and 'Swin' not in name:
      yield name, c
