"""What several tests of preparing need."""

import shutil

import pytest


@pytest.fixture
def three_clips(videos, tmp_path):
  """A folder of three real clips, the last one broken; lists are to come."""
  folder = tmp_path / 'root'
  folder.mkdir()
  for name in ('h265.mp4', 'rotated_90.mov', 'corrupted.mp4'):
    shutil.copy(videos / name, folder)
  return folder
