"""Options that may be set although a config does not list them."""

from collections.abc import Iterable

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def add_keys(config: ConfigDict, keys: Iterable[str]) -> None:
  """Adds keys of a config that are options of its parts, without a value.

  Args:
    config: an experiment, as `configs/` makes it.
    keys: dotted keys to set; all but options of model, image model, method and
      temporal operator are ignored.
  """
  if not (keys := {key for key in keys if key.startswith('model.')}):
    return
  known = _find_options(config)
  for key in keys & known.keys():
    node, name = known[key]
    if name not in node:
      node[name] = placeholder(object)


def _find_options(config: ConfigDict) -> dict[str, tuple[ConfigDict, str]]:
  """Maps dotted keys to the node they belong to and their name there."""
  # These load JAX, which few command lines need before the config is known.
  from i2v_jax import adapters
  from i2v_jax.adapters import operators
  from i2v_jax.backbones import image_model
  from i2v_jax.models.build import RANGES

  model = config.get('model')
  if not isinstance(model, ConfigDict):
    return {}
  parts = {'model': (model, RANGES)}
  tables = {
    'backbone': lambda spec: image_model.RANGES[image_model.find_class(spec)],
    'adapter': lambda spec: _of(adapters.METHODS, spec),
    'temporal_operator': lambda spec: _of(operators.OPERATORS, spec),
  }
  for part, table in tables.items():
    if isinstance(spec := model.get(part), ConfigDict):
      parts[f'model.{part}'] = spec, table(spec)
  return {
    f'{part}.{name}': (node, name)
    for part, (node, options) in parts.items()
    for name in options
  }


def _of(known, spec: ConfigDict):
  method = known.get(spec.get('name'))
  return method.options if method else ()
