r"""Your own clips, a folder per class: ZeroI2V on CLIP ViT-B/16.

python -m i2v_jax.main --config configs/finetune_folder.py \
  --config.data.root=CLIPS --workdir runs/mine

CLIPS/<class>/<clip>.mp4 is split 80 / 20 by itself; CLIPS/train/<class> and
CLIPS/val/<class> are taken as they are. `:variant=L/14,frames=16` for more,
`:method=linear_probe` or `:method=full` to compare.
"""

from configs import common


def get_config(arg=''):
  arg = common.parse_arg(
    arg, variant='B/16', frames=8, method='zeroi2v', smoke=False
  )
  c = common.base()
  common.backbone(c, arg.variant, arg.frames)
  methods = dict(
    zeroi2v=lambda c: common.zeroi2v(
      c, f'k400_{arg.variant[0]}_{arg.frames}f_paper'
    ),
    linear_probe=lambda c: None,
    full=common.full_finetuning,
  )
  common.choose(methods, arg.method, 'method')(c)
  c.needs = 'a folder of clips per class'
  c.clip.sampling = 'uniform'
  c.clip.flip_labels = True
  c.clip.randaugment = 'before_crop'
  c.data.on_bad_video = 'skip'
  c.views.crops = 3
  c.batch_size = 16
  c.accumulate = 2
  c.epochs = 20.0
  c.optimizer.schedule = 'step'
  c.checkpoint_every = c.eval_every = 200
  return common.smoke(c) if arg.smoke else c
