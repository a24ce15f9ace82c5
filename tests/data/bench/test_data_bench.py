"""`i2v data bench`: who reads what; how fast it is, is not for tests."""

import footage
import numpy as np
import pytest

from i2v_jax import cli
from i2v_jax.data.bench import measure, peers
from i2v_jax.data.clips import clips
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.prepare.job import Job, stage_here
from i2v_jax.data.videos import decode, transcode

SPEC = ClipSpec(4, 32, stride=2)


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as done:
    cli.main(['data', 'bench', *map(str, args)])
  return done.value.code


@pytest.fixture
def plan(videos, tmp_path):
  listed = tmp_path / 'list.txt'
  names = ('h265.mp4', 'arm_wrestling.mp4')
  listed.write_text(
    '\n'.join(str(videos / name) for name in names), encoding='utf-8'
  )
  return measure.make_plan(measure.load_videos(listed), SPEC, 3, seed=1)


def test_spans_of_segments_are_measured(tmp_path, capsys):
  footage.make(tmp_path, 'ab', 'file,start,end,label\na,0,1,x\nb,1,2,x\n')
  given = (tmp_path, '--source', 'segments', '--clips', 2, '--rounds', 1)
  assert i2v(*given, '--against') == 1
  assert '--against compares complete videos' in capsys.readouterr().err
  assert i2v(tmp_path / 'segments.csv') == 1
  assert '--source segments' in capsys.readouterr().err
  split = measure.load_source('segments', tmp_path, {})
  assert split.segments.spans.tolist() in ([[0, 1]], [[1, 2]])
  assert i2v(*given) == 0
  assert '2 clips, 8x16' in capsys.readouterr().out


def test_a_plan_goes_round_the_videos_and_repeats(plan, videos):
  assert [path[-8:] for path in plan.names] == [
    'h265.mp4',
    'ling.mp4',
    'h265.mp4',
  ]
  again = measure.make_plan(plan.split, SPEC, 3, seed=1)
  other = measure.make_plan(plan.split, SPEC, 3, seed=2)
  np.testing.assert_array_equal(again.indices, plan.indices)
  assert (np.diff(plan.indices, axis=1) == 2).all()
  assert (np.array(other.indices) != plan.indices).any()


def test_stages_read_the_frames_of_the_plan(plan, monkeypatch):
  read, seen = decode.Video.read, []

  def watched(video, indices, *args):
    seen.append(indices)
    return read(video, indices, *args)

  monkeypatch.setattr(decode.Video, 'read', watched)
  times = measure.time_stages(plan)
  np.testing.assert_array_equal(seen, plan.indices)
  assert times.keys() == {*measure.STAGES, 'total'}
  parts = [times[name] for name in measure.STAGES]
  assert min(parts) > 0 and sum(parts) < times['total']


def test_the_loader_makes_as_many_clips(plan, monkeypatch):
  train_clip, made = clips.make_train_clip, []
  counted = lambda *args: made.append(args) or train_clip(*args)
  monkeypatch.setattr(clips, 'make_train_clip', counted)
  loaded = measure.time_loader(plan, threads=2)
  assert loaded.seconds > 0 and len(made) == 3
  assert min(loaded.early, loaded.late) > 1e6


def test_a_race_is_over_the_same_frames(plan):
  seen = {'one': [], 'other': []}
  readers = {
    name: lambda clip, kept=kept: kept.append(clip)
    for name, kept in seen.items()
  }
  times = measure.race(plan, readers)
  assert [len(times[name]) for name in readers] == [3, 3]
  assert seen == {'one': [0, 1, 2], 'other': [0, 1, 2]}


def test_frames_that_differ_are_counted(plan):
  assert measure.check_agreement(plan, plan.read) == measure.Agreement(
    12, 0, 0, ''
  )

  def off(clip):
    frames = plan.read(clip)
    frames[1, 5, 5] ^= 4
    return frames

  assert measure.check_agreement(plan, off) == measure.Agreement(12, 3, 4, '')
  assert measure.check_agreement(plan, off, same=False) == measure.Agreement()


