"""Outputs that a kill at any moment leaves able to go on."""

import itertools
import json
import os
import signal
import subprocess
import sys

import pytest
from paths import ROOT

from i2v_jax.deploy.prediction.journal import Journal

CLIPS = ['a.mp4', 'b.mp4', 'c\udc80.mp4', 'd.mp4']
BEGUN = {
  'model': 'abc',
  'windows': {'seconds': 2.0},
  'rules': {'stay': 0.7, 'gap': 0},
}
HEAD = b'head\n'


def record(name, row=0):
  return {'file': name, 'row': row, 'error': 'bad' * (name == 'b.mp4')}


def write(path, clips=CLIPS, begun=BEGUN, stop=None):
  """Writes what is missing, up to a number of videos; returns the journal."""
  with Journal(path, begun, clips, HEAD) as journal:
    left = clips[journal.done : stop]
    for name in left:
      row = journal.done + 1
      data = f'{name}\n'.encode(errors='surrogateescape')
      journal.append(data, record(name, row))
  return journal


def test_what_is_done_is_not_done_again(tmp_path):
  write(tmp_path / 'one', stop=2)
  with Journal(tmp_path / 'one', BEGUN, CLIPS, HEAD) as journal:
    assert (journal.done, journal.bad, journal.row) == (2, 1, 2)
  journal = write(tmp_path / 'one')
  assert (journal.done, journal.bad, journal.row) == (4, 1, 4)
  assert write(tmp_path / 'one').done == 4
  write(tmp_path / 'two')
  for suffix in ('', '.progress'):
    one, two = (tmp_path / f'{name}{suffix}' for name in ('one', 'two'))
    assert one.read_bytes() == two.read_bytes()
  names = [record['file'] for record in journal.read_records()]
  assert names == CLIPS


@pytest.mark.parametrize('cut', range(0, 60, 7))
def test_a_tail_that_is_incomplete_is_cut_off(tmp_path, cut):
  """Whatever of the last video has reached the two files."""
  write(tmp_path / 'wanted')
  path = tmp_path / 'out'
  write(path, stop=2)
  progress = path.with_name('out.progress')
  with path.open('ab') as out, progress.open('ab') as file:
    out.write(b'x' * cut)
    file.write(json.dumps(record(CLIPS[2])).encode()[:cut])
  write(path)
  assert path.read_bytes() == (tmp_path / 'wanted').read_bytes()


KILLED = """
import os, pathlib, signal, sys
from i2v_jax.deploy.prediction import journal

CLIPS, BEGUN = {clips!r}, {begun!r}
step = iter(range(100))
real = journal.Journal._write

def write(self, value):
  if next(step) == {kill}:
    real(self, {{'half': 1}}) if False else self._progress.write(b'{{"fi')
    self._progress.flush()
    os.kill(os.getpid(), signal.SIGKILL)
  real(self, value)

journal.Journal._write = write
with journal.Journal({path!r}, BEGUN, CLIPS, {head!r}) as out:
  for number, name in enumerate(CLIPS):
    data = (name + '\\n').encode(errors='surrogateescape')
    record = {{'file': name, 'row': number + 1, 'error': 'x' * (number == 1)}}
    out.append(data, record)
"""


@pytest.mark.parametrize('kill', [0, 1, 3])
def test_a_killed_process_leaves_what_goes_on(tmp_path, kill):
  path = tmp_path / 'out'
  code = KILLED.format(
    clips=CLIPS, begun=BEGUN, head=HEAD, path=str(path), kill=kill
  )
  done = subprocess.run(
    [sys.executable, '-c', code],
    env=os.environ | {'PYTHONPATH': str(ROOT)},
    check=False,
  )
  assert done.returncode == -signal.SIGKILL
  journal = write(path)
  assert journal.done == 4
  write(tmp_path / 'wanted')
  assert path.read_bytes() == (tmp_path / 'wanted').read_bytes()


@pytest.mark.parametrize(
  ('begun', 'said'),
  [
    ({'model': 'xyz'}, r"another model \('abc', now 'xyz'\)"),
    ({'windows': None}, 'another windows'),
    (
      {'rules': {'stay': 0.7, 'gap': 1}},
      r"rules \({'gap': 0}, now {'gap': 1}\)",
    ),
    ({'top': 3}, r'another top \(None, now 3\)'),
  ],
)
def test_another_model_or_option_is_refused(tmp_path, begun, said):
  write(tmp_path / 'out', stop=1)
  with pytest.raises(ValueError, match=said):
    write(tmp_path / 'out', begun=BEGUN | begun)
  assert write(tmp_path / 'out').done == 4


def test_another_list_is_refused_and_a_longer_one_goes_on(tmp_path):
  path = tmp_path / 'out'
  write(path, CLIPS[:2])
  for clips in (['a.mp4', 'x.mp4'], ['a.mp4']):
    with pytest.raises(ValueError, match=r'number 2 was b\.mp4, now it is'):
      write(path, clips)
  assert write(path, CLIPS).done == 4


def test_what_is_no_output_is_not_touched(tmp_path):
  path = tmp_path / 'out'
  path.write_bytes(b'mine')
  with pytest.raises(ValueError, match=r'exists, but not out\.progress'):
    write(path)
  assert path.read_bytes() == b'mine'
  path.unlink()
  write(path)
  path.write_bytes(b'short')
  with pytest.raises(ValueError, match='is shorter than'):
    write(path)


def test_two_processes_do_not_write_one_file(tmp_path):
  with (
    Journal(tmp_path / 'out', BEGUN, CLIPS),
    pytest.raises(ValueError, match='is being written by another process'),
  ):
    write(tmp_path / 'out')


def test_a_folder_that_is_not_there_is_named(tmp_path):
  with pytest.raises(OSError, match=r'out could not be written \(No such'):
    write(tmp_path / 'none' / 'out')


def test_an_output_can_be_replaced(tmp_path):
  journal = write(tmp_path / 'out')
  journal.remove()
  assert list(tmp_path.iterdir()) == []
  assert len(list(itertools.islice(CLIPS, 4))) == 4
