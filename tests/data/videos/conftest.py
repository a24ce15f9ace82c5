"""Indices that no other test has kept, and settings of long videos."""

import pytest

from i2v_jax.data.videos import index_cache, kept


@pytest.fixture(autouse=True)
def nothing_kept():
  """Forgets the indices of files that other tests have read."""
  index_cache.forget()


@pytest.fixture
def keeping(tmp_path, monkeypatch):
  """Keeps every index, in memory and in the folder given, and every file."""
  for name in ('ALONE', 'LONG', '_SETTLED'):
    monkeypatch.setattr(index_cache, name, 0)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  yield tmp_path / 'cache' / 'i2v_jax' / 'index'
  index_cache.forget()
  kept.close_all()
