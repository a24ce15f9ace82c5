"""Config files that come with the package, and how any config file uses them.

`configs/` is at the top of the repository and, once installed, in the package:
another distribution may have a `configs` of its own, so ours takes that name
only while a config file is loaded.
"""

import contextlib
import importlib.util
import os
import pathlib
import sys
import types
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder

NAME = 'configs'
_PACKAGE = pathlib.Path(__file__).resolve().parent


def folder() -> pathlib.Path:
  """The configs of the installed package, or of the repository."""
  inside = _PACKAGE / NAME
  return inside if inside.is_dir() else _PACKAGE.parent / NAME


def split(config: str) -> tuple[str, str]:
  """The file and the argument of `FILE[:ARG]`; drives have a colon too."""
  drive, rest = os.path.splitdrive(config)
  path, _, arg = rest.partition(':')
  return drive + path, arg


def find(path: str) -> str:
  """A config file, or the shipped one of that name if there is none here.

  Args:
    path: such as `configs/quickstart.py`.

  Raises:
    ValueError: there is neither.
  """
  if path.endswith('.py'):
    if os.path.isfile(path):
      return path
    inside = folder().parent / path
    if pathlib.PurePath(path).parts[0] == NAME and inside.is_file():
      return str(inside)
  raise ValueError(f'{path} is no Python file; give --config FILE.py[:ARG].')


@contextlib.contextmanager
def loaded(path: str) -> Iterator[types.ModuleType]:
  """The module in a config file; use it before the context ends.

  Args:
    path: of the file, as `find` returns it.
  """
  spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
  module = importlib.util.module_from_spec(spec)
  with _importable(path):
    spec.loader.exec_module(module)
    yield module


@contextlib.contextmanager
def _importable(path: str) -> Iterator[None]:
  """Lets a config file import what is beside it, and `configs` anywhere.

  Its own `configs` folder comes first. Shipped files see only each other: a
  folder of that name in a project does not change what they are.
  """
  file = pathlib.Path(path).resolve()
  ours = file.is_relative_to(folder().resolve())
  places = [file.parent.parent, file.parent, pathlib.Path.cwd()]
  places = [] if ours else [str(place) for place in places]
  before, hidden = list(sys.path), _take_modules()
  try:
    _add_package(places)
    sys.path += places
    yield
  finally:
    sys.path[:] = before
    _take_modules()
    sys.modules.update(hidden)


def _take_modules() -> dict[str, types.ModuleType]:
  """Removes `configs` and what is below it from the modules in use."""
  names = [n for n in sys.modules if n == NAME or n.startswith(f'{NAME}.')]
  return {name: sys.modules.pop(name) for name in names}


def _add_package(places: Sequence[str]) -> None:
  """Makes `configs` of what the places have, then ours, then any other."""
  near = PathFinder.find_spec(NAME, places)
  regular = near is not None and near.origin is not None
  spec = near if regular else ModuleSpec(NAME, None, is_package=True)
  module = importlib.util.module_from_spec(spec)
  others = PathFinder.find_spec(NAME)
  paths = [p for s in (near, others) if s for p in _paths(s)]
  paths.insert(len(_paths(near)), str(folder()))
  module.__path__ = list(dict.fromkeys(paths))
  sys.modules[NAME] = module
  if regular:
    spec.loader.exec_module(module)


def _paths(spec: ModuleSpec | None) -> list[str]:
  return list((spec and spec.submodule_search_locations) or ())
