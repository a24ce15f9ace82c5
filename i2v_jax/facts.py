"""What is known of a trained model, as JSON: measured, or left out.

An export keeps its facts in `facts.json`, an adapter file in its metadata.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import i2v_jax
from i2v_jax import adapter_file, experiment, video
from i2v_jax import params as params_lib
from i2v_jax.data.spec import ClipSpec

FILE = 'facts.json'


def of(trained) -> dict[str, Any]:
  """Facts of a `trained.Trained`; what is not known is not in them.

  `adapter`, `temporal_operator`, `backbone`, `num_frames`, `classes`,
  `preprocessing`, `evaluations`; where the run is known also `data`,
  `trainable`, `trained_parameters`, `parameters`, `step` and `base`: `weights`
  and, of those that stayed frozen, `sha256`.
  """
  known = read(trained.path)
  found = _model(trained)
  found |= _run(trained) if experiment.base(trained.config) else known
  found['evaluations'] = evaluations(
    trained.folder, trained.identity, known.get('evaluations', [])
  )
  return found | {'i2v_jax': i2v_jax.__version__}


def preprocessing(
  config: Mapping[str, Any], class_names: Sequence[str]
) -> dict[str, Any]:
  """How pixels reach the model: `normalization` and `clip`, a `ClipSpec`."""
  name = config['data']['normalization']
  mean, std = video.NORMALIZATION[name]
  return {
    'normalization': {'name': name, 'mean': list(mean), 'std': list(std)},
    'clip': dataclasses.asdict(_spec(config, class_names)),
  }


def _spec(config, class_names) -> ClipSpec:
  try:
    return experiment.clip_spec(config, class_names)
  except ValueError:  # trained by an older version, which exchanged no labels
    return experiment.clip_spec(config)


def evaluations(
  folder: pathlib.Path, identity: Mapping, known: list
) -> list[dict[str, Any]]:
  """Reports of `i2v eval` in a folder on weights of this identity.

  Args:
    folder: with `eval*/report.json`.
    identity: what a report must say of its weights.
    known: older reports; one of the same views and videos is replaced.
  """
  found = list(known)
  for path in sorted(folder.glob('eval*/report.json')):
    report = json.loads(path.read_text())
    if all(report.get(key) == value for key, value in identity.items()):
      found.append(report)
  keys = ('split_sha256', 'views', 'frames', 'short_side')
  same = {tuple(report[key] for key in keys): report for report in found}
  return list(same.values())


def read(path) -> dict[str, Any]:
  """The facts beside an export or in an adapter file; `{}` if there are none.

  Args:
    path: folder, or adapter file.
  """
  if file := adapter_file.find(path):
    return adapter_file.metadata(file)
  file = pathlib.Path(path) / FILE
  return json.loads(file.read_text()) if file.is_file() else {}


def write(folder, facts: Mapping[str, Any]) -> None:
  """Writes `facts.json`."""
  (pathlib.Path(folder) / FILE).write_text(json.dumps(facts, indent=2) + '\n')


def is_local(weights: str) -> bool:
  """Whether a config's `weights` are a path, which nobody else has."""
  return not (weights == 'random' or weights.startswith(('hf:', 'builtin:')))


def _model(trained) -> dict[str, Any]:
  config, model = trained.config, trained.model
  operator = getattr(model, 'temporal_operator', None)
  return {
    'adapter': experiment.plain(model.adapter),
    'temporal_operator': experiment.plain(operator),
    'backbone': experiment.plain(config['model']['backbone']),
    'num_frames': model.num_frames,
    'classes': len(trained.class_names),
    'preprocessing': preprocessing(config, trained.class_names),
  }


def _run(trained) -> dict[str, Any]:
  """What only a model with its frozen weights and its adapters can tell."""
  config, params = trained.config, trained.params
  _, base = adapter_file.split(params, config['trainable'])
  weights = experiment.base(config)
  name = pathlib.Path(weights).name if is_local(weights) else weights
  found = {
    'data': config['data']['format'],
    'trainable': list(config['trainable']),
    'trained_parameters': experiment.count_trained(config, params),
    'parameters': params_lib.count(params),
    'base': {'weights': name},
  }
  if base:
    found['base']['sha256'] = params_lib.sha256(base)
  if 'step' in trained.identity:
    found['step'] = trained.identity['step']
  return found
