"""Locks: with fcntl, as on Windows, and where Python has none."""

import os
import types

import pytest

from i2v_jax.runtime import files


class Windows(types.SimpleNamespace):
  """Locks of bytes, mandatory and per open file, as msvcrt has them."""

  LK_NBLCK = 2

  def __init__(self):
    self.locked = set()

  def locking(self, number, mode, count):
    at = os.lseek(number, 0, os.SEEK_CUR)
    assert (mode, count) == (self.LK_NBLCK, 1)
    if at in self.locked:
      raise PermissionError(13, 'Permission denied')
    self.locked.add(at)


def test_one_process_at_a_time(tmp_path):
  with (
    open(tmp_path / 'lock', 'a+', encoding='utf-8') as one,
    open(tmp_path / 'lock', encoding='utf-8') as two,
  ):
    files.lock(one)
    with pytest.raises(BlockingIOError):
      files.lock(two)
    one.close()
    files.lock(two)


def test_windows_locks_a_byte_that_nobody_reads(tmp_path, monkeypatch):
  monkeypatch.setattr(files, 'fcntl', None)
  monkeypatch.setattr(files, 'msvcrt', Windows())
  path = tmp_path / 'lock'
  with (
    open(path, 'a+', encoding='utf-8') as one,
    open(path, encoding='utf-8') as two,
  ):
    files.lock(one)
    one.write('process 7')
    one.flush()
    with pytest.raises(BlockingIOError):
      files.lock(two)
    two.seek(0)
    assert two.read() == 'process 7'
  assert min(files.msvcrt.locked) > path.stat().st_size


def test_no_locks_at_all_is_said(tmp_path, monkeypatch, caplog):
  monkeypatch.setattr(files, 'fcntl', None)
  with open(tmp_path / 'lock', 'w', encoding='utf-8') as file:
    files.lock(file)
  assert f'{file.name} is not locked' in caplog.text
  assert 'start only one process' in caplog.text
