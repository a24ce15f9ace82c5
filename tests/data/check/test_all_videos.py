"""A check ends with a line for every video, however often it is stopped."""

import errno
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import processes
import pytest
from mutated import first_unreadable
from paths import ROOT

from i2v_jax import cli
from i2v_jax.data.check import all_videos, one_video, report
from i2v_jax.data.sets import manifest


def i2v(*args):
  """The exit code of a command."""
  with pytest.raises(SystemExit) as ended:
    cli.main([*map(str, args)])
  return ended.value.code


def records_of(out):
  return {r['id']: r for r in manifest.read(out / manifest.NAME)[1]}


def journal_of(out):
  """What was checked, in the order in which it was."""
  lines = (
    (out / all_videos.JOURNAL).read_text(encoding='utf-8').splitlines()[1:]
  )
  return [json.loads(line)['id'] for line in lines]


def test_a_folder_is_checked_and_reported(data, tmp_path, capsys):
  out = tmp_path / 'out'
  assert i2v('data', 'check', '--source', 'folder', data, '--out', out) == 1
  frame = first_unreadable(data / 'val/a/4.mp4')
  header, records = manifest.read(out / manifest.NAME)
  assert header['format'] == 'folder' and header['root'] == str(data)
  assert header['splits']['train']['listed'] == 3
  found = [(r['id'], r['split'], r['label'], r['frames']) for r in records]
  assert found == [
    ('train/a/1.mov', 'train', 0, 3),
    ('train/b/2.mp4', 'train', 1, 10),
    ('train/b/3.avi', 'train', 1, 164),
    ('val/a/4.mp4', 'val', 0, frame),
    ('val/b/5.mp4', 'val', 1, 10),
  ]
  bad = (out / 'bad.csv').read_text(encoding='utf-8').splitlines()
  assert bad[0] == 'file,reason,frame' and len(bad) == 2
  assert bad[1].startswith(f'val/a/4.mp4,frame {frame} cannot')
  assert bad[1].endswith(f',{frame}')
  rows = (out / 'findings.csv').read_text(encoding='utf-8')
  assert 'leak,train,train/b/2.mp4,' in rows and 'val/b/5.mp4' in rows
  shown = capsys.readouterr().out
  for text in (
    'problem  cannot be read to the end: 1 video\n',
    'problem  the same content in more than one split: 1 video\n',
    f'written to {out}',
  ):
    assert text in shown


def test_a_clean_data_set_is_nothing_to_complain_of(data, tmp_path, capsys):
  os.remove(data / 'val/a/4.mp4')
  shutil.copy(data / 'train/a/1.mov', data / 'val/a/4.mov')
  os.remove(data / 'train/a/1.mov')
  shutil.copy(data / 'train/b/3.avi', data / 'train/a/1.avi')
  os.remove(data / 'train/b/3.avi')
  os.remove(data / 'val/b/5.mp4')
  (data / 'val/b').rmdir()
  out = tmp_path / 'out'
  assert i2v('data', 'check', '--source', 'folder', data, '--out', out) == 0
  assert 'no problems' in capsys.readouterr().out
  assert (out / 'bad.csv').read_text(encoding='utf-8') == 'file,reason,frame\n'


def test_what_was_checked_is_not_checked_again(data, tmp_path, capsys):
  out, listed = tmp_path / 'out', all_videos.list_paths([str(data)])
  all_videos.run(listed, out, count=1)
  first = (out / manifest.NAME).read_text(encoding='utf-8')
  assert len(journal_of(out)) == 5
  shown = capsys.readouterr().out
  all_videos.run(listed, out, count=1)
  assert (out / manifest.NAME).read_text(encoding='utf-8') == first
  assert len(journal_of(out)) == 5 and capsys.readouterr().out == shown
  shutil.copy(data / 'train/a/1.mov', data / 'val/a/4.mp4')
  all_videos.run(listed, out, count=1)
  again = str(data / 'val/a/4.mp4')
  assert journal_of(out)[5:] == [again] and records_of(out)[again]['ok']


