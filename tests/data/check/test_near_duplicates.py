"""Near-duplicates in different splits are found by vectors."""

import numpy as np
import pytest
import vectors

from i2v_jax import cli
from i2v_jax.data.check import near_duplicates
from i2v_jax.data.check.listed import Listed
from i2v_jax.data.sets import sources

A, B, C = [1, 0, 0], [0.995, 0.0999, 0], [0, 0, 1]


def find(train, val, rows, contents=None, least=0.98):
  splits = {
    name: sources.Split(tuple(ids), [0] * len(ids), ('x',), tuple(ids))
    for name, ids in {'train': train, 'val': val}.items()
  }
  listed = Listed(splits)
  records = {video: {'sha256': video} for video in listed.paths}
  for video, content in (contents or {}).items():
    records[video] = {'sha256': content}
  found = near_duplicates.Vectors(vectors.imagine(rows), least)
  near_duplicates.check(found, listed)
  return [*near_duplicates.find(found, listed, records)]


def test_pairs_across_splits_are_a_problem():
  rows = [('1', A), ('2', A), ('3', B), ('4', C), ('other', A)]
  (found,) = find('12', '34', rows)
  assert found.problem and found.text.endswith('split: 2 pairs')
  assert found.rows == [
    ('train', '1', '0.9950 like 3 of val'),
    ('train', '2', '0.9950 like 3 of val'),
  ]
  assert find('12', '34', rows, least=0.999) == []


def test_several_windows_of_two_videos_are_one_pair():
  rows = [('1', A, 0, 1), ('1', C, 1, 2), ('2', B, 0, 1), ('2', C, 5, 6)]
  (found,) = find('1', '2', rows)
  assert found.rows == [('train', '1', '1.0000 like 2 of val')]


def test_the_same_content_is_another_finding():
  rows = [('1', A), ('2', A)]
  assert find('1', '2', rows, {'1': 'x', '2': 'x'}) == []
  assert find('1', '1', rows[:1]) == []


def test_videos_without_a_vector_are_counted():
  (found,) = find('12', '3', [('1', A), ('3', C)])
  assert not found.problem and found.text.endswith('in x.npz: 1 video')
  assert found.rows == [('train', '2', '')]
  with pytest.raises(ValueError, match='no vector of a listed video, but of 9'):
    find('1', '2', [('9', A)])


def test_the_command_names_them(data, tmp_path, capsys):
  rows = [
    (str(data / name), vector)
    for name, vector in {
      'train/a/1.mov': A,
      'train/b/2.mp4': C,
      'train/b/3.avi': np.negative(A),
      'val/a/4.mp4': B,
      'val/b/5.mp4': C,
    }.items()
  ]
  path = vectors.write(tmp_path / 'x.npz', vectors.imagine(rows))
  command = ['data', 'check', f'--out={tmp_path / "out"}', '--workers=2']
  command += ['--source', 'folder', str(data)]
  with pytest.raises(SystemExit, match='1'):
    cli.main([*command, f'--features={path}'])
  shown = ' '.join(capsys.readouterr().out.split())
  assert (
    'problem near-duplicates in more than one split: 1 pair '
    'train/a/1.mov: 0.9950 like val/a/4.mp4 of val'
  ) in shown
  with pytest.raises(SystemExit, match='1'):
    cli.main([*command, '--duplicates=0.9'])
  assert '--duplicates needs vectors' in capsys.readouterr().err
