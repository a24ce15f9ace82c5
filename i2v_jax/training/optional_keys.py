"""Options that a config need not list and may be given all the same."""

from collections.abc import Iterable

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def add_keys(config: ConfigDict, keys: Iterable[str]) -> None:
  """Adds keys that are options of the parts of a config, without a value.

  Args:
    config: an experiment, as `configs/` makes it.
    keys: that somebody wants to set. Others than options of model, image model,
      method and temporal operator are left out.
  """
  if not (keys := {key for key in keys if key.startswith('model.')}):
    return
  known = _find_options(config)
  for key in keys & known.keys():
    node, name = known[key]
    if name not in node:
      node[name] = placeholder(object)


def _find_options(config: ConfigDict) -> dict[str, tuple[ConfigDict, str]]:
  """Dotted key to the node it belongs to and the name it has there."""
  # Imports JAX, which few command lines need before the config is known.
  from i2v_jax import adapters
  from i2v_jax.adapters import operators
  from i2v_jax.backbones import vit_config
  from i2v_jax.models.build import RANGES

  model = config.get('model')
  if not isinstance(model, ConfigDict):
    return {}
  parts = {'model': (model, RANGES)}
  tables = {
    'backbone': lambda spec: vit_config.RANGES,
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
