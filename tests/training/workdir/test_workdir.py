"""Workdirs: one trainer at a time, and the same run or none."""

import errno
import os
import socket
import subprocess
import sys
import types

import older
import pytest

from configs import common
from i2v_jax.data.sets import sources
from i2v_jax.runtime import hosts
from i2v_jax.training import experiment, loop
from i2v_jax.training.run import prepare_run
from i2v_jax.training.workdir import claim
from i2v_jax.training.workdir.lock import LOCK, Lock

HOLD = """
import fcntl, sys
file = open(sys.argv[1], 'w')
fcntl.flock(file, fcntl.LOCK_EX)
print('process 7 on mars', file=file, flush=True)
print('held', flush=True)
sys.stdin.read()
"""


def test_a_second_trainer_is_refused_as_long_as_the_first_lives(tmp_path):
  path = tmp_path / LOCK
  first = subprocess.Popen(
    [sys.executable, '-c', HOLD, str(path)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  )
  assert first.stdout.readline() == b'held\n'
  text = r'trained by process 7 on mars; wait for it, stop it, or choose'
  with pytest.raises(OSError, match=text), Lock(tmp_path):
    pass
  first.kill()
  first.communicate()
  with Lock(tmp_path) as lock:  # the file is there still
    lock.check()


def test_a_process_does_not_train_twice_in_one_place(tmp_path):
  again = pytest.raises(OSError, match='is being trained by process')
  with Lock(tmp_path), again, Lock(tmp_path):
    pass
  with Lock(tmp_path):
    pass


def test_a_full_disk_names_the_lock(tmp_path, full_disk, monkeypatch):
  monkeypatch.setattr(socket, 'gethostname', lambda: 'mars' * 99)
  text = rf'{LOCK} could not be written .*; mend the disk'
  with pytest.raises(OSError, match=text), Lock(tmp_path):
    pass


def test_a_folder_that_was_taken_away_is_noticed(tmp_path):
  folder = tmp_path / 'run'
  folder.mkdir()
  with Lock(folder) as lock:
    lock.check()
    folder.rename(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match='moved or removed while'):
      lock.check()
    folder.mkdir()
    (folder / LOCK).write_text('', encoding='utf-8')  # of somebody else
    with pytest.raises(OSError, match='moved or removed while'):
      lock.check()


def test_a_report_does_not_make_a_folder_anew(
  smoke_config, tmp_path, monkeypatch
):
  workdir, real = tmp_path / 'run', loop.Trainer._write

  def moving(trainer, *args):
    trainer.checkpoints.wait()
    workdir.rename(tmp_path / 'elsewhere')
    real(trainer, *args)

  monkeypatch.setattr(loop.Trainer, '_write', moving)
  with pytest.raises(OSError, match='was moved or removed while'):
    loop.train_and_evaluate(smoke_config(), workdir)
  assert not workdir.exists()


def test_a_process_alone_gets_its_own_error_and_answer():
  def fail():
    raise PermissionError('no such luck') from error

  error = ValueError('why')
  with pytest.raises(PermissionError, match='no such luck') as found:
    hosts.call_on_first(fail)
  assert found.value.__cause__ is error
  assert [hosts.ask_first(lambda x=x: x) for x in (True, 7)] == [1, 7]


@pytest.mark.parametrize('error', [OSError('no such luck'), TimeoutError()])
def test_what_the_first_of_many_cannot_do_is_told_even_without_words(
  error, monkeypatch
):
  def fail():
    raise error

  same = lambda x: x
  monkeypatch.setattr(hosts.jax, 'process_count', lambda: 2)
  monkeypatch.setattr(hosts.multihost_utils, 'broadcast_one_to_all', same)
  with pytest.raises(OSError, match=r'no such luck|TimeoutError'):
    hosts.call_on_first(fail)


@pytest.mark.parametrize('code', ['ENOSYS', 'ENOLCK', 'EOPNOTSUPP'])
def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, code):
  number = getattr(errno, code)

  def flock(file, operation):
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr(claim.files.fcntl, 'flock', flock)
  text = r'train\.lock cannot be locked .* a --workdir on a file system with'
  with pytest.raises(OSError, match=text), Lock(tmp_path):
    pass


def test_what_is_claimed_is_whole_or_as_it_was(
  smoke_config, tmp_path, full_disk
):
  for name in ('config.json', 'classes.json'):
    (tmp_path / name).write_text('{}', encoding='utf-8')
  split = experiment.load_split(smoke_config(), 'train')
  run = types.SimpleNamespace(
    workdir=tmp_path,
    config=smoke_config(),
    train=types.SimpleNamespace(split=split),
  )
  with pytest.raises(OSError, match=r'config\.json could not be written'):
    claim.claim(run)
  names = ['x' * 60, 'y' * 60]
  with pytest.raises(OSError, match=r'classes\.json could not be written'):
    sources.write_class_names(tmp_path / 'classes.json', names)
  for name in ('config.json', 'classes.json'):
    assert (tmp_path / name).read_text(encoding='utf-8') == '{}'


def test_keys_that_came_later_mean_what_was_done_before_them():
  now = experiment.to_plain(common.base())
  old = experiment.to_plain(common.base())
  del old['optimizer']['skip_norm']
  claim.check_same_config(old, now, 'there')
  now['optimizer']['skip_norm'] = 1.0
  text = r'there holds a run with optimizer.skip_norm = 0.0, now it is 1.0'
  with pytest.raises(ValueError, match=text):
    claim.check_same_config(old, now, 'there')


BEFORE = {'weights_which': '0.1'}  # weights are as that version read them


def test_the_meaning_of_a_missing_key_is_its_default():
  defaults = claim.flatten(experiment.to_plain(common.base()))
  added = {key: defaults[key] for key in older.younger()}
  assert added | BEFORE == claim.ADDED


def test_a_stored_config_gets_what_it_lacks_and_keeps_what_it_has():
  now = experiment.to_plain(common.base())
  now['optimizer']['skip_norm'] = 1.0
  assert claim.complete_config(now) == now
  older.strip(old := experiment.to_plain(common.base()))
  assert 'mesh' not in old
  wanted = experiment.to_plain(common.base()) | BEFORE
  assert claim.complete_config(old) == wanted
  assert 'mesh' not in old  # what was stored stays as it is


def test_an_unwritable_workdir_is_named(smoke_config, tmp_path):
  (tmp_path / 'file').write_text('', encoding='utf-8')
  with pytest.raises(OSError, match='choose another --workdir'):
    prepare_run(smoke_config(), tmp_path / 'file' / 'run')
