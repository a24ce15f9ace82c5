"""Trained models on disk, and the weights with which training begins.

A config may start from a trained model, and a workdir or an adapter file needs
the weights that its config names: each part needs the other.
"""

import logging
import pathlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax

from i2v_jax import weights
from i2v_jax.backbones.image_model import ImageModel
from i2v_jax.data.sets import sources
from i2v_jax.models import video
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import check_same_tree, join, sha256, split
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import MissingFileError, UserError
from i2v_jax.training import experiment, facts, warm_start
from i2v_jax.training.evaluation.calibration import (
  THRESHOLD,
  UNFITTED,
  Calibration,
)
from i2v_jax.training.fresh_params import init_params
from i2v_jax.training.workdir import checkpoint_files, claim
from i2v_jax.training.workdir.checkpoint_files import DRAWN, has_drawn
from i2v_jax.weights import adapter_file
from i2v_jax.weights.formats import native

_LOG = logging.getLogger(__name__)


class Stored(NamedTuple):
  """A trained model as read: the arguments of `trained.place_on_mesh`."""

  model: video.VideoClassifier
  params: Mapping
  config: Mapping[str, Any]
  class_names: tuple[str, ...]
  identity: Mapping[str, Any]
  path: pathlib.Path
  calibration: Calibration = UNFITTED


NEEDED = (  # keys of a stored config that a trained model needs
  'clip',
  'data.format',
  'data.normalization',
  'data.root',
  'dtype',
  'model.adapter',
  'model.backbone',
  'model.num_frames',
  'remat',
  'seed',
  'start_from',
  'trainable',
  'views.clips',
  'views.crops',
  'views.short_side',
  'weights',
)


def read_stored(path, weights: str = '', root: str = '') -> Stored:
  """Reads a trained model without placing it; raises as `trained.load`."""
  path = pathlib.Path(path).expanduser()
  if (path / 'model.safetensors').is_file():
    return _read_export(path, root)
  if (path / 'checkpoints').is_dir():
    return _read_workdir(path, weights, root)
  if file := adapter_file.find_file(path):
    return _read_adapter(file, weights, root)
  raise MissingFileError(
    f'{path} is neither the workdir of a run that has saved a checkpoint, nor '
    'an export, nor an adapter file; write one with `i2v export` or '
    '`i2v weights convert --config`.'
  )


def _read_export(path: pathlib.Path, root: str) -> Stored:
  files.check_finished(path)
  file = path / 'config.json'
  config = files.read_json(file)
  if 'model' not in config:
    raise UserError(
      f'{path} was exported for other programs; give a run, or an export of '
      '--format merged, full or adapter.'
    )
  config = _update_config(config, '', root, file)
  class_names = sources.read_class_names(path / 'classes.json')
  known = facts.check_names(path, class_names)
  model = experiment.build_model(config, len(class_names))
  file = path / 'model.safetensors'
  with ThreadPoolExecutor(1) as beside:  # the file is read while JAX traces
    reading = beside.submit(_read_and_hash, file)
    shapes = param_shapes(model)
  params, found = reading.result()
  check_same_tree(shapes, params, str(path))
  identity = {'weights_sha256': found}
  if known:
    facts.check_weights(file, known, identity['weights_sha256'])
  fitted = Calibration.from_json(known.get('calibration'))
  return Stored(model, params, config, class_names, identity, path, fitted)


def _read_and_hash(file: pathlib.Path) -> tuple[dict, str]:
  params = native.read(file)
  return params, sha256(params)


def _read_workdir(path: pathlib.Path, weights: str, root: str) -> Stored:
  # Orbax imports slowly, and an export needs none of it.
  from i2v_jax.training.workdir import checkpoint

  with checkpoint.Checkpoints(path) as checkpoints:
    step = checkpoints.newest()
    if step is None:
      raise MissingFileError(f'{path} holds no finished checkpoint.')
    saved = checkpoints.metadata(step)
    config = _update_config(saved['config'], weights, root, path)
    model = experiment.build_model(config, len(saved['class_names']))
    mine, frozen = split(param_shapes(model), config['trainable'])
    trees, (base, drawn) = {'params': mine}, adapter_file.split_drawn(frozen)
    if drawn and has_drawn(path, step):
      trees, frozen = trees | {DRAWN: drawn}, base
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    restored = checkpoints.restore(step, trees, place)
    if frozen:
      frozen = _load_untrained(model, config, saved['class_names'], frozen)
    frozen = join(frozen, restored.get(DRAWN, {}))
    if frozen:
      _check_sha256(frozen, saved['frozen_sha256'], config, path)
  params = join(restored['params'], frozen)
  identity = {'step': step, 'frozen_sha256': saved['frozen_sha256']}
  names = tuple(saved['class_names'])
  fitted = _read_calibration(path, step, saved)
  return Stored(model, params, config, names, identity, path, fitted)


