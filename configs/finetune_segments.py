r"""Your own long videos: spans of files with labels, several at once.

python -m i2v_jax.main --config configs/finetune_segments.py \
  --config.data.root=FOOTAGE --workdir runs/mine

FOOTAGE/segments.csv has the columns file,start,end,label; a fifth of the files
is held out, or what its column `split` says. Each label is yes or no, several
may hold at once, and spans without any are shown as often as listed ones.
`:task=single` for one label at a time, with a class `background`; arguments of
`configs/finetune_folder.py` choose method, image model and frames.
"""

from configs import common, finetune_folder, miniature


def get_config(arg=''):
  arg = common.parse_arg(arg, **finetune_folder.DEFAULTS, task='multi')
  c = finetune_folder.make_config(arg)
  c.task = arg.task
  c.needs = 'segments.csv, with columns file,start,end,label'
  c.data.format = 'segments'
  c.data.background = 1.0
  c.clip.sampling, c.clip.stride = 'dense', 8  # 2 seconds at 30 per second
  c.views.crops = 1
  return smoke(c) if arg.smoke else c


def smoke(c):
  c = miniature.shrink(c)
  c.data.format, c.data.root = 'digit_footage', 'runs/smoke-footage'
  c.data.options = dict(num_train=2, num_val=2, minutes=1.0)
  return c
