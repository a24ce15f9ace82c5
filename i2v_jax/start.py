"""Begins training where another model ended: a warm start."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from i2v_jax import adapters, video, writers
from i2v_jax import params as params_lib
from i2v_jax.data import sources
from i2v_jax.weights import native

FILES = ('model.safetensors', 'config.json', 'classes.json')

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
  if not all((folder / name).is_file() for name in FILES):
    raise FileNotFoundError(
      f'start_from={folder} is no export that holds {", ".join(FILES)}; write '
      'one with `i2v export --format full` or `i2v weights convert --config`.'
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
  found, wanted = _function(theirs), _function(ours)
  for name in sorted(found.keys() | wanted.keys()):
    if found.get(name) != wanted.get(name):
      raise ValueError(
        f'{folder} has model.{name} {found.get(name)!r}, this config has '
        f'{wanted.get(name)!r}; give both the same.'
      )


def _function(model) -> dict[str, Any]:
  """What the function of a classifier depends on beside its parameters."""
  found = {f'backbone.{k}': v for k, v in native.describe(model.vit).items()}
  del found['backbone.image_size']  # positions tell it
  found['mean_first'] = getattr(model, 'mean_first', False)
  operator = getattr(model, 'temporal_operator', None) or {}
  found |= {f'temporal_operator.{k}': v for k, v in operator.items()}
  if spec := model.adapter:
    names = set(adapters.METHODS[spec['name']].options) - {*NO_MATTER}
    found |= {f'adapter.{k}': adapters.option(spec, k, None) for k in names}
    found['adapter.name'] = spec['name']
  return found
