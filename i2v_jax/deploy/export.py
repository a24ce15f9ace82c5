"""`i2v export`: trained models in our own formats, for `predict` and `eval`."""

import copy
import dataclasses
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from i2v_jax import adapters
from i2v_jax.data.sets import sources
from i2v_jax.deploy.trained import Trained
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import clip_shapes
from i2v_jax.params import sha256
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.facts import collect_facts, read_facts, write_facts
from i2v_jax.weights import adapter_file
from i2v_jax.weights.formats import native

TOLERANCE = 1e-3  # of a logit; above it the merged model is a different one


def merge_trained(trained: Trained):
  """Merges adapters; returns `(model, params, max |logit difference|)`.

  The logits are computed in float32. A model whose adapters cannot be merged is
  returned unchanged.
  """
  if not adapters.can_merge(trained.model.adapter):
    return trained.model, trained.params, 0.0
  model, params = merge(trained.model, trained.params)
  before = _compute_logits(trained.model, trained.params)
  difference = float(np.abs(_compute_logits(model, params) - before).max())
  return model, params, difference


def merge_checked(trained: Trained):
  """As `merge_trained`; a UserError if a logit changes by more than 1e-3."""
  model, params, difference = merge_trained(trained)
  if not difference <= TOLERANCE:
    raise UserError(
      f'Merging changes a logit by {difference:.2e}, more than {TOLERANCE}; '
      'nothing was exported.'
    )
  return model, params, difference


def export_merged(trained: Trained, out) -> float:
  """Writes a merged model that `predict` and `eval` take in place of a workdir.

  Args:
    trained: model from `trained.load`.
    out: new folder: `model.safetensors` (float32), `config.json`,
      `classes.json`, `facts.json`.

  Returns:
    The max |logit difference| of the merge, on two clips of noise.

  Raises:
    UserError: the difference is above 1e-3, or `out` is the workdir of a run
      or holds another format; nothing is written.
  """
  out = choose_folder(out, 'merged')
  model, params, difference = merge_checked(trained)
  known = describe_export(trained, 'merged', params, difference)
  _write(out, dataclasses.replace(trained, model=model, params=params), known)
  console.print(f'{out}: {describe_merge(trained.model, difference)}')
  return difference


def export_full(trained: Trained, out) -> None:
  """Writes the model with separate adapters and frozen weights.

  Args:
    trained: model from `trained.load`.
    out: new folder, with the files of `export_merged`.

  Raises:
    UserError: it is merged already, or as in `export_merged`; nothing is
      written.
  """
  if 'adapters' in trained.config['trainable'] and (
    'adapters' not in trained.params
  ):
    raise UserError(
      f'{trained.path} is merged already; write --format full from the workdir '
      'of the run, or use --format merged.'
    )
  export_unmerged(trained, out, 'full')
  console.print(f'{out}: complete, nothing merged')


def export_unmerged(trained: Trained, out, format: str, **known) -> None:
  """Writes a model unchanged, as `full` or `merged`; raises as `export_merged`.

  `known` are further facts.
  """
  out = choose_folder(out, format)
  _write(out, trained, describe_export(trained, format, trained.params) | known)


def export_adapter(trained: Trained, out) -> None:
  """Writes the trained parameters, without the frozen image weights.

  Args:
    trained: model from `trained.load`, of a workdir or an adapter file.
    out: new folder, `adapter.safetensors` in it.

  Raises:
    UserError: the frozen weights are unknown or there are none, or as in
      `export_merged`; nothing is written.
  """
  config = _make_config(trained)
  weights = experiment.find_weights_source(config)
  if not weights:
    raise UserError(
      f'{trained.path} is an export and no longer names its image weights; '
      'write --format adapter from the workdir of the run.'
    )
  kept, base = adapter_file.split_base(trained.params, config['trainable'])
  if not base:
    raise UserError(
      f'{trained.path} has no frozen image weights, all of them were trained; '
      'use --format full.'
    )
  out = choose_folder(out, 'adapter')
  if config['start_from']:
    config['weights'] = ''
  known = describe_export(trained, 'adapter', trained.params)
  known |= {'config': config, 'class_names': list(trained.class_names)}
  file = out / adapter_file.FILE
  with files.explain_errors(file):
    out.mkdir(parents=True, exist_ok=True)
    native.write(file, jax.device_get(kept), **known)
  console.print(
    f'{file}: {file.stat().st_size / 1e6:.2f} MB on {weights}, sha256 '
    f'{known["base"]["sha256"][:12]}'
  )


