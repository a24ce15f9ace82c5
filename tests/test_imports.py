"""Imports point down a list of packages, and what stays unloaded."""

import ast
import inspect
import subprocess
import sys

import house
import pytest
from paths import ROOT

import i2v_jax

CONFIGS = {
  str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding='utf-8'))
  for path in sorted((ROOT / 'configs').rglob('*.py'))
}
MODULES = house.read_modules()
GRAPH = {name: house.imported(tree, MODULES) for name, tree in MODULES.items()}
ROOMS = house.by_room(GRAPH)

# Each imports from those above its line, never from one below it.
ORDER = (
  'runtime',
  'params',
  'data',
  'backbones',
  'adapters',
  'models',
  'weights',
  'training',
  'deploy',
  'bench',
  'cli',
  'main',
)
ONLY = {  # what these import, of those above them
  'data': {'runtime'},
  'params': {'runtime'},
  'backbones': {'runtime'},
  'adapters': {'runtime', 'backbones'},
}


def outside(tree):
  """The packages of others that a module imports, anywhere in it."""
  names = set()
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      assert not node.level, f'relative import in line {node.lineno}'
      names.add(node.module)
  return {name.partition('.')[0] for name in names}


def within(room):
  return [name for name in MODULES if house.room(name) == room]


def test_the_reader_of_imports_sees_them():
  assert 'i2v_jax.params' in GRAPH['i2v_jax.training.optimizer']
  assert {'sklearn', 'av'} <= outside(MODULES['i2v_jax.data.sets.digits'])


def test_the_house_has_12_names_8_floors_and_no_circle(capsys):
  assert set(ROOMS) == set(ORDER) and len(ORDER) == 12
  assert max(house.floors(ROOMS).values()) <= 8
  assert house.floors(GRAPH).keys() == GRAPH.keys()
  assert house.main() == 0
  shown = capsys.readouterr().out
  assert shown.startswith('12 names') and shown.endswith('circles: none\n')


def test_a_circle_is_seen():
  graph = {'a': {'b'}, 'b': {'c'}, 'c': {'b'}, 'd': set()}
  assert house.floors(graph) == {'d': 1}


@pytest.mark.parametrize('room', ORDER)
def test_imports_point_down(room):
  used = ROOMS[room]
  above = ORDER[: ORDER.index(room)]
  assert used <= ONLY.get(room, set(above)), used


@pytest.mark.parametrize('name', within('data'))
def test_data_does_not_import_jax(name):
  assert not outside(MODULES[name]) & {'jax', 'flax', 'optax'}


@pytest.mark.parametrize('name', MODULES)
def test_only_the_runtime_needs_what_windows_lacks(name):
  posix = {'fcntl', 'grp', 'pwd', 'resource', 'termios', 'tty', 'pty'}
  assert not outside(MODULES[name]) & posix or house.room(name) == 'runtime'


@pytest.mark.parametrize('name', MODULES)
def test_torch_is_imported_in_one_file_and_tensorflow_in_none(name):
  found = outside(MODULES[name])
  assert ('torch' in found) == (name == 'i2v_jax.weights.torch_files')
  assert 'tensorflow' not in found


@pytest.mark.parametrize('name', CONFIGS)
def test_configs_import_nothing_of_the_library(name):
  assert outside(CONFIGS[name]) <= {'configs', 'ml_collections', 'functools'}


@pytest.mark.parametrize(
  'statement',
  [
    'import i2v_jax',
    'import i2v_jax.runtime.console, i2v_jax.runtime.errors',
    'import i2v_jax.runtime.files, i2v_jax.runtime.signals',
    'import i2v_jax.data.videos.decode, i2v_jax.data.clips.clips',
    'import i2v_jax.data.sets.sources, i2v_jax.data.check.all_videos',
    'import i2v_jax.training.workdir.status',
    'import i2v_jax.training.workdir.stored_config',
    'from i2v_jax import probe, read_frames',
  ],
)
def test_what_needs_no_jax_does_not_load_it(statement):
  code = f'{statement}; import sys; print({{"jax", "flax"}} & set(sys.modules))'
  command = [sys.executable, '-c', code]
  done = subprocess.run(
    command, cwd=ROOT, capture_output=True, text=True, check=True
  )
  assert (done.stdout, done.stderr) == ('set()\n', '')


def test_a_prediction_loads_nothing_that_only_training_or_a_hub_needs():
  slow = {'grain', 'orbax', 'huggingface_hub', 'pyarrow', 'matplotlib'}
  code = f"""
import sys
from i2v_jax.deploy import predict, trained
print({slow} & set(sys.modules))"""
  command = [sys.executable, '-c', code]
  done = subprocess.run(
    command, cwd=ROOT, capture_output=True, text=True, check=True
  )
  assert done.stdout == 'set()\n'


@pytest.mark.parametrize('name', i2v_jax.__all__)
def test_public_names_are_there(name):
  found = getattr(i2v_jax, name)
  assert callable(found) or inspect.ismodule(found)
  assert name in dir(i2v_jax)


def test_a_name_that_is_not_public_is_named():
  with pytest.raises(AttributeError, match="'i2v_jax' has no attribute 'tain'"):
    i2v_jax.tain  # noqa: B018


@pytest.mark.parametrize(
  'path', sorted((ROOT / 'benchmarks').glob('*.py')), ids=lambda path: path.stem
)
def test_benchmarks_find_their_imports_when_run_by_path(path):
  """Of this repository only their own folder is on the path then."""
  tree = ast.parse(path.read_text(encoding='utf-8'))
  found = {
    (node.module if isinstance(node, ast.ImportFrom) else name.name)
    for node in ast.walk(tree)
    if isinstance(node, ast.Import | ast.ImportFrom)
    for name in node.names
  }
  tops = {name.partition('.')[0] for name in found}
  assert not tops & {'configs', 'tests', 'benchmarks'}
