"""Settings of tests of long videos, for short ones."""

import pytest

from i2v_jax.data.videos import index_cache, kept


@pytest.fixture
def keeping(tmp_path, monkeypatch):
  """Keeps every index, in memory and in the folder given, and every file."""
  for name in ('SHORT', 'LONG', '_SETTLED'):
    monkeypatch.setattr(index_cache, name, 0)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  yield tmp_path / 'cache' / 'i2v_jax' / 'index'
  index_cache.forget()
  kept.close_all()