def choose_folder(out, format: str) -> pathlib.Path:
  """Chooses the folder of an export, without creating it.

  Raises:
    UserError: it holds a run or an export in another format, or is a file.
  """
  out = pathlib.Path(out)
  if out.exists() and not out.is_dir():
    raise UserError(f'{out} is not a folder; choose another --out.')
  if (out / 'checkpoints').exists():
    raise UserError(f'{out} is the workdir of a run; choose another --out.')
  held = read_facts(out).get('format', '')
  if held != format and (held or (out / 'model.safetensors').exists()):
    raise UserError(
      f'{out} holds an export in another format; choose another --out.'
    )
  return out


def describe_export(
  trained: Trained, format: str, params, difference: float = 0.0
) -> dict:
  """Returns facts of an export; `difference` is that of the merge."""
  known = collect_facts(trained) | {
    'format': format,
    'weights_sha256': sha256(params),
    'class_names': list(trained.class_names),
  }
  return known | ({'merge_max_diff': difference} if difference else {})


def describe_merge(model, difference: float) -> str:
  """Describes in words what merging did to a model's adapters."""
  if not model.adapter:
    return 'no adapter to merge'
  name = model.adapter['name']
  if adapters.can_merge(model.adapter):
    return f'{name} merged, max |logit difference| {difference:.1e}'
  return f'{name} cannot be merged into the frozen weights and stays separate'


def _make_config(trained: Trained) -> dict:
  """Makes a config with all adapter options and without paths of the data."""
  config = copy.deepcopy(experiment.to_plain(trained.config))
  config['model']['adapter'] = experiment.to_plain(trained.model.adapter)
  return config | {'data': _remove_paths(config['data'])}


def _remove_paths(data: dict) -> dict:
  """Returns the `data` of a config without paths of the training machine."""
  name = lambda x: (
    os.path.basename(x) if isinstance(x, str) and os.path.isabs(x) else x
  )
  options = {key: name(x) for key, x in data['options'].items()}
  data = {key: name(x) for key, x in data.items()}
  return data | {'root': '', 'manifest': '', 'options': options}


def _write(out: pathlib.Path, trained: Trained, known: dict) -> None:
  config = _make_config(trained) | {'weights': '', 'start_from': ''}
  with files.replacing_folder(out) as new:
    files.write_json(new / 'config.json', config)
    sources.write_class_names(new / 'classes.json', trained.class_names)
    native.write(
      new / 'model.safetensors',
      jax.device_get(trained.params),
      merge_max_diff=known.get('merge_max_diff', 0.0),
      trained_from=dict(trained.identity),
    )
    write_facts(new, known)


def _compute_logits(model, params):
  """Computes logits of two clips of noise at the highest precision."""
  model = model.clone(
    image_model=dataclasses.replace(model.image_model, dtype=jnp.float32)
  )
  rng, side = np.random.default_rng(0), model.image_model.image_shape[0]
  noise = [rng.standard_normal(x.shape, 'f4') for x in clip_shapes(model, 2)]
  if model.num_boxes:
    noise[-1][:] = 0, 0, side - 1, side - 1
  with jax.default_matmul_precision('highest'):
    return np.asarray(jax.jit(model.apply)({'params': params}, *noise))
