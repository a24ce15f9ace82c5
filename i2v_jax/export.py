"""`i2v export`: merged weights, config and labels that stand on their own."""

import copy
import dataclasses
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax import adapters, experiment, video, writers
from i2v_jax.data import sources
from i2v_jax.trained import Trained
from i2v_jax.weights import native

TOLERANCE = 1e-3  # of a logit; a larger difference is not the same model


def merged(trained: Trained):
  """(model, params, max |logit difference|), both computed in float32.

  A model whose adapters cannot be merged comes back as it is.
  """
  if not adapters.can_merge(trained.model.adapter):
    return trained.model, trained.params, 0.0
  model, params = video.merge(trained.model, trained.params)
  before = _logits(trained.model, trained.params)
  difference = float(np.abs(_logits(model, params) - before).max())
  return model, params, difference


def export(trained: Trained, out) -> float:
  """Writes a folder that `predict` and `eval` take in place of a workdir.

  Args:
    trained: what `trained.load` returns.
    out: new folder: `model.safetensors` (float32), `config.json`,
      `classes.json`.

  Returns:
    The max |logit difference| of the merge, on two clips of noise.

  Raises:
    ValueError: the difference is above 1e-3, or `out` is the workdir of a run;
      nothing is written.
  """
  out = pathlib.Path(out)
  if (out / 'checkpoints').exists():
    raise ValueError(f'{out} is the workdir of a run; choose another --out.')
  model, params, difference = merged(trained)
  if not difference <= TOLERANCE:
    raise ValueError(
      f'Merging changes a logit by {difference:.2e}, more than {TOLERANCE}; '
      'nothing was exported.'
    )
  config = copy.deepcopy(experiment.plain(trained.config))
  config['model']['adapter'] = experiment.plain(model.adapter)
  config['weights'] = ''
  out.mkdir(parents=True, exist_ok=True)
  (out / 'config.json').write_text(json.dumps(config, indent=2) + '\n')
  sources.write_class_names(out / 'classes.json', trained.class_names)
  native.write(
    out / 'model.safetensors',
    jax.device_get(params),
    merge_max_diff=difference,
    trained_from=dict(trained.identity),
  )
  writers.console.print(f'{out}: {_outcome(trained.model, difference)}')
  return difference


def _outcome(model, difference: float) -> str:
  if not model.adapter:
    return 'no adapter to merge'
  name = model.adapter['name']
  if adapters.can_merge(model.adapter):
    return f'{name} merged, max |logit difference| {difference:.1e}'
  return f'{name} cannot be folded into the frozen weights and stays beside'


def _logits(model, params):
  """Logits of two clips of noise, as exactly as the machine can."""
  model = model.clone(vit=dataclasses.replace(model.vit, dtype=jnp.float32))
  rng = np.random.default_rng(0)
  noise = [rng.standard_normal(x.shape, 'f4') for x in video.example(model, 2)]
  with jax.default_matmul_precision('highest'):
    return np.asarray(jax.jit(model.apply)({'params': params}, *noise))
