"""Numbers on the command line have ranges; others are refused in one line."""

import re

import pytest

from i2v_jax.cli import parser

SHOW = ('data', 'show', 'x.mp4', '--out', 'x.png')
PREPARE = ('data', 'prepare', '.', '--source', 'folder', '--out', 'out')
CHECK = ('data', 'check', 'x.mp4', '--out', 'out')
LINES = {
  ('predict', '--workdir', 'run', 'x.mp4'): ['--window'],
  ('bench',): ['--classes', '--batch-size', '--rounds', '--clips'],
  ('compare', '--config', 'x.py'): ['--rounds'],
  ('weights', 'bench', 'x'): ['--rounds'],
  SHOW: ['--count', '--draws'],
  ('data', 'gallery', 'x.mp4', 'y.mp4', '--out', 'x.png'): ['--seed'],
  PREPARE: ['--shard-mb', '--workers', '--seconds', '--short-side', '--fps'],
  CHECK: ['--seconds', '--workers'],
  ('data', 'bench', 'x.mp4'): ['--frames', '--stride', '--clips', '--seed'],
}
OPTIONS = [(line, option) for line, found in LINES.items() for option in found]


@pytest.mark.parametrize('value', ['-1', 'nan', 'inf', '²', '٣', 'x', '1e99'])
@pytest.mark.parametrize(('line', 'option'), OPTIONS)
def test_a_number_out_of_its_range_is_named(line, option, value, capsys):
  with pytest.raises(SystemExit, match='2'):
    parser.make_parser().parse_args([*line, f'{option}={value}'])
  error = capsys.readouterr().err
  assert re.search(rf'argument {option}: {value!r} is not an? ', error)


@pytest.mark.parametrize(
  ('line', 'value'), [(SHOW, '--draws=0'), (CHECK, '--seconds=0')]
)
def test_0_is_taken_where_it_means_something(line, value):
  args = parser.make_parser().parse_args([*line, value])
  assert getattr(args, value.partition('=')[0].removeprefix('--')) == 0
