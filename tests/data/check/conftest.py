"""What several tests of checks need."""

import shutil

import pytest


@pytest.fixture
def data(tmp_path, videos):
  """Two classes, train and val; one clip is broken and one is there twice."""
  for name, source in {
    'train/a/1.mov': 'rotated_90.mov',
    'train/b/2.mp4': 'h265.mp4',
    'train/b/3.avi': 'mpeg4.avi',
    'val/a/4.mp4': 'corrupted.mp4',
    'val/b/5.mp4': 'h265.mp4',
  }.items():
    path = tmp_path / 'data' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(videos / source, path)
  return tmp_path / 'data'
