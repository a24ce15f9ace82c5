"""The claim of a run on its work directory, and whether another resumes it."""

import copy
from collections.abc import Mapping
from typing import Any

import flax
import jax
from clu import parameter_overview

from i2v_jax import weights
from i2v_jax.data.sets import sources
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment

# Places and intervals, which do not change what is trained.
MAY_CHANGE = (
  'cell.',
  'cache_gb',
  'checkpoint_every',
  'data.clip_seconds',
  'data.fps',
  'data.manifest',
  'data.root',
  'data.weights_normalization',
  'eval_every',
  'loader.',
  'log_every',
  'mesh.',
  'needs',
  'report_step',
  'reported',
  'start_from',
  'views.',
  'weights',
)
# Keys that `--extend` may change as well: length, learning rate, batches.
EXTENDABLE = (
  'accumulate',
  'batch_size',
  'epochs',
  'optimizer.lr',
  'optimizer.lr_end',
  'optimizer.schedule',
  'optimizer.warmup_epochs',
  'optimizer.warmup_from',
  'steps',
)
# Keys younger than some stored configs -> the behaviour before they existed.
ADDED = {
  'cache_gb': 0.0,
  'class_weights': 'none',
  'clip.age': 0,
  'clip.box_extend': [0.0, 0.0],
  'clip.box_jitter': [],
  'clip.hsv_jitter': [],
  'clips_per_video': 0,
  'data.background': 0.0,
  'data.balanced': False,
  'data.fps': 30.0,
  'data.share': 1.0,
  'data.shots': 0,
  'data.weights_normalization': '',
  'drop_patches': 0.0,
  'effective_beta': 0.999,
  'logit_adjustment': 0.0,
  'mesh.frozen': 'replicated',
  'mesh.model': 1,
  'mesh.trained': 'replicated',
  'model.detection': None,
  'optimizer.layer_decay': 1.0,
  'optimizer.lr_end': 0.0,
  'optimizer.skip_norm': 0.0,
  'report_step': 'last',
  'task': 'single',
  'views.evaluator': 'videomae',
  'views.frame': 'padded',
  'weights_which': weights.OLDER,
}


def claim(run) -> None:
  """Writes config, class names and parameter shapes of a run."""
  if jax.process_index() > 0:
    return
  config = experiment.to_plain(run.config)
  files.write_json(run.workdir / 'config.json', config)
  names = run.train.split.class_names
  sources.write_class_names(run.workdir / 'classes.json', names)
  text = parameter_overview.get_parameter_overview(
    run.params, include_stats=False
  )
  files.write(run.workdir / 'parameters.txt', text + '\n')


def check_same_config(
  old: Mapping, new: Mapping, workdir, extend: bool = False
) -> dict[str, list]:
  """Checks that a config resumes, or with `extend` extends, an earlier run.

  Args:
    old: config of the run in the workdir, perhaps of an older version.
    new: config that is to resume it.
    workdir: named in the error.
    extend: allow the keys of `EXTENDABLE` to change.

  Returns:
    The keys of `EXTENDABLE` that change: `{key: [old, new]}`.

  Raises:
    UserError: the two would not train the same; names the key.
  """
  old, new = flatten(complete_config(old)), flatten(new)
  changes = {}
  for key in sorted(old.keys() | new.keys()):
    if old.get(key) == new.get(key) or key.startswith(MAY_CHANGE):
      continue
    changes[key] = [old.get(key), new.get(key)]
    if not (extend and key in EXTENDABLE):
      way = 'use the same config to resume it, '
      if key in EXTENDABLE:
        way += '--extend to continue it with the new value, '
      raise UserError(
        f'{workdir} holds a run with {key} = {old.get(key)!r}, now it is '
        f'{new.get(key)!r}; {way}or another --workdir.'
      )
  return changes


def complete_config(config: Mapping) -> dict[str, Any]:
  """Adds the keys to a stored config that are younger than it (`ADDED`)."""
  config = copy.deepcopy(dict(config))
  for path, value in ADDED.items():
    *above, key = path.split('.')
    node = config
    for name in above:
      node = node.setdefault(name, {})
    node.setdefault(key, value)
  return config


def flatten(config: Mapping) -> dict[str, Any]:
  return flax.traverse_util.flatten_dict(config, sep='.')
