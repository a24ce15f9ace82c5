"""Settings every test runs under."""

import pathlib

import jax
import pytest

jax.config.update('jax_numpy_rank_promotion', 'raise')

VIDEOS = pathlib.Path(__file__).parent / 'videos'


@pytest.fixture
def videos() -> pathlib.Path:
  """Folder of small real clips (see its README.md)."""
  return VIDEOS
