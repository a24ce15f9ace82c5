"""The garbage of this process, and its memory in the units of each system."""

import gc
import subprocess
import sys

import pytest

from i2v_jax.runtime import process


def test_garbage_is_collected_rarely_and_not_at_exit():
  code = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 0, gc.isenabled()))
from i2v_jax.runtime import process
process.collect_garbage_rarely()
print(gc.get_threshold()[0], gc.get_freeze_count())
"""
  command = [sys.executable, '-c', code]
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  assert done.stdout == '7000 0\nTrue True\n'


def test_it_is_never_collected_more_often():
  """As in these tests, which set their own threshold."""
  before = gc.get_threshold()
  process.collect_garbage_rarely()
  assert gc.get_threshold() == before


def test_the_peak_is_that_of_this_process():
  assert 2**24 < process.read_peak_bytes() < 2**40


def test_what_it_has_now_grows_with_what_it_writes_to():
  before = process.read_resident_bytes()
  kept = b'x' * 2**26
  assert process.read_resident_bytes() - before > len(kept) / 2


@pytest.mark.parametrize(('platform', 'unit'), [('darwin', 1), ('linux', 1024)])
def test_the_system_says_in_which_unit(platform, unit, monkeypatch):
  usage = type('Usage', (), {'ru_maxrss': 5})
  monkeypatch.setattr(process.resource, 'getrusage', lambda who: usage)
  monkeypatch.setattr(process.sys, 'platform', platform)
  assert process.read_peak_bytes() == 5 * unit


def test_systems_without_proc_do_not_report_what_it_has(monkeypatch):
  monkeypatch.setattr(process.pathlib.Path, 'exists', lambda path: False)
  assert process.read_resident_bytes() is None


def test_windows_does_not_report_it(monkeypatch):
  monkeypatch.setattr(process, 'resource', None)
  assert process.read_peak_bytes() is None


@pytest.mark.parametrize(('libc', 'calls'), [('glibc', [0]), ('', [])])
def test_freed_memory_is_released_where_glibc_keeps_it(
  libc, calls, monkeypatch
):
  found = []
  monkeypatch.setattr(process.platform, 'libc_ver', lambda: (libc, '2.39'))
  library = type('Library', (), {'malloc_trim': lambda _, x: found.append(x)})
  monkeypatch.setattr(process.ctypes, 'CDLL', lambda name: library())
  process.release_freed_memory()
  assert found == calls
