"""Begins training where another model ended: a warm start."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from i2v_jax import params as params_lib
from i2v_jax import video, writers
from i2v_jax.data import sources
from i2v_jax.weights import native

# Options that act while training only, and what shapes tell by themselves.
NO_MATTER = (
  'cls_std',
  'drop_path',
  'drop_path_axis',
  'dropout',
  'init_scheme',
  'rank',
)


def parts(folder, model, class_names: Sequence[str]) -> dict:
  """The parameters of an export, for a model of the same kind.

  Args:
    folder: what `i2v export --format full` or `merged`, or `i2v weights
      convert --config`, wrote.
    model: the classifier that is to be trained.
    class_names: of its data. With those of the export in another order, or
      others, its head is left out: it begins anew.

  Raises:
    FileNotFoundError: there is no export.
    ValueError: it is a model of another kind; names what differs.
  """
  folder = pathlib.Path(folder).expanduser()
  if not (folder / 'model.safetensors').is_file():
    raise FileNotFoundError(
      f'start_from={folder} holds no model.safetensors; write one with `i2v '
      'export --format full` or `i2v weights convert --config`.'
    )
  config = json.loads((folder / 'config.json').read_text())
  theirs = sources.read_class_names(folder / 'classes.json')
  check_same_kind(folder, video.build(config['model'], len(theirs)), model)
  params = native.read(folder / 'model.safetensors')
  if list(theirs) != list(class_names):
    del params['head']
    writers.console.print(
      f'{folder} has {len(theirs)} other classes: the head begins anew'
    )
  wanted = video.shapes(model)
  wanted = {part: wanted[part] for part in wanted if part in params}
  params_lib.check_same_tree(wanted, params, str(folder))
  return params


def check_same_kind(folder, theirs, ours) -> None:
  """Raises ValueError where the same parameters mean another function.

  Args:
    folder: names `theirs` in the error.
    theirs: a classifier.
    ours: the classifier of a config.
  """
  for field in ('adapter', 'temporal_operator'):
    found, wanted = _options(theirs, field), _options(ours, field)
    if found != wanted:
      raise ValueError(
        f'{folder} has model.{field} {found or None}, this config has '
        f'{wanted or None}; give both the same.'
      )


def _options(model, field: str) -> dict[str, Any]:
  """What the function of a method depends on."""
  spec: Mapping = getattr(model, field, None) or {}
  return {k: v for k, v in sorted(spec.items()) if k not in NO_MATTER}
