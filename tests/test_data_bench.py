"""`i2v data bench`: who reads what; how fast it is, is not for tests."""

import numpy as np
import pytest
from encoded import encode

from i2v_jax import cli
from i2v_jax.data import bench, clips, decode, peers
from i2v_jax.data.spec import ClipSpec

SPEC = ClipSpec(4, 32, stride=2)


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as done:
    cli.main(['data', 'bench', *map(str, args)])
  return done.value.code


@pytest.fixture
def plan(videos):
  paths = [str(videos / name) for name in ('h265.mp4', 'arm_wrestling.mp4')]
  return bench.plan(paths, SPEC, 3, seed=1)


def test_a_plan_goes_round_the_videos_and_repeats(plan, videos):
  assert [path[-8:] for path in plan.paths] == ['h265.mp4', 'ling.mp4'] * 1 + [
    'h265.mp4'
  ]
  again = bench.plan(list(plan.paths[:2]), SPEC, 3, seed=1)
  other = bench.plan(list(plan.paths[:2]), SPEC, 3, seed=2)
  np.testing.assert_array_equal(again.indices, plan.indices)
  assert (np.diff(plan.indices, axis=1) == 2).all()
  assert (np.array(other.indices) != plan.indices).any()


def test_stages_read_the_frames_of_the_plan(plan, monkeypatch):
  read, seen = decode.Video.read, []

  def watched(video, indices, *args):
    seen.append(indices)
    return read(video, indices, *args)

  monkeypatch.setattr(decode.Video, 'read', watched)
  times = bench.stages(plan)
  np.testing.assert_array_equal(seen, plan.indices)
  assert times.keys() == {*bench.STAGES, 'total'}
  parts = [times[name] for name in bench.STAGES]
  assert min(parts) > 0 and sum(parts) < times['total']


def test_the_loader_makes_as_many_clips(plan, monkeypatch):
  train_clip, made = clips.train_clip, []
  counted = lambda *args: made.append(args) or train_clip(*args)
  monkeypatch.setattr(clips, 'train_clip', counted)
  assert bench.load(plan, threads=2) > 0 and len(made) == 3


def test_a_race_is_over_the_same_frames(plan):
  seen = {'one': [], 'other': []}
  readers = {
    name: lambda path, indices, kept=kept: kept.append((path, *indices))
    for name, kept in seen.items()
  }
  times = bench.race(plan, readers)
  assert [len(times[name]) for name in readers] == [3, 3]
  assert seen['one'] == seen['other']
  assert [path for path, *_ in seen['one']] == list(plan.paths)


def test_frames_that_differ_are_counted(plan):
  assert bench.agree(plan, decode.read_frames) == bench.Agreement(12, 0, 0, '')

  def off(path, indices):
    frames = decode.read_frames(path, indices)
    frames[1, 5, 5] ^= 4
    return frames

  assert bench.agree(plan, off) == bench.Agreement(12, 3, 4, '')


def test_a_reader_that_fails_says_why(plan):
  def broken(path, indices):
    raise OSError('no\nluck')

  turned = lambda path, indices: decode.read_frames(path, indices)[:, :-2]
  absent = lambda path, indices: __import__('no_such_reader')
  assert bench.agree(plan, broken).problem == f'{plan.paths[0]}: no luck'
  assert '128x126 pixels, not 128x128' in bench.agree(plan, turned).problem
  assert 'no_such_reader is not installed' in bench.agree(plan, absent).problem


def test_opencv_reads_the_same_frames(plan):
  found = bench.agree(plan, peers.opencv)
  assert not found.problem and found.frames == 12 and found.largest <= 3


def test_videos_of_a_file_a_folder_and_a_list(tmp_path, videos):
  one, two = tmp_path / 'a b.mp4', tmp_path / 'sub' / 'c.webm'
  two.parent.mkdir()
  for path in (one, two):
    path.touch()
  (tmp_path / 'note.md').touch()
  listed = tmp_path / 'list.txt'
  listed.write_text('a b.mp4 3\n\nsub/c.webm\na b.mp4\n')
  assert bench.videos(one) == [str(one)]
  assert bench.videos(tmp_path) == [str(one), str(two)]
  assert bench.videos(listed) == [str(one), str(two), str(one)]
  with pytest.raises(ValueError, match='sub2 holds no video'):
    (tmp_path / 'sub2').mkdir()
    bench.videos(tmp_path / 'sub2')


def test_the_command_prints_stages_loader_and_readers(
  videos, capsys, monkeypatch
):
  def absent(path, indices):
    raise ModuleNotFoundError('gone', name='decord')

  monkeypatch.setitem(peers.READERS, 'decord', absent)
  monkeypatch.delitem(peers.READERS, 'torchcodec')
  given = ('--clips', 3, '--rounds', 1, '--frames', 4, '--stride', 2)
  assert i2v(videos / 'h265.mp4', '--against', *given) == 0
  text = capsys.readouterr().out
  assert (
    'h265.mp4: 3 clips, 4x2 sampling, one core (CPU time), median of 1' in text
  )
  for stage in bench.STAGES:
    assert f' {stage} ' in text
  assert 'whole loader: ' in text and '100.0%' in text
  (row,) = [line for line in text.splitlines() if ' OpenCV ' in line]
  assert row.split('│')[4].strip() == '12'
  assert 'decord: ' in text and 'decord is not installed' in text


def test_the_command_refuses_what_it_cannot_measure(tmp_path, videos, capsys):
  assert i2v(tmp_path / 'none.mp4') == 1
  assert 'none.mp4: no such video' in capsys.readouterr().err
  for option in ('--clips', '--rounds'):
    assert i2v(videos / 'h265.mp4', option, 0) == 1
    assert f'{option} is 0; measure at least 1' in capsys.readouterr().err
  path = encode(tmp_path / 'a.mp4', 'libx264', range(0, 9, 3))
  assert i2v(path, '--clips', 2, '--rounds', 1, '--stride', 0) == 1
  assert 'stride' in capsys.readouterr().err
