"""Configs: found, imported from anywhere, and part of what is installed."""

import shutil
import subprocess
import sys
import zipfile

import pytest
from paths import ROOT

import configs.common
from i2v_jax.training import config_files, shipped_configs

QUICKSTART = 'configs/quickstart.py'
OWN = """
from configs import common, quickstart

def get_config(arg=''):
  config = quickstart.get_config(arg)
  config.steps = getattr(common, 'STEPS', 7)
  return config
"""


def write(path, text):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(text, encoding='utf-8')
  return str(path)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
  folder = tmp_path / 'elsewhere'
  folder.mkdir()
  monkeypatch.chdir(folder)
  return folder


def test_a_shipped_config_is_found_in_any_folder(elsewhere):
  assert shipped_configs.find_config(QUICKSTART) == str(
    shipped_configs.find_configs() / 'quickstart.py'
  )
  found = config_files.load_config(f'{QUICKSTART}:smoke')
  assert found['data']['format'] == 'digits' and found['steps'] == 3
  levers = config_files.load_variants('configs/ablations/levers.py')
  assert len({variant.name for variant in levers}) == len(levers) > 3
  for path in (
    'configs/none.py',
    'quickstart.py',
    'configs',
    'other/common.py',
  ):
    known = '.py' in path
    error = f'There is no {path}, nor' if known else 'is not a Python file'
    with pytest.raises(ValueError, match=error):
      shipped_configs.find_config(path)


def test_a_file_of_the_project_comes_first(elsewhere):
  own = write(elsewhere / QUICKSTART, 'def get_config(arg): return {"a": arg}')
  assert shipped_configs.find_config(QUICKSTART) == QUICKSTART
  assert config_files.load_config(f'{own}:x') == {'a': 'x'}


def test_a_file_anywhere_imports_the_shipped_configs(elsewhere, tmp_path):
  path = write(tmp_path / 'far' / 'away' / 'own.py', OWN)
  before = dict(sys.modules), list(sys.path)
  assert config_files.load_config(f'{path}:smoke')['steps'] == 7
  assert (
    before[1] == sys.path and sys.modules['configs'] is before[0]['configs']
  )
  assert sys.modules['configs.common'] is configs.common


@pytest.mark.parametrize('init', [False, True])
def test_configs_of_a_project_and_ours_leave_each_other_alone(elsewhere, init):
  write(elsewhere / 'configs' / 'common.py', 'STEPS = 11')
  if init:  # a package, not only a folder
    write(elsewhere / 'configs' / '__init__.py', 'from configs import common')
  own = write(elsewhere / 'configs' / 'own.py', OWN)
  assert config_files.load_config(f'{own}:smoke')['steps'] == 11
  assert config_files.load_config(f'{QUICKSTART}:smoke')['steps'] == 3
  far = write(elsewhere.parent / 'a' / 'b' / 'far.py', OWN)
  assert config_files.load_config(f'{far}:smoke')['steps'] == 7


def test_what_is_beside_a_file_can_be_imported(elsewhere, tmp_path):
  write(tmp_path / 'p' / 'beside_it.py', 'STEPS = 5')
  text = 'import beside_it\nget_config = lambda arg: {"s": beside_it.STEPS}'
  assert config_files.load_config(write(tmp_path / 'p' / 'a.py', text)) == {
    's': 5
  }


def test_a_drive_is_not_an_argument(monkeypatch):
  import ntpath

  assert shipped_configs.split_argument('a/b.py') == ('a/b.py', '')
  assert shipped_configs.split_argument('a/b.py:x=1:2') == ('a/b.py', 'x=1:2')
  monkeypatch.setattr(shipped_configs.os.path, 'splitdrive', ntpath.splitdrive)
  assert shipped_configs.split_argument('C:\\a\\b.py:x') == ('C:\\a\\b.py', 'x')


def run(code, cwd, *argv, path=''):
  env = {'PYTHONPATH': str(path), 'PATH': '', 'JAX_PLATFORMS': 'cpu'}
  command = [sys.executable, '-P', '-c', code, *argv]
  return subprocess.run(
    command, cwd=cwd, env=env, capture_output=True, text=True
  )


MAIN = """
import sys
from i2v_jax import main
main.parse(sys.argv)
print(main.CONFIG.value.steps, main.CONFIG.value.optimizer.lr)
"""


def test_the_trainer_takes_shipped_and_own_files_anywhere(elsewhere):
  own = write(elsewhere.parent / 'far' / 'own.py', OWN)
  change = '--config.optimizer.lr=0.5'
  for config, steps in ((f'{QUICKSTART}:smoke', 3), (f'{own}:smoke', 7)):
    done = run(MAIN, elsewhere, f'--config={config}', change, path=ROOT)
    assert done.stdout == f'{steps} 0.5\n', done.stderr
  done = run(MAIN, elsewhere, '--config', 'configs/none.py', path=ROOT)
  assert done.returncode and 'There is no configs/none.py' in done.stderr


@pytest.mark.parametrize(
  ('text', 'error'),
  [
    ('def', 'invalid syntax (own.py, line 1)\n'),
    ('STEPS = 5', 'there is no get_config(); add one, or name another file.\n'),
  ],
)
def test_the_trainer_says_what_is_wrong_with_a_file(elsewhere, text, error):
  own = write(elsewhere / 'own.py', text)
  done = run(MAIN, elsewhere, f'--config={own}', path=ROOT)
  assert done.returncode == 1
  assert f'flag --config={own}: {error}' in done.stderr


def test_the_trainer_refuses_what_is_no_flag(elsewhere):
  code = f'{MAIN}main.main(["main", "more"])'
  done = run(code, elsewhere, f'--config={QUICKSTART}', path=ROOT)
  assert done.returncode == 1
  assert done.stderr.startswith("error: 'more' is not a flag; flags begin with")


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
  """A folder with what a wheel of this source installs."""
  build = pytest.importorskip('setuptools.build_meta')
  source = tmp_path_factory.mktemp('source')
  for name in ('setup.py', 'pyproject.toml', 'README.md'):
    shutil.copy(ROOT / name, source)
  for name in ('i2v_jax', 'configs'):
    shutil.copytree(ROOT / name, source / name)
  code = f'from {build.__name__} import *; print(build_wheel("."))'
  done = run(code, source)
  assert done.returncode == 0, done.stderr
  target = tmp_path_factory.mktemp('installed')
  zipfile.ZipFile(source / done.stdout.split()[-1]).extractall(target)
  return target


@pytest.mark.slow
def test_what_is_installed_has_the_configs(installed, elsewhere):
  write(elsewhere / 'configs' / 'common.py', 'STEPS = 11')
  code = (
    'from i2v_jax.training import config_files, shipped_configs as shipped\n'
    'print(shipped.find_configs())\n'
    f'print(config_files.load_config("{QUICKSTART}:smoke")["steps"])'
  )
  done = run(code, elsewhere, path=installed)
  assert done.stdout == f'{installed}/i2v_jax/configs\n3\n', done.stderr
  there = {p.name for p in (installed / 'i2v_jax/configs').rglob('*.py')}
  assert there == {p.name for p in (ROOT / 'configs').rglob('*.py')}
  assert not (installed / 'configs').exists()
