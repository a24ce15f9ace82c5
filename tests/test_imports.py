"""Imports form a tree: who may import whom, and what stays unloaded."""

import ast
import pathlib
import subprocess
import sys

import pytest

import i2v_jax

ROOT = pathlib.Path(__file__).parents[1]
FILES = [
  path
  for folder in ('i2v_jax', 'configs')
  for path in sorted((ROOT / folder).rglob('*.py'))
]

MATHS = ('i2v_jax.attention', 'i2v_jax.derivatives', 'i2v_jax.runtime.ranges')


def name_of(path):
  parts = path.relative_to(ROOT).with_suffix('').parts
  return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {
  name_of(path): ast.parse(path.read_text(encoding='utf-8')) for path in FILES
}


def targets(node):
  """The modules that one import statement names."""
  if isinstance(node, ast.Import):
    return [alias.name for alias in node.names]
  assert not node.level, f'relative import in line {node.lineno}'
  names = [f'{node.module}.{alias.name}' for alias in node.names]
  return [name if name in MODULES else node.module for name in names]


def imports(name, inside_functions=True):
  """What a module imports, anywhere in it or when it is itself imported."""
  found, nodes = set(), [MODULES[name]]
  while nodes:
    node = nodes.pop()
    if isinstance(node, ast.Import | ast.ImportFrom):
      found.update(targets(node))
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if inside_functions or not function:
      nodes += ast.iter_child_nodes(node)
  return found


def below(name, *packages):
  return any(name == p or name.startswith(f'{p}.') for p in packages)


def ours(name):
  return {m for m in imports(name) if below(m, 'i2v_jax', 'configs')}


def within(*packages):
  found = [name for name in MODULES if below(name, *packages)]
  assert found, packages
  return found


def test_the_reader_of_imports_sees_them():
  assert 'i2v_jax.params' in imports('i2v_jax.optimizer')
  assert 'sklearn.datasets' in imports('i2v_jax.data.digits')
  outside = imports('i2v_jax.data.digits', inside_functions=False)
  assert 'sklearn.datasets' not in outside and 'av' in outside


@pytest.mark.parametrize('name', within('i2v_jax.data'))
def test_data_knows_nothing_of_jax_or_models(name):
  assert not [m for m in imports(name) if below(m, 'jax', 'flax', 'optax')]
  floors = ('i2v_jax.data', 'i2v_jax.runtime')
  assert not [m for m in ours(name) if not below(m, *floors)]


@pytest.mark.parametrize('name', within('i2v_jax.runtime'))
def test_the_runtime_stands_alone(name):
  assert not [m for m in ours(name) if not below(m, 'i2v_jax.runtime')]


@pytest.mark.parametrize('name', MODULES)
def test_only_the_runtime_needs_what_windows_lacks(name):
  posix = ('fcntl', 'grp', 'pwd', 'resource', 'termios', 'tty', 'pty')
  found = [m for m in imports(name) if below(m, *posix)]
  assert not found or below(name, 'i2v_jax.runtime')


@pytest.mark.parametrize('name', within('i2v_jax.adapters'))
def test_adapters_know_nothing_of_training_or_data(name):
  users = [f'i2v_jax.{u}' for u in ('train', 'train_step', 'run', 'data')]
  assert not [m for m in ours(name) if below(m, *users)]


@pytest.mark.parametrize(
  'name', within('i2v_jax.vit', 'i2v_jax.params', *MATHS)
)
def test_the_image_model_and_trees_stand_alone(name):
  parts = ('vit_config', 'attention', 'derivatives', 'runtime.ranges')
  assert ours(name) <= {f'i2v_jax.{part}' for part in parts}


def test_the_video_model_is_made_of_image_model_and_adapters():
  parts = ('i2v_jax.vit', 'i2v_jax.vit_config', 'i2v_jax.adapters')
  for name in ('i2v_jax.dualpath', 'i2v_jax.evl'):
    assert not [m for m in ours(name) if not below(m, *parts)]
  parts += ('i2v_jax.dualpath', 'i2v_jax.evl', 'i2v_jax.runtime')
  assert not [m for m in ours('i2v_jax.video') if not below(m, *parts)]


@pytest.mark.parametrize('name', within('i2v_jax.weights'))
def test_weights_know_models_and_nothing_of_training_or_data(name):
  parts = ('i2v_jax.weights', 'i2v_jax.vit', 'i2v_jax.vit_config')
  parts += ('i2v_jax.params', 'i2v_jax.runtime')
  if below(name, 'i2v_jax.weights.releases'):
    parts += ('i2v_jax.adapters', 'i2v_jax.video')
  assert not [m for m in ours(name) if not below(m, *parts)]


@pytest.mark.parametrize('name', within('i2v_jax'))
def test_only_one_file_imports_torch(name):
  there = 'torch' in {m.partition('.')[0] for m in imports(name)}
  assert there == (name == 'i2v_jax.weights.torch_files')


@pytest.mark.parametrize('name', within('configs'))
def test_configs_import_nothing_of_the_library(name):
  outside = ('configs', 'ml_collections', 'functools')
  assert not [m for m in imports(name) if not below(m, *outside)]


@pytest.mark.parametrize('name', MODULES)
def test_no_other_framework_and_no_main_program_is_imported(name):
  banned = ('tensorflow', 'i2v_jax.main', 'i2v_jax.__main__')
  assert not [m for m in imports(name) if below(m, *banned)]


def test_no_module_imports_itself_by_a_detour():
  graph = {
    m: imports(m, inside_functions=False) & set(MODULES) for m in MODULES
  }
  while leaves := [m for m, used in graph.items() if not used & graph.keys()]:
    for leaf in leaves:
      del graph[leaf]
  assert not graph, f'import cycles among {sorted(graph)}'


@pytest.mark.parametrize(
  'statement',
  [
    'import i2v_jax',
    'import i2v_jax.runtime.console, i2v_jax.runtime.errors',
    'import i2v_jax.runtime.files, i2v_jax.runtime.signals',
    'import i2v_jax.data.decode, i2v_jax.data.clips, i2v_jax.data.sources',
    'import i2v_jax.data.check, i2v_jax.checking',
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


@pytest.mark.parametrize('name', i2v_jax.__all__)
def test_public_names_are_there(name):
  assert callable(getattr(i2v_jax, name)) and name in dir(i2v_jax)


def test_a_name_that_is_not_public_is_named():
  with pytest.raises(AttributeError, match="'i2v_jax' has no attribute 'tain'"):
    i2v_jax.tain  # noqa: B018
