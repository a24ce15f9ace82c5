"""Configs as an older version has stored them."""

from configs import common
from i2v_jax.training import experiment
from i2v_jax.training.workdir import claim

# Of the first version whose runs, exports and adapter files are to be read for
# good. Never add to it: a younger key belongs in `workdir.ADDED`.
KEYS = """
  accumulate batch_size checkpoint_every clip.crop_area clip.crop_aspect
  clip.erasing clip.erasing_mode clip.flip clip.flip_labels
  clip.grid_antialias clip.jitter clip.lighting clip.randaugment
  clip.randaugment_magnitude clip.randaugment_ops clip.release_quirks
  clip.sampling clip.scale_crop clip.short_side clip.stride clip.test_sampling
  cutmix data.clip_seconds data.format data.manifest data.max_bad_share
  data.normalization data.on_bad_video data.root data.train data.val dtype
  epochs eval_every label_smoothing loader.stall_seconds loader.threads
  loader.workers log_every mixup model.adapter model.backbone.family
  model.backbone.image_size model.backbone.variant model.dropout
  model.num_frames model.temporal_embedding model.temporal_operator needs
  optimizer.clip_norm optimizer.decay_biases optimizer.lr optimizer.momentum
  optimizer.name optimizer.schedule optimizer.warmup_epochs
  optimizer.warmup_from optimizer.weight_decay remat repeats reported seed
  start_from steps trainable views.clips views.crops views.short_side weights
"""


def younger() -> set[str]:
  """Keys that every config has now and none had then."""
  return claim.flatten(experiment.to_plain(common.base())).keys() - set(
    KEYS.split()
  )


def strip(config: dict) -> None:
  """Takes the younger keys out of a plain config, and what they leave empty."""
  for path in younger():
    *above, key = path.split('.')
    node = config
    for name in above:
      node = node[name]
    del node[key]
  if not config['mesh']:
    del config['mesh']
