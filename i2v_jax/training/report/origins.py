"""Where each key of a config has its value from."""

import os
import pathlib
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from i2v_jax.runtime.errors import UserError
from i2v_jax.training import shipped_configs


class Key(NamedTuple):
  """A key of a config, its value, and what it would be otherwise.

  `note` says why there is no value that it would be otherwise.
  """

  name: str
  value: Any
  before: Any
  note: str = ''


class Origins(NamedTuple):
  """The keys of a config by where their values are from.

  Attributes:
    file: the config file with its argument, '' if unknown.
    shipped: whether that is one of ours, so that its values are known.
    given: keys that the command line sets; before: of the file.
    other: keys that differ from the file without that.
    from_file: keys that the file sets to other values than the defaults of
      `configs/common.py`; before: the default.
    defaults: the others.
  """

  file: str
  shipped: bool
  given: list[Key]
  other: list[Key]
  from_file: list[Key]
  defaults: list[Key]


class Command(NamedTuple):
  """A config file with its argument, and the keys that a command sets."""

  file: str
  keys: tuple[str, ...]


def parse_command(text: str) -> Command:
  """Parses the command that started a training; '' if it names no config."""
  try:
    words = shlex.split(text)
  except ValueError:  # cut off
    words = text.split()
  file, keys = '', []
  for number, word in enumerate(words):
    flag, _, value = word.partition('=')
    flag = flag.lstrip('-') if flag.startswith('-') else ''
    value = value or ''.join(words[number + 1 : number + 2])
    if flag == 'config':
      file = value
    elif flag.startswith('config.'):
      keys.append(flag.removeprefix('config.'))
    elif flag == 'set':
      keys.append(value.partition('=')[0])
    elif flag in ('batch_size', 'batch-size'):
      keys.append('batch_size')
  return Command(file, tuple(keys))


def find_origins(config: Mapping[str, Any], command: str) -> Origins:
  """Finds where the values of a stored config are from.

  Only a config file that is shipped is run to see what it gives: one of the
  workdir's owner may be another by now, or not be meant to run here.

  Args:
    config: as stored.
    command: that started the run, '' if unknown.
  """
  file, keys = parse_command(command)
  # What is compared with a run is trained in runs of its own.
  here = flatten({k: v for k, v in config.items() if k != 'compare'})
  base = _load_base()
  of_file = _load_shipped(file)
  known = flatten(base if of_file is None else of_file)
  found = Origins(file, of_file is not None, [], [], [], [])
  defaults = flatten(base)
  for name, value in here.items():
    before = _find(known, name, value, 'not in the file')
    default = _find(defaults, name, value, 'not in the defaults')
    if any(name == key or name.startswith(f'{key}.') for key in keys):
      found.given.append(before if found.shipped else default)
    elif found.shipped and not _keeps(before):
      found.other.append(before)
    elif not _keeps(default):
      found.from_file.append(default)
    else:
      found.defaults.append(default)
  return found


def _find(config: Mapping[str, Any], name: str, value: Any, none: str) -> Key:
  """Finds what a key is in a flat config; names those below it instead."""
  below = [key for key in config if key.startswith(f'{name}.')]
  if below:
    words = sorted({key[len(name) + 1 :].partition('.')[0] for key in below})
    return Key(name, value, None, f'with {", ".join(words)}')
  if name not in config:
    return Key(name, value, None, none)
  return Key(name, value, config[name])


def _keeps(key: Key) -> bool:
  return not key.note and is_same(key.value, key.before)


def is_same(value: Any, before: Any) -> bool:
  """Whether a stored value is that of a file, whose paths may be relative."""
  if isinstance(value, str) and isinstance(before, str) and before:
    return value == before or value.endswith(f'{os.sep}{before}')
  return value == before


def flatten(config: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """Flattens a config to dotted keys; an empty mapping is a value."""
  found = {}
  for key, value in config.items():
    if hasattr(value, 'items') and len(value):
      found |= flatten(value, f'{prefix}{key}.')
    else:
      found[f'{prefix}{key}'] = _make_plain(value)
  return found


def _make_plain(value: Any) -> Any:
  if isinstance(value, list | tuple):
    return [_make_plain(part) for part in value]
  return {} if hasattr(value, 'items') else value


def _load_base() -> Mapping[str, Any]:
  path = shipped_configs.find_configs() / 'common.py'
  with shipped_configs.load_module(str(path)) as module:
    return module.base().copy_and_resolve_references()


def _load_shipped(config: str) -> Mapping[str, Any] | None:
  """Loads a shipped config by `FILE[:ARG]`; None if it is not ours."""
  path, argument = shipped_configs.split_argument(config)
  ours = shipped_configs.find_configs().resolve()
  try:
    file = pathlib.Path(shipped_configs.find_config(path)).resolve()
    if not file.is_relative_to(ours):
      return None
    with shipped_configs.load_module(str(file)) as module:
      made = shipped_configs.find_get_config(module)(argument)
      return made.copy_and_resolve_references()
  except UserError:  # it has gone, or is none of ours
    return None
  except Exception as error:  # of a file of an argument it had once
    if type(error).__name__ == 'ArgumentError':
      return None
    raise
