"""Workdirs: one trainer at a time, and the same run or none."""

import subprocess
import sys

import older
import pytest

from configs import common
from i2v_jax import experiment
from i2v_jax import workdir as workdir_lib

HOLD = """
import fcntl, sys
file = open(sys.argv[1], 'w')
fcntl.flock(file, fcntl.LOCK_EX)
print('process 7 on mars', file=file, flush=True)
print('held', flush=True)
sys.stdin.read()
"""


def test_a_second_trainer_is_refused_as_long_as_the_first_lives(tmp_path):
  path = tmp_path / workdir_lib.LOCK
  first = subprocess.Popen(
    [sys.executable, '-c', HOLD, str(path)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  )
  assert first.stdout.readline() == b'held\n'
  text = r'trained by process 7 on mars; wait for it, stop it, or choose'
  with pytest.raises(OSError, match=text), workdir_lib.Lock(tmp_path):
    pass
  first.kill()
  first.communicate()
  with workdir_lib.Lock(tmp_path) as lock:  # the file is there still
    lock.check()


def test_a_process_does_not_train_twice_in_one_place(tmp_path):
  again = pytest.raises(OSError, match='is being trained by process')
  with workdir_lib.Lock(tmp_path), again, workdir_lib.Lock(tmp_path):
    pass
  with workdir_lib.Lock(tmp_path):
    pass


def test_a_folder_that_was_taken_away_is_noticed(tmp_path):
  folder = tmp_path / 'run'
  folder.mkdir()
  with workdir_lib.Lock(folder) as lock:
    lock.check()
    folder.rename(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match='moved or removed while'):
      lock.check()
    folder.mkdir()
    (folder / workdir_lib.LOCK).write_text('')  # of somebody else
    with pytest.raises(OSError, match='moved or removed while'):
      lock.check()


def test_what_the_first_process_cannot_do_no_process_does():
  def fail():
    raise OSError('no such luck')

  with pytest.raises(OSError, match='no such luck'):
    workdir_lib.by_first(fail)
  assert workdir_lib.as_first(lambda: True) is True


def test_keys_that_came_later_mean_what_was_done_before_them():
  now = experiment.plain(common.base())
  old = experiment.plain(common.base())
  del old['optimizer']['skip_norm']
  workdir_lib.check_same_config(old, now, 'there')
  now['optimizer']['skip_norm'] = 1.0
  text = r'there holds a run with optimizer.skip_norm = 0.0, now it is 1.0'
  with pytest.raises(ValueError, match=text):
    workdir_lib.check_same_config(old, now, 'there')


def test_the_meaning_of_a_missing_key_is_its_default():
  defaults = workdir_lib.flat(experiment.plain(common.base()))
  added = {key: defaults[key] for key in older.younger()}
  assert added == workdir_lib.ADDED


def test_a_stored_config_gets_what_it_lacks_and_keeps_what_it_has():
  now = experiment.plain(common.base())
  now['optimizer']['skip_norm'] = 1.0
  assert workdir_lib.completed(now) == now
  older.strip(old := experiment.plain(common.base()))
  assert 'mesh' not in old
  assert workdir_lib.completed(old) == experiment.plain(common.base())
  assert 'mesh' not in old  # what was stored stays as it is
