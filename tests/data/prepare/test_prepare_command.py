"""`i2v data prepare` as it is typed."""

import pathlib
import shutil

import pytest

from i2v_jax import cli
from i2v_jax.cli import data, data_arguments
from i2v_jax.data.prepare import command
from i2v_jax.data.sets import sources
from i2v_jax.data.videos import transcode


@pytest.fixture
def root(videos, tmp_path):
  for split in ('train', 'val'):
    folder = tmp_path / 'root' / split / 'a'
    folder.mkdir(parents=True)
    shutil.copy(videos / 'rotated_90.mov', folder)
  return tmp_path / 'root'


def run(*arguments):
  with pytest.raises(SystemExit) as done:
    cli.main(['data', 'prepare', *map(str, arguments)])
  return done.value.code


def read_printed(capsys):
  """The printed lines that hold text."""
  lines = capsys.readouterr().out.splitlines()
  return [line for line in lines if line.strip(' ─')]


def test_prepare_prints_a_table_and_does_nothing_twice(root, tmp_path, capsys):
  out = tmp_path / 'out'
  line = (root, '--source', 'folder', '--out', out, '--workers', '1')
  line += ('--short-side', '64', '--gop', '2')
  assert run(*line) == 0
  head, train, val, last = read_printed(capsys)
  assert head.split()[-2:] == ['PSNR', 'dB']
  assert train.split()[:5] == ['train', '1', '0', '1', '3']
  assert val.split()[0] == 'val'
  assert last.startswith(f'{out}/folder/1.0.0  sha256 ')
  assert len(sources.load_split('prepared', out, 'train')) == 1
  before = sorted(out.rglob('*'))
  assert run(*line) == 0
  first, *table = read_printed(capsys)
  assert first == f'{out}/folder/1.0.0 already exists, made of the same videos'
  assert table == [head, train, val, last]
  assert sorted(out.rglob('*')) == before
  assert run(*line[:-2]) == 1
  assert 'made with gop 2, not 16: choose' in capsys.readouterr().err


def test_options_reach_the_source(root, tmp_path, capsys):
  listed = root / 'mine.txt'
  listed.write_text('val/a/rotated_90.mov,3\ngone.mp4,1\n', encoding='utf-8')
  line = (root, '--source', 'list', '--out', tmp_path / 'out')
  line += ('--set', 'list_file=mine.txt', '--set', 'delimiter=,')
  line += ('--set', 'num_classes=5', '--split', 'test', '--name', 'mine')
  assert run(*line) == 1
  assert '1 of 2 listed videos are not in' in capsys.readouterr().err
  assert run(*line, '--on-missing', 'skip') == 0
  split = sources.load_split('prepared', tmp_path / 'out', 'test')
  assert split.labels.tolist() == [3] and len(split.class_names) == 5
  assert split.missing == ('gone.mp4',)
  path = pathlib.Path(sources.load_split('folder', root, 'val').paths[0])
  assert split.video(0) == path.read_bytes()  # as it was


def test_ctrl_c_says_that_the_same_command_goes_on(
  root, tmp_path, capsys, monkeypatch
):
  def stopped(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(command, 'run', stopped)
  line = (root, '--source', 'folder', '--out', tmp_path / 'out')
  assert run(*line) == 130
  error = capsys.readouterr().err
  assert error == 'stopped; run the same command again to resume\n'


def test_a_recipe_only_where_one_is_asked_for():
  nothing = dict.fromkeys(('short_side', 'gop', 'fps', 'crf', 'frames'))
  assert data.make_recipe(nothing) is None
  assert data.make_recipe(nothing | {'crf': 0}) == transcode.Recipe(crf=0)
  jpeg = nothing | {'frames': 'jpeg', 'fps': 5.0}
  assert data.make_recipe(jpeg) == transcode.Recipe(frames='jpeg', fps=5.0)
  with pytest.raises(ValueError, match='drop --gop and --crf'):
    data.make_recipe(jpeg | {'gop': 4})


def test_every_source_can_be_named():
  assert set(data_arguments.SOURCES) == {*sources.FORMATS, 'ssv2'}
