r"""ZeroI2V on Something-Something V2: top-1 67.7 with B/16, 8 frames.

python -m i2v_jax.main --config configs/zeroi2v_ssv2.py --workdir runs/ssv2
  configs/zeroi2v_ssv2.py:variant=L/14,frames=32,preset=release
  configs/zeroi2v_ssv2.py:family=imagenet21k
  configs/zeroi2v_ssv2.py:variant=Swin-B
  configs/zeroi2v_ssv2.py:variant=Swin-B,method=full
  configs/zeroi2v_ssv2.py:smoke

The paper reports (B/16 | L/14): 8 frames 67.7 | 70.1, 16 frames 69.4 | 71.4,
32 frames 70.1 | 72.2; on the B/16 of ImageNet-21K, 8 frames 65.3. CLIP B/16
with 8 frames has six adapters per block, the others four. A mirrored clip gets
the label that names the other side.

Swin-B takes 32 frames, as 16 steps, and reaches 67.8; with all of it trained by
VideoSwin's recipe (`method=full`) 70.0. `bias=shared` has one table of relative
positions for all frames, in place of the authors' table for each.
"""

from configs import common, datasets, methods, miniature

REPORTED = {
  'clip': {
    'B/16': {8: 67.7, 16: 69.4, 32: 70.1},
    'L/14': {8: 70.1, 16: 71.4, 32: 72.2},
  },
  'imagenet21k': {'B/16': {8: 65.3}},
}
SWIN = {'zeroi2v': 67.8, 'full': 70.0}


def get_config(arg=''):
  arg = common.parse_arg(
    arg,
    variant='B/16',
    frames=0,
    family='clip',
    preset='paper',
    method='zeroi2v',
    bias='',
    smoke=False,
  )
  common.choose_frames(arg)
  if arg.variant.startswith('Swin-'):
    return on_swin(arg)
  c, known = common.base(), common.choose(REPORTED, arg.family, 'family')
  common.backbone(c, arg.variant, arg.frames, arg.family)
  on = '_in21k' if arg.family == 'imagenet21k' else ''
  methods.zeroi2v(c, f'ssv2_{arg.variant[0]}_{arg.frames}f_{arg.preset}{on}')
  common.choose({'zeroi2v': None}, arg.method, 'method (of a ViT)')
  common.choose({'': None}, arg.bias, 'bias (of a ViT, which has none)')
  recipe(c)
  c.reported = known[arg.variant].get(arg.frames, 0.0)
  return miniature.shrink(c) if arg.smoke else c


def recipe(c):
  datasets.something_v2(c)
  c.clip.flip_labels = True
  c.clip.randaugment = 'after_crop'
  c.clip.erasing = 0.25
  c.views.crops = 3
  c.label_smoothing = 0.1
  c.epochs = 50.0


def on_swin(arg):
  c, reported = common.base(), common.choose(SWIN, arg.method, 'method')
  common.choose({'paper': None}, arg.preset, 'preset (of Swin)')
  common.backbone(c, arg.variant, arg.frames, arg.family)
  c.model.backbone.tubelet = 2
  recipe(c)
  bias = arg.bias or 'per_frame'
  if arg.method == 'full':
    methods.zeroi2v_swin_full(c, bias)
    c.epochs = 60.0
  else:
    methods.zeroi2v_swin(c, bias, scale=1.0)
  is_reported = (arg.variant, arg.frames) == ('Swin-B', 32)
  c.reported = reported if is_reported else 0.0
  return miniature.shrink(c) if arg.smoke else c


def ablation(arg=''):
  """Where the ablations of the paper begin: 4 linear adapters, 2 heads."""
  common.parse_arg(arg, smoke=False)  # the paper's numbers are for no other
  c = get_config(arg)
  methods.linear(c)
  c.model.temporal_operator = methods.STDHA
  return c
