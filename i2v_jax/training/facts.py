"""Facts of a trained model, as JSON: measured, or left out.

An export keeps its facts in `facts.json`, an adapter file in its metadata.
"""

import dataclasses
import logging
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import i2v_jax
from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.params import count, sha256
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation.calibration import UNFITTED
from i2v_jax.weights import adapter_file

_LOG = logging.getLogger(__name__)
FILE = 'facts.json'
# Keys of a report that identify it.
REPORT = ('split_sha256', 'views', 'frames', 'short_side')


def collect_facts(trained) -> dict[str, Any]:
  """Collects the known facts of a `trained.Trained`.

  `adapter`, `temporal_operator`, `backbone`, `num_frames`, `classes`, `task`,
  `preprocessing`, `evaluations`; `calibration` unless it says nothing; if the
  run is known also `data`, `trainable`, `trained_parameters`, `parameters`,
  `step` and `base`: `weights` and the `sha256` of the frozen ones.
  """
  known = read_facts(trained.path)
  knows_run = experiment.find_weights_source(trained.config)
  found = _model(trained) | (_run(trained) if knows_run else known)
  found['evaluations'] = collect_evaluations(
    trained.folder, trained.identity, known.get('evaluations', [])
  )
  return found | {'i2v_jax': i2v_jax.__version__}


def describe_preprocessing(
  config: Mapping[str, Any], class_names: Sequence[str]
) -> dict[str, Any]:
  """Describes the preprocessing: `normalization` and `clip`, a `ClipSpec`."""
  name = config['data']['normalization']
  mean, std = NORMALIZATION[name]
  return {
    'normalization': {'name': name, 'mean': list(mean), 'std': list(std)},
    'clip': dataclasses.asdict(_spec(config, class_names)),
  }


def _spec(config, class_names) -> ClipSpec:
  try:
    return experiment.make_clip_spec(config, class_names)
  except UserError:  # trained by an older version, which exchanged no labels
    return experiment.make_clip_spec(config)


def collect_evaluations(
  folder: pathlib.Path, identity: Mapping, known: list
) -> list[dict[str, Any]]:
  """Collects reports of `i2v eval` in a folder for weights of an identity.

  Args:
    folder: holds `eval*/report.json`.
    identity: identifies the weights in a report.
    known: older reports; one of the same views and videos is replaced.
  """
  found = list(known)
  for path in sorted(folder.glob('eval*/report.json')):
    report = files.read_json(path, REPORT)
    if all(report.get(key) == value for key, value in identity.items()):
      found.append(report)
  same = {tuple(report[key] for key in REPORT): report for report in found}
  return list(same.values())


def read_facts(path) -> dict[str, Any]:
  """Reads the facts of an export or adapter file; `{}` if it has none.

  Args:
    path: folder, or adapter file.

  Raises:
    UserError: they are damaged; names the file.
  """
  if file := adapter_file.find_file(path):
    return adapter_file.read_metadata(file)
  file = pathlib.Path(path) / FILE
  return files.read_json(file) if file.is_file() else {}


def write_facts(folder, facts: Mapping[str, Any]) -> None:
  """Writes `facts.json`."""
  files.write_json(pathlib.Path(folder) / FILE, facts)


def check_names(folder, class_names: Sequence[str]) -> dict[str, Any]:
  """Checks that an export has the class names it was written with.

  Returns:
    Its facts. Without `facts.json` they are empty, and a warning says that
    names and weights could not be checked.

  Raises:
    UserError: it has others; names the file.
  """
  known = read_facts(folder)
  if not known:
    has = 'an empty' if (pathlib.Path(folder) / FILE).exists() else 'no'
    text = '%s has %s %s: its weights could not be checked'
    _LOG.warning(text, folder, has, FILE)
  if list(class_names) != known.get('class_names', list(class_names)):
    raise UserError(
      f'{folder}/classes.json has other class names than {FILE}; '
      'write the export again.'
    )
  return known


def check_weights(file, known: Mapping[str, Any], sha256: str) -> None:
  """Raises UserError if weights have another sha256 than their facts say."""
  wanted = known.get('weights_sha256', '')
  if wanted != sha256:
    raise UserError(
      f'{file} does not hold the weights that were exported (sha256 '
      f'{sha256[:12]}, {FILE} or its metadata say {wanted[:12] or "nothing"}); '
      'write the export again.'
    )


def is_local(weights: str) -> bool:
  """Whether a config's `weights` are a path, which nobody else has."""
  return not (weights == 'random' or weights.startswith(('hf:', 'builtin:')))


def _model(trained) -> dict[str, Any]:
  config, model = trained.config, trained.model
  operator, fitted = model.temporal_operator, trained.calibration
  known = {} if fitted == UNFITTED else {'calibration': fitted.to_json()}
  return known | {
    'adapter': experiment.to_plain(model.adapter),
    'temporal_operator': experiment.to_plain(operator),
    'backbone': experiment.to_plain(config['model']['backbone']),
    'num_frames': model.num_frames,
    'classes': len(trained.class_names),
    'task': config['task'],
    'preprocessing': describe_preprocessing(config, trained.class_names),
  }


def _run(trained) -> dict[str, Any]:
  """Collects facts that need the frozen weights and the adapters."""
  config, params = trained.config, trained.params
  _, base = adapter_file.split_base(params, config['trainable'])
  weights = experiment.find_weights_source(config)
  name = pathlib.Path(weights).name if is_local(weights) else weights
  found = {
    'data': config['data']['format'],
    'trainable': list(config['trainable']),
    'trained_parameters': experiment.count_trained(config, params),
    'parameters': count(params),
    'base': {'weights': name},
  }
  if base:
    found['base']['sha256'] = sha256(base)
  if 'step' in trained.identity:
    found['step'] = trained.identity['step']
  return found
