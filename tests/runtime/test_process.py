"""Memory of this process, in the units of each system."""

import pytest

from i2v_jax.runtime import process


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
