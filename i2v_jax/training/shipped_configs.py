"""Config files shipped with the package, and how any config file uses them.

`configs/` is at the top of the repository and, once installed, in the package:
another distribution may have a `configs` of its own, so ours takes that name
only while a config file is loaded.
"""

import contextlib
import importlib
import importlib.util
import os
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, PathFinder

from i2v_jax.runtime.errors import UserError

NAME = 'configs'
_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def find_configs() -> pathlib.Path:
  """Finds the configs of the installed package, or of the repository."""
  inside = _PACKAGE / NAME
  return inside if inside.is_dir() else _PACKAGE.parent / NAME


def split_argument(config: str) -> tuple[str, str]:
  """Splits `FILE[:ARG]` into file and argument; drives have a colon too."""
  drive, rest = os.path.splitdrive(config)
  path, _, arg = rest.partition(':')
  return drive + path, arg


def find_config(path: str) -> str:
  """Finds a config file, or the shipped one of that name.

  Args:
    path: such as `configs/quickstart.py`.

  Raises:
    UserError: there is neither, or it is not a Python file.
  """
  if path.endswith('.py'):
    if os.path.isfile(path):
      return path
    inside = find_configs().parent / path
    if pathlib.PurePath(path).parts[0] == NAME and inside.is_file():
      return str(inside)
    raise UserError(
      f'There is no {path}, nor is such a config shipped; give --config '
      'FILE.py[:ARG].'
    )
  raise UserError(f'{path} is not a Python file; give --config FILE.py[:ARG].')


@contextlib.contextmanager
def load_module(path: str) -> Iterator[types.ModuleType]:
  """Loads the module in a config file; use it before the context ends.

  Args:
    path: of the file, as `find_config` returns it.
  """
  spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
  module = importlib.util.module_from_spec(spec)
  with _importable(path):
    spec.loader.exec_module(module)
    yield module


def find_get_config(module: types.ModuleType) -> Callable:
  """Finds `get_config` of a config file; raises UserError without it."""
  if not hasattr(module, 'get_config'):
    raise UserError('there is no get_config(); add one, or name another file.')
  return module.get_config


@contextlib.contextmanager
def _importable(path: str) -> Iterator[None]:
  """Lets a config file import its neighbours, and `configs` anywhere.

  Its own `configs` folder comes first, then ours. Shipped files see only each
  other: a folder of that name in a project does not change what they are.
  """
  file, before, hidden = pathlib.Path(path).resolve(), sys.path[:], _take()
  try:
    _import_shipped()
    if not file.is_relative_to(find_configs().resolve()):
      near = [str(file.parent.parent), str(file.parent)]
      sys.path += [*near, os.getcwd()]
      _put_first(near)
    yield
  finally:
    sys.path[:] = before
    _take()
    sys.modules.update(hidden)


def _take() -> dict[str, types.ModuleType]:
  """Removes `configs` and its submodules from the loaded modules."""
  names = [n for n in sys.modules if n == NAME or n.startswith(f'{NAME}.')]
  return {name: sys.modules.pop(name) for name in names}


def _import_shipped() -> None:
  """Imports all shipped files, while nothing else is called `configs`."""
  _new_package(ModuleSpec(NAME, None, is_package=True), [str(find_configs())])
  for path in sorted(find_configs().rglob('*.py')):
    parts = path.relative_to(find_configs()).with_suffix('').parts
    importlib.import_module('.'.join((NAME, *parts)))


def _new_package(spec: ModuleSpec, paths: list[str]) -> types.ModuleType:
  module = importlib.util.module_from_spec(spec)
  module.__path__ = paths
  sys.modules[NAME] = module
  return module


def _put_first(near: list[str]) -> None:
  """Lets the `configs` of these folders hide shipped files of equal names."""
  own, others = PathFinder.find_spec(NAME, near), PathFinder.find_spec(NAME)
  regular = own is not None and own.origin is not None
  paths = [*_paths(own), str(find_configs()), *_paths(others)]
  shipped = _take()
  package = _new_package(own if regular else shipped.pop(NAME).__spec__, paths)
  for name, module in shipped.items():
    child = name.removeprefix(f'{NAME}.').partition('.')[0]
    if name != NAME and not PathFinder.find_spec(
      f'{NAME}.{child}', _paths(own)
    ):
      sys.modules[name] = module
      setattr(package, child, shipped[f'{NAME}.{child}'])
  if regular:
    own.loader.exec_module(package)


def _paths(spec: ModuleSpec | None) -> list[str]:
  return list((spec and spec.submodule_search_locations) or ())
