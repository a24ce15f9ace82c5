"""Settings every test runs under."""

import pathlib

import pytest

VIDEOS = pathlib.Path(__file__).parent / 'videos'


@pytest.fixture
def videos() -> pathlib.Path:
  """Folder of small real clips (see its README.md)."""
  return VIDEOS