def _read_calibration(path, step: int, saved: Mapping[str, Any]) -> Calibration:
  """Reads what was fitted at the end of a run, or says that nothing was."""
  if found := checkpoint_files.read_calibration(path, step):
    return Calibration.from_json(found)
  if saved['config'].get('task') == 'multi':
    _LOG.warning(
      '%s has not ended, so nothing is fitted at step %s: the threshold of '
      'every class is %s',
      path,
      step,
      THRESHOLD,
    )
  learnt = ('segment_seconds', 'training_fps')
  return Calibration(**{key: saved.get(key, 0.0) for key in learnt})


def _read_adapter(file: pathlib.Path, weights: str, root: str) -> Stored:
  mine, saved = adapter_file.read_adapter(file)
  config = _update_config(saved['config'], weights, root, file)
  names = tuple(saved['class_names'])
  model = experiment.build_model(config, len(names))
  shapes = param_shapes(model)
  wanted, base = adapter_file.split_base(shapes, config['trainable'])
  check_same_tree(wanted, mine, str(file))
  base = _load_untrained(model, config, names, base)
  _check_sha256(base, saved['base']['sha256'], config, file)
  params = join(base, mine)
  check_same_tree(shapes, params, str(file))
  identity = {'weights_sha256': sha256(params)}
  facts.check_weights(file, saved, identity['weights_sha256'])
  fitted = Calibration.from_json(saved.get('calibration'))
  return Stored(model, params, config, names, identity, file, fitted)


def _update_config(stored: Mapping, weights: str, root: str, what) -> dict:
  """Adds younger keys to a stored config, and the places of its files now."""
  config = claim.complete_config(stored)
  files.check_keys(config, NEEDED, f'The config of {what}')
  key = 'start_from' if config['start_from'] else 'weights'
  config[key] = weights or config[key]
  config['data']['root'] = root or config['data']['root']
  return config


def _load_untrained(model, config, class_names, wanted: Mapping) -> dict:
  """Loads the parameters before training, for the paths in `wanted`."""
  pretrained = load_pretrained(config, model, class_names, settled=True)
  return init_params(model, pretrained, config['seed'], wanted)


def _check_sha256(frozen, wanted: str, config, path) -> None:
  found = sha256(frozen)
  if found != wanted:
    raise UserError(
      f'{path} was trained on other frozen weights than '
      f'{experiment.find_weights_source(config)!r} '
      f'holds now (sha256 {wanted[:12]}, found {found[:12]}); give the '
      'right ones as --weights.'
    )


def load_pretrained(
  config: Mapping[str, Any], model, class_names, settled: bool = False
) -> dict:
  """Loads the pretrained parts of a model's tree.

  From `start_from`, if the config has it, else from its `weights`.

  Args:
    config: of the experiment.
    model: its classifier.
    class_names: of its data.
    settled: whether the run has begun; its weights are not checked again.

  Raises:
    FileNotFoundError: they are missing; says what the config needs.
    UserError: they are for another model.
  """
  if config['start_from']:
    return load_start(config['start_from'], model, class_names)
  source, which = config['weights'], config['weights_which']
  try:
    parts = {'backbone': _load_backbone(config, model.image_model, settled)}
    width = model.projection
    if width and source != 'random':
      parts['projection'] = weights.load_projection(
        source, model.image_model, width, which
      )
  except FileNotFoundError as error:
    raise MissingFileError(experiment.explain_missing(error, config)) from error
  return parts


def load_start(path, model, class_names: Sequence[str]) -> dict:
  """Loads the parameters of a trained model for a model of the same kind.

  Args:
    path: workdir of a run, adapter file, or what `i2v export --format full` or
      `merged`, or `i2v weights convert --config`, wrote.
    model: the classifier to be trained.
    class_names: of its data.

  Returns:
    As `warm_start.take_params`.

  Raises:
    FileNotFoundError: there is no trained model.
    UserError: the model is of another kind; names what differs.
  """
  try:
    theirs = read_stored(path)
  except FileNotFoundError as error:
    raise MissingFileError(f'start_from={path}: {error}') from error
  return warm_start.take_params(theirs, path, model, class_names)


def _load_backbone(
  config: Mapping[str, Any], cfg: ImageModel, settled: bool
) -> dict:
  if config['weights'] == 'random':
    return weights.load_backbone('random', cfg, config['seed'])
  if settled:
    return weights.load_unchecked(config, cfg)
  params, report = weights.load_for_config(config, cfg)
  for line in (*report.taken_from, *report.reshaped):
    console.print(f'weights: {line}')
  for line in report.assumed:
    console.print(f'weights: assumed {line}, which no file says')
  return params
