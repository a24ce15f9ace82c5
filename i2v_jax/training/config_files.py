"""Loads configs and sweeps from a file, with overrides.

`get_config(arg)` returns one config, `sweep(arg)` yields `(name, config)`s.
"""

import ast
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from i2v_jax.runtime.errors import UserError, suggest
from i2v_jax.training import experiment, optional_keys, shipped_configs
from i2v_jax.training.sweeps.folders import name_folder


@dataclasses.dataclass(frozen=True)
class Variant:
  """One config of a sweep: its name, and plain values."""

  name: str
  config: Mapping[str, Any]

  @property
  def folder(self) -> str:
    """The name as a valid folder name on any system."""
    return name_folder(self.name)


def load_variants(
  config: str, settings: Sequence[str] = (), only: Sequence[str] = ()
) -> list[Variant]:
  """Loads the variants of a config file, with overrides.

  Args:
    config: `FILE[:ARG]`; `sweep(ARG)` of the file yields `(name, config)`.
    settings: `KEY=VALUE` for every variant; KEY is an existing dotted key,
      VALUE a Python literal or else text.
    only: names of the variants to keep; empty keeps all.

  Raises:
    UserError: there is no such sweep, name or key, or a name comes twice.
  """
  path, arg = shipped_configs.split_argument(config)
  pairs = _load_pairs(path, arg)
  _check_names([name for name, _ in pairs], path)
  for name in only:
    if name not in dict(pairs):
      known = [name for name, _ in pairs]
      near = suggest(name, known) or '.'
      raise UserError(
        f'{path} has no variant {name!r}; it has {", ".join(known)}{near}'
      )
  pairs = [(name, c) for name, c in pairs if not only or name in only]
  for name, values in pairs:
    for setting in settings:
      _set(values, f'Variant {name!r}', setting)
  return [Variant(name, experiment.to_plain(values)) for name, values in pairs]


def load_config(config: str, settings: Sequence[str] = ()) -> dict[str, Any]:
  """Loads the config of a file, with overrides, as plain values.

  Args:
    config: `FILE[:ARG]`; `get_config(ARG)` of the file returns it.
    settings: as in `load_variants`.

  Raises:
    UserError: there is no such file or key.
  """
  path, arg = shipped_configs.split_argument(config)

  def read(module):
    found = shipped_configs.find_get_config(module)(arg)
    return _copy(found, 'get_config() returns')

  values = _call(path, read)
  for setting in settings:
    _set(values, path, setting)
  return experiment.to_plain(values)


def _call(path: str, use: Callable):
  """Calls `use` on the module in a config file."""
  file = shipped_configs.find_config(path)
  try:
    with shipped_configs.load_module(file) as module:
      return use(module)
  except Exception as error:
    raise UserError(f'{path}: {error}') from error


def _copy(config: Mapping, what: str) -> ConfigDict:
  if not isinstance(config, Mapping | ConfigDict):
    raise UserError(f'{what} {type(config).__name__}, not a ConfigDict.')
  return ConfigDict(config).copy_and_resolve_references()


def _load_pairs(path: str, arg: str) -> list[tuple[str, ConfigDict]]:
  def sweep(module):
    # A generator may change the config later that it has yielded.
    found = getattr(module, 'sweep', lambda arg: ())(arg)
    return [(name, _copy(config, 'sweep() yields')) for name, config in found]

  pairs = _call(path, sweep)
  if not pairs:
    raise UserError(
      f'{path} has no sweep(arg) that yields (name, config) pairs; add one, or '
      'train its config with python -m i2v_jax.main.'
    )
  return pairs


def _check_names(names: Sequence[str], path: str) -> None:
  seen = {}
  for name in names:
    folder = Variant(name, {}).folder.lower()
    if not folder:
      raise UserError(f'{path} names a variant {name!r}; use letters.')
    if folder in seen:
      raise UserError(
        f'{path} yields {seen[folder]!r} and {name!r}, which would share a '
        'folder; give them different names.'
      )
    seen[folder] = name


def _set(config: ConfigDict, name: str, setting: str) -> None:
  """Applies one override, `KEY=VALUE`, to the config of that name."""
  key, value = parse_setting(setting)
  optional_keys.add_keys(config, [key])
  known = list(_list_keys(config))
  if key not in known:
    near = suggest(key, known, 0.0)
    raise UserError(f'{name} has no config key {key!r}{near}')
  *parents, last = key.split('.')
  node = config
  for parent in parents:
    node = node[parent]
  old = node[last]
  if isinstance(old, str) and not isinstance(value, str):
    value = setting.partition('=')[2]  # a folder may be called 2024
  if isinstance(old, int) and isinstance(value, float) and value.is_integer():
    value = int(value)  # 64.0
  if isinstance(old, ConfigDict) and not isinstance(value, Mapping | None):
    such_as = f', such as {key}.{next(iter(old))}' if old else ''
    raise UserError(
      f'--set {key} takes a mapping; set one of its keys{such_as}.'
    )
  try:
    node[last] = value
  except TypeError as error:
    raise UserError(
      f'--set {key} takes a value such as {old!r}, not {value!r}.'
    ) from error


def parse_setting(text: str) -> tuple[str, Any]:
  """Parses `KEY=VALUE`; the value is a Python literal, or else text."""
  key, equals, value = text.partition('=')
  if not equals:
    raise UserError(f'--set takes KEY=VALUE, not {text!r}.')
  try:
    return key, ast.literal_eval(value)
  except (ValueError, SyntaxError):
    return key, value


def _list_keys(config: ConfigDict, prefix: str = '') -> Iterator[str]:
  for key, value in config.items():
    yield prefix + key
    if isinstance(value, ConfigDict):
      yield from _list_keys(value, f'{prefix}{key}.')