def test_a_line_that_was_not_finished_is_written_again(data, tmp_path):
  out, listed = tmp_path / 'out', all_videos.list_paths([str(data)])
  all_videos.run(listed, out, count=1)
  first, journal = records_of(out), out / all_videos.JOURNAL
  lines = journal.read_bytes().splitlines(keepends=True)
  torn = [b'\0\0', b'null', b'3', b'{}']  # By a power cut; the last is short.
  kept = [line + b'\n' for line in torn]
  journal.write_bytes(b''.join([*lines[:2], *kept, *lines[3:5], lines[5][:9]]))
  all_videos.run(listed, out, count=1)
  assert records_of(out) == first
  whole = [
    line for line in journal.read_bytes().splitlines() if line not in torn
  ]
  assert sorted(whole[1:]) == sorted(line.strip() for line in lines[1:])


def test_another_decoder_checks_again(data, tmp_path, monkeypatch):
  out, listed = tmp_path / 'out', all_videos.list_paths([str(data)])
  all_videos.run(listed, out, count=1)
  monkeypatch.setattr(one_video, 'DECODER', 'a better one')
  (out / all_videos.JOURNAL).open('a', encoding='utf-8').write(
    '{"id": "gone"}\n'
  )
  all_videos.run(listed, out, count=1)
  assert len(journal_of(out)) == 5 and 'gone' not in journal_of(out)


def test_another_root_with_the_same_names_is_checked_again(data, tmp_path):
  moved, journal = tmp_path / 'moved', tmp_path / 'journal'
  shutil.copytree(data, moved)  # with the times of change
  name, before = 'val/a/4.mp4', (data / 'val/a/4.mp4').stat()
  (moved / name).write_bytes(b'x' * before.st_size)
  os.utime(moved / name, ns=(before.st_mtime_ns, before.st_mtime_ns))
  first, other = (
    all_videos.check_all({name: str(root / name)}, journal, 60, 1)[name]
    for root in (data, moved)
  )
  assert all(first[key] == other[key] for key in ('bytes', 'mtime_ns'))
  assert first['frame'] > 0 and other['frame'] == 0


def test_what_took_too_long_is_tried_again(data, tmp_path):
  paths = {'slow': str(data / 'val/a/4.mp4')}
  journal = tmp_path / 'journal'
  found = all_videos.check_all(paths, journal, 0.05, 1)['slow']
  assert not found['ok'] and found['frame'] is None
  assert found['reason'].startswith('took longer than 0.05 s')
  found = all_videos.check_all(paths, journal, 60, 1)['slow']
  assert found['frame'] == first_unreadable(data / 'val/a/4.mp4')


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on(data, tmp_path):
  for number in range(40):
    shutil.copy(data / 'train/b/3.avi', data / f'train/a/{number}.avi')
  out = tmp_path / 'out'
  command = [sys.executable, '-m', 'i2v_jax.cli', 'data', 'check', str(data)]
  command += ['--out', str(out), '--workers', '1']
  journal = out / all_videos.JOURNAL
  with subprocess.Popen(command, cwd=ROOT) as running:
    while not journal.exists() or journal.read_bytes().count(b'\n') < 3:
      assert running.poll() is None
    running.send_signal(signal.SIGKILL)
  assert not (out / manifest.NAME).exists()
  before = journal.read_bytes().count(b'\n') - 1
  assert 2 <= before < 45
  assert i2v(*command[3:]) == 1
  assert len(records_of(out)) == len(journal_of(out)) == 45


