"""`i2v neighbours`: planted duplicates, nearest videos and votes."""

import csv

import pytest
import vectors

from i2v_jax import cli
from i2v_jax.deploy import neighbours

KINDS = ('original', 'encoded', 'cropped', 'mirrored')
CLIPS = ('arm_wrestling', 'flipping_pancake', 'h265', 'mpeg4', 'rotated_90')


@pytest.fixture
def planted(golden):
  """Clips of tests/videos and their duplicates, by DINOv2 (see make.py)."""
  return str(golden / 'near_duplicates' / 'features.npz')


@pytest.fixture
def voters(tmp_path):
  rows = [('run/1', [1, 0]), ('run/2', [1, 0.1]), ('jump/3', [0, 1])]
  rows += [('jump/4', [0.1, 1]), ('jump/4', [0.2, 1], 1, 2)]
  return vectors.write(tmp_path / 'x.npz', vectors.imagine(rows))


def run(*arguments):
  with pytest.raises(SystemExit) as end:
    cli.main(['neighbours', *map(str, arguments)])
  return end.value.code


def read(path):
  with open(path, encoding='utf-8', newline='') as file:
    return [*csv.DictReader(file)]


def stem(name):
  return name.split('/')[1].split('.')[0]


def test_planted_duplicates_are_all_found_and_nothing_else(
  planted, tmp_path, capsys
):
  out = tmp_path / 'pairs.csv'
  assert run(planted, '--duplicates=0.98', '--out', out) == 0
  assert '30 pairs' in capsys.readouterr().out
  found = {frozenset((row['file'], row['neighbour'])) for row in read(out)}
  kinds = {frozenset(name.split('/')[0] for name in pair) for pair in found}
  assert len(found) == 30 and len(kinds) == 6  # 6 pairs of kinds, 5 clips
  assert all(len({*map(stem, pair)}) == 1 for pair in found)
  assert {stem(name) for pair in found for name in pair} == {*CLIPS}


def test_the_nearest_of_each_row_and_of_one(planted, tmp_path, capsys):
  out = tmp_path / 'nearest.csv'
  assert run(planted, '--out', out) == 0
  rows = read(out)
  assert len(rows) == 20
  assert all(stem(row['file']) == stem(row['neighbour']) for row in rows)
  assert run(planted, '--query=mpeg4.avi', '--count=4', '--out', out) == 0
  rows = read(out)
  assert [row['file'] for row in rows] == ['original/mpeg4.avi'] * 4
  assert [stem(row['neighbour']) == 'mpeg4' for row in rows] == [1, 1, 1, 0]
  assert {row['start'] for row in rows} == {''}
  assert run(planted, '--query=3', '--count=4', '--out', out) == 0
  assert read(out) == rows
  assert 'Nearest to mpeg4.avi' in capsys.readouterr().out


def test_overlapping_windows_are_no_neighbours():
  spans = [(0, 2), (1, 3), (2, 4)]
  features = vectors.imagine([('a', [1], *span) for span in spans])
  pairs = neighbours.find_duplicates(features, 0.9)
  assert [(pair.one, pair.other) for pair in pairs] == [(0, 2)]
  nearest = neighbours.find_neighbours(features, features, 5)
  assert [(pair.one, pair.other) for pair in nearest] == [(0, 2), (2, 0)]


def test_a_file_is_classified_by_its_other_videos(voters, tmp_path, capsys):
  out = tmp_path / 'votes.csv'
  assert run(voters, '--classify', voters, '--count=1', '--out', out) == 0
  shown = capsys.readouterr().out
  assert 'accuracy 100.00 %, mean over classes 100.00 %, of 5 vec' in shown
  rows = read(out)
  assert [row['voted'] for row in rows] == ['run'] * 2 + ['jump'] * 3
  assert [row['nearest'] for row in rows[2:]] == ['jump/4', 'jump/3', 'jump/3']
  assert rows[4]['start'] == '1' and rows[0]['start'] == ''


def test_a_table_gives_the_classes(voters, tmp_path, capsys):
  table = tmp_path / 'labels.csv'
  table.write_text('file,label\n1,a\n2,b\n3,b\n4,b\n', encoding='utf-8')
  command = ('--classify', voters, '--labels', table, '--count=1')
  assert run(voters, *command) == 0
  assert (
    'accuracy 60.00 %, mean over classes 37.50 %' in capsys.readouterr().out
  )


def test_a_video_that_only_it_could_vote_for_is_counted(tmp_path, capsys):
  one = vectors.write(tmp_path / 'a.npz', vectors.imagine([('run/1', [1, 0])]))
  rows = [('run/1', [1, 0]), ('run/1', [1, 0], 1, 2), ('jump/1', [0, 1])]
  both = vectors.write(tmp_path / 'b.npz', vectors.imagine(rows[:2]))
  assert run(one, '--classify', both) == 1
  assert "are of the class 'run'; give --labels" in capsys.readouterr().err
  only = vectors.imagine(rows[:1])
  found = neighbours.classify(only, vectors.imagine(rows), None, 5)
  neighbours.print_classified(found, only, 5)
  assert [item.voted for item in found] == ['jump']


def test_a_long_table_says_how_much_is_left_out(planted, monkeypatch, capsys):
  monkeypatch.setattr(neighbours, 'SHOWN', 5)
  assert run(planted) == 0
  assert 'and 15 more; --out writes all of them' in capsys.readouterr().out


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    (('--labels=a.csv',), '--labels are of --classify'),
    (('--duplicates=0.9', '--count=3'), 'leave --count out'),
    (('--weights=builtin:digits',), 'encode a --query; give it too'),
    (('--out=a.txt',), '--out is a.txt'),
    (('--query=none.mp4',), 'none.mp4 is neither in'),
    ((f'--query={__file__}',), '--workdir or --weights to encode it'),
  ],
)
def test_options_that_make_no_sense_are_refused(
  arguments, said, planted, capsys
):
  assert run(planted, *arguments) == 1
  assert said in capsys.readouterr().err


def test_vectors_of_another_model_do_not_vote(planted, voters, capsys):
  assert run(planted, '--classify', voters) == 1
  assert 'are of different models: ' in capsys.readouterr().err
