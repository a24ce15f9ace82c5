"""A file in which bright follows dark, twice."""

import pytest
from streamed import SHADES, write_shades


@pytest.fixture(scope='session')
def shades(tmp_path_factory):
  """20 frames, 8 a second: dark up to 1 s, bright up to 2 s, dark again."""
  return write_shades(tmp_path_factory.mktemp('shades') / 'a.mp4', SHADES)