def test_ctrl_c_says_that_the_same_command_goes_on(
  data, tmp_path, capsys, monkeypatch
):
  def stopped(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(report, 'write', stopped)
  assert i2v('data', 'check', data, '--out', tmp_path / 'out') == 130
  error = capsys.readouterr().err
  assert error == 'stopped; run the same command again to resume\n'
  assert len(journal_of(tmp_path / 'out')) == 5


@pytest.mark.slow
def test_stopped_by_hand_it_leaves_one_line_and_no_process(data, tmp_path):
  for number in range(40):
    shutil.copy(data / 'train/b/3.avi', data / f'train/a/{number}.avi')
  command = [sys.executable, '-m', 'i2v_jax.cli', 'data', 'check', str(data)]
  command += ['--out', str(tmp_path / 'out'), '--workers', '2']
  # What runs in the background of a shell ignores SIGINT, and its children.
  heard = signal.signal(signal.SIGINT, signal.default_int_handler)
  try:
    running = subprocess.Popen(
      command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True
    )
  finally:
    signal.signal(signal.SIGINT, heard)
  journal = tmp_path / 'out' / all_videos.JOURNAL
  with running:
    while not journal.exists() or journal.read_bytes().count(b'\n') < 3:
      assert running.poll() is None
    found = processes.below(running.pid)
    os.killpg(running.pid, signal.SIGINT)
    error = running.stderr.read()
  assert len(found) == 2 and not any(map(processes.alive, found))
  assert error == b'stopped; run the same command again to resume\n'
  assert running.returncode == 130


def test_files_and_folders_by_themselves(data, tmp_path):
  (data / 'val/.hidden.mp4').touch()
  (data / 'val/notes.txt').touch()
  (data / 'val/odd.mp4').mkdir()
  (data / 'val/odd.mp4/inside.mp4').touch()
  listed = all_videos.list_paths(
    [str(data / 'val'), str(data / 'val/notes.txt')]
  )
  names = ['odd.mp4', 'a/4.mp4', 'b/5.mp4', 'notes.txt']
  assert [*listed.paths] == [str(data / 'val' / name) for name in names]
  empty = tmp_path / 'empty'
  empty.mkdir()
  with pytest.raises(ValueError, match=f'{empty} holds no video: name'):
    all_videos.list_paths([str(data), str(empty)])


def test_missing_videos_are_counted_not_an_error(data, tmp_path, capsys):
  (data / 'train.txt').write_text(
    'train/a/1.mov 0\ngone.mp4 1\n', encoding='utf-8'
  )
  args = ['data', 'check', '--source', 'list', data, '--split', 'train']
  args += ['--out', tmp_path / 'out', '--set', 'num_classes=2']
  assert i2v(*args) == 1
  shown = capsys.readouterr().out
  assert 'problem  listed in train but not there: 1 of 2 videos' in shown
  assert '         gone.mp4\n' in shown
  assert i2v(*args, '--set', "on_missing='skip'") == 0
  assert 'note     listed in train but not there' in capsys.readouterr().out


def test_a_config_says_how_long_clips_are(digits, tmp_path, capsys):
  config = f'{ROOT}/configs/quickstart.py:smoke'
  settings = [f'data.root={digits}', 'clip.stride=3', "clip.sampling='dense'"]
  args = ['data', 'check', '--config', config, '--out', tmp_path / 'out']
  for setting in settings:
    args += ['--set', setting]
  i2v(*args)
  shown = capsys.readouterr().out
  assert (
    'shorter than the 24 frames of a clip, so their clips loop: 28' in shown
  )


@pytest.mark.parametrize(
  ('args', 'error'),
  [
    ([], 'Name what to check by PATHs, --source or --config'),
    (['x.mp4', '--source', 'list', '.'], 'Name what to check'),
    (['--source', 'kinetic', '.'], "format is 'kinetic'; it can be one of"),
    (['--source', 'list', '.', '--set', 'fold=1'], "no option 'fold'"),
    (['x.mp4', '--set', 'a=1'], '--set and --split need --source or'),
    (['x.mp4', '--split', 'val'], '--set and --split need --source or'),
  ],
)
def test_a_command_that_cannot_be_meant(tmp_path, capsys, args, error):
  assert i2v('data', 'check', *args, '--out', tmp_path) == 1
  assert error in capsys.readouterr().err


def test_a_file_is_no_place_for_the_report(data, tmp_path, capsys):
  out = tmp_path / 'out'
  out.touch()
  assert i2v('data', 'check', data, '--out', out) == 1
  error = f'error: {out} is not a folder: choose another --out\n'
  assert capsys.readouterr().err.startswith(error)


def test_a_full_disk_is_one_sentence(data, tmp_path, monkeypatch, capsys):
  class Full(io.BytesIO):
    def write(self, data):
      raise OSError(errno.ENOSPC, 'No space left on device')

  def open_path(path, mode='r', **options):
    return Full() if mode == 'ab' else open(path, mode, **options)

  monkeypatch.setattr(pathlib.Path, 'open', open_path)
  assert i2v('data', 'check', data / 'train/b/2.mp4', '--out', tmp_path) == 1
  said = 'checked.jsonl could not be written (No space left on device);'
  assert said in capsys.readouterr().err
