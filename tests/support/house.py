"""Prints the packages of i2v_jax, who imports whom, floors, and circles.

  python tests/support/house.py

A floor is one more than the highest floor that a package imports from.
"""

import ast
import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = 'i2v_jax'


def read_modules(root: pathlib.Path = ROOT) -> dict[str, ast.Module]:
  """Every module of the package, by its dotted name."""
  found = {}
  for path in sorted((root / PACKAGE).rglob('*.py')):
    parts = path.relative_to(root).with_suffix('').parts
    name = '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)
    found[name] = ast.parse(path.read_text(encoding='utf-8'))
  return found


def imported(tree: ast.Module, modules) -> set[str]:
  """The modules of the package that a module imports, anywhere in it."""
  found = set()
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      dotted = (f'{node.module}.{alias.name}' for alias in node.names)
      found |= {d if d in modules else node.module for d in dotted}
  return found & set(modules)


def room(module: str) -> str:
  """The package, or the file beside the packages, that a module is in."""
  return module.split('.')[1] if '.' in module else '__init__'


def by_room(graph: dict[str, set[str]]) -> dict[str, set[str]]:
  """Which rooms import which others; `__init__` is what all pass through."""
  found = {room(module): set() for module in graph if room(module)}
  for module, used in graph.items():
    found[room(module)] |= {room(other) for other in used}
  for name in found:
    found[name] -= {name, '__init__'}
  del found['__init__']
  return found


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
  """The floor of each name; those that import each other have none."""
  found = {}
  while ready := {
    name for name in graph.keys() - found if graph[name] <= found.keys()
  }:
    found |= {
      n: 1 + max((found[u] for u in graph[n]), default=0) for n in ready
    }
  return found


def longest_chain(graph, found: dict[str, int]) -> list[str]:
  """Names, each of which imports the next, from the highest floor down."""
  chain = [max(found, key=found.get)]
  while graph[chain[-1]]:
    chain.append(max(graph[chain[-1]] & found.keys(), key=found.get))
  return chain


def main() -> int:
  modules = read_modules()
  graph = {name: imported(tree, modules) for name, tree in modules.items()}
  rooms, files = by_room(graph), floors(graph)
  found = floors(rooms)
  print(f'{len(rooms)} names, {sum(map(len, rooms.values()))} arrows')
  for name in sorted(rooms, key=lambda name: (-found.get(name, 0), name)):
    used = ' '.join(sorted(rooms[name]))
    print(
      f'floor {found.get(name, "-")}  {name:<10} imports {used or "nothing"}'
    )
  circles = sorted(rooms.keys() - found) + sorted(graph.keys() - files)
  if not circles:
    print('longest chain:', ' > '.join(longest_chain(rooms, found)))
    print('of files:', ' > '.join(longest_chain(graph, files)))
  print('circles:', ' '.join(circles) or 'none')
  return bool(circles)


if __name__ == '__main__':
  sys.exit(main())
