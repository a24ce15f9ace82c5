"""Remote paths are refused in one sentence, before anything is loaded."""

import subprocess
import sys

import pytest
from files import touch

from i2v_jax import cli
from i2v_jax.data.sets import places, sources
from i2v_jax.training.workdir.lock import make_writable


@pytest.mark.parametrize(
  ('path', 'words'),
  [
    ('gs://bucket/clips', 'is in a remote store: mount it (by gcsfuse) or'),
    ('s3://bucket/a.mp4', 'is in a remote store: mount it (by mountpoint-s3'),
    ('hdfs://host:9000/a', 'is in a remote store'),
    ('abfs://x/y', 'is in a remote store: mount it or copy it to a disk'),
    ('gs:/bucket/clips', 'is in a remote store'),
    ('https://x.org/a.mp4', 'is an address on the web: download it'),
    ('HTTP://x.org', 'is an address on the web'),
    ('shards/{000..100}.tar', 'is an archive: unpack it'),
    ('clips.zip', 'is an archive'),
    ('clips.tar.gz', 'is an archive'),
    ('clips/a.mp4', ''),
    ('C:/clips', ''),
    ('/a:b/c.mp4', ''),
    ('hf:org/name', ''),
    ('file:///a', ''),
  ],
)
def test_a_path_that_is_on_no_disk(path, words):
  assert places.find_problem(path).startswith(words)
  assert bool(words) == bool(places.find_problem(path))


def test_a_folder_may_be_called_as_an_archive(tmp_path):
  (tmp_path / 'clips.zip').mkdir()
  places.check('', tmp_path / 'clips.zip')
  with pytest.raises(ValueError, match='unpack'):
    places.check('', tmp_path / 'no_folder.zip')


@pytest.mark.parametrize('format', ['list', 'folder', 'prepared', 'ucf101'])
def test_no_source_is_read_there(format):
  with pytest.raises(ValueError, match='the data root gs://b is in a remote'):
    sources.load_split(format, 'gs://b', 'train')


def test_no_workdir_is_made_there(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(ValueError, match='where nothing can be written'):
    make_writable('gs://bucket/run')
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  'args',
  [
    'data check gs://b/x.mp4 --out o',
    'data check --source list s3://b --out o',
    'data check some.zip --out o',
    'data show https://x.org/a.mp4 --out o.png',
    'data prepare clips.tar --source folder --out o',
    'data prepare clips --source folder --out gs://b/o',
    'data bench gs://b/x.mp4',
    'predict --workdir run hdfs://h/x.mp4',
    'predict --workdir gs://b/run x.mp4',
    'eval --workdir run --root gs://b/x',
    'export --workdir run --out s3://b/x',
    'status --workdir gs://b/run',
  ],
)
def test_every_command_says_so(tmp_path, monkeypatch, capsys, args):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(SystemExit) as ended:
    cli.main(args.split())
  error = capsys.readouterr().err
  assert ended.value.code == 1 and not list(tmp_path.iterdir())
  assert 'mount it' in error or 'unpack it' in error or 'download' in error


@pytest.mark.parametrize(
  ('module', 'args'),
  [
    ('cli', ['predict', '--workdir', 'run', 'gs://b/x.mp4']),
    (
      'main',
      ['--config', '{config}', '--workdir', 'r', '--config.data.root=gs://b'],
    ),
    ('main', ['--config', '{config}', '--workdir', 'gs://b/run']),
  ],
)
def test_and_loads_no_jax_before(pytestconfig, tmp_path, module, args):
  root = pytestconfig.rootpath
  args = [
    arg.format(config=root / 'configs/finetune_folder.py') for arg in args
  ]
  code = (
    'import sys, runpy; sys.modules["jax"] = None; '
    f'sys.argv = {["i2v", *args]}; '
    f'runpy.run_module("i2v_jax.{module}", run_name="__main__")'
  )
  done = subprocess.run(
    [sys.executable, '-c', code], cwd=root, capture_output=True, text=True
  )
  assert done.returncode == 1
  assert done.stderr.startswith('error: ') and 'gs://b' in done.stderr


def test_a_local_path_passes(tmp_path):
  touch(tmp_path, 'a.mp4')
  places.check('', tmp_path / 'a.mp4', str(tmp_path), 'not/there')
  places.check_writable('--workdir', tmp_path)
