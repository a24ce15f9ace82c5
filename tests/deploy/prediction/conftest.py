"""A small model with random parameters, and videos for it."""

import dataclasses

import numpy as np
import pytest
import small
from encoded import encode_images

from i2v_jax.runtime import sharding


@pytest.fixture(scope='session')
def model(tmp_path_factory):
  """A model of 3 classes, 4 frames and 16 pixels, with batches of 4 clips."""
  made = small.trained(None, tmp_path_factory.mktemp('model'))
  config = made.config | {'batch_size': 4}
  return dataclasses.replace(made, config=config, mesh=sharding.make_mesh())


@pytest.fixture(scope='session')
def clips(tmp_path_factory):
  """7 videos of 12 to 30 frames, the fourth of which is none."""
  folder, rng = tmp_path_factory.mktemp('clips'), np.random.default_rng(0)
  found = []
  for number, count in enumerate((12, 30, 18, 0, 24, 13, 21)):
    path = folder / f'{number}.mp4'
    if count:
      # Few large squares: noise would not survive the codec.
      squares = rng.integers(0, 255, (count, 2, 2, 3), np.uint8)
      images = squares.repeat(12, axis=1).repeat(16, axis=2)
      encode_images(path, 'libx264', list(images), {'g': '6'})
    else:
      path.write_text('no video', encoding='utf-8')
    found.append(str(path))
  return found