def test_a_reader_that_fails_says_why(plan):
  def broken(clip):
    raise OSError('no\nluck')

  turned = lambda clip: plan.read(clip)[:, :-2]
  absent = lambda clip: __import__('no_such_reader')
  assert (
    measure.check_agreement(plan, broken).problem == f'{plan.names[0]}: no luck'
  )
  assert (
    '128x126 pixels, not 128x128'
    in measure.check_agreement(plan, turned).problem
  )
  assert (
    'no_such_reader is not installed'
    in measure.check_agreement(plan, absent).problem
  )


def test_opencv_reads_the_same_frames(plan):
  read = lambda clip: peers.read_opencv(plan.names[clip], plan.indices[clip])
  found = measure.check_agreement(plan, read)
  assert not found.problem and found.frames == 12 and found.largest <= 3


def test_videos_of_a_file_a_folder_and_a_list(tmp_path, videos):
  one, two = tmp_path / 'a b.mp4', tmp_path / 'sub' / 'c.webm'
  two.parent.mkdir()
  for path in (one, two):
    path.touch()
  (tmp_path / 'note.md').touch()
  listed = tmp_path / 'list.txt'
  listed.write_text('a b.mp4 3\n\nsub/c.webm,4\na b.mp4\n', encoding='utf-8')
  assert measure.load_videos(one).paths == (str(one),)
  assert measure.load_videos(tmp_path).paths == (str(one), str(two))
  assert measure.load_videos(listed).paths == (str(one), str(two), str(one))
  with pytest.raises(ValueError, match='sub2 holds no video'):
    (tmp_path / 'sub2').mkdir()
    measure.load_videos(tmp_path / 'sub2')


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
  for stage in measure.STAGES:
    assert f' {stage} ' in text
  assert 'complete loader: ' in text and '100.0%' in text
  (row,) = [line for line in text.splitlines() if ' OpenCV ' in line]
  assert row.split()[3] == '12'
  assert 'decord: ' in text and 'decord is not installed' in text


def test_the_command_refuses_what_it_cannot_measure(tmp_path, videos, capsys):
  assert i2v(tmp_path / 'none.mp4') == 1
  assert 'none.mp4: no such video' in capsys.readouterr().err


def test_prepared_videos_are_read_against_their_originals(
  tmp_path, videos, capsys, monkeypatch
):
  (tmp_path / 'list.txt').write_text(
    'rotated_90.mov 0\nh265.mp4 0\n', encoding='utf-8'
  )
  listed = {'list_file': str(tmp_path / 'list.txt'), 'num_classes': 1}
  job = Job(
    tmp_path / 'out',
    'list',
    videos,
    ['train'],
    options=listed,
    recipe=transcode.Recipe(short_side=64),
  )
  job.run(lambda pending: stage_here(pending, 1))
  (tmp_path / 'list.txt').write_text(
    f'{videos}/rotated_90.mov\n{videos}/h265.mp4\n', encoding='utf-8'
  )
  monkeypatch.delitem(peers.READERS, 'decord')
  monkeypatch.delitem(peers.READERS, 'torchcodec')
  given = ('--clips', 2, '--rounds', 1, '--frames', 2, '--stride', 1)
  prepared, original = tmp_path / 'out', tmp_path / 'list.txt'
  assert i2v(prepared, '--against', original, *given) == 0
  text = capsys.readouterr().out
  assert f'the others read {original}' in ' '.join(text.split())
  assert ' OpenCV ' in text and 'differ' not in text
  assert i2v(prepared, '--against', *given) == 1
  assert 'cannot read the shards' in capsys.readouterr().err
  assert i2v(prepared, '--against', videos / 'h265.mp4', *given) == 1
  assert 'differ in their number of frames' in capsys.readouterr().err


def test_others_are_not_given_names_that_are_no_text(plan, monkeypatch):
  latin = b'caf\xe9.mp4'.decode(errors='surrogateescape')
  monkeypatch.setattr(measure.Plan, 'names', [latin])
  found = measure.check_agreement(plan, lambda clip: pytest.fail('it was read'))
  assert found.problem.startswith(f'{latin}: ') and 'utf-8' in found.problem
