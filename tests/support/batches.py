"""Batches of the digits and of broken videos, made and compared."""

import dataclasses

import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.loading import pipeline
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.loading.parallelism import Parallelism

PLAIN = Parallelism(threads=0)
SPEC = clips.ClipSpec(  # everything random that there is
  8,
  32,
  short_side=36,
  randaugment='after_crop',
  erasing=0.5,
  erasing_mode='rand',
)
GRID = dataclasses.replace(SPEC, grid=(2, 2), spatial_frames=4)
BROKEN = clips.ClipSpec(8, 32, sampling='uniform')  # reaches the bad packet


def train(
  split,
  start=0,
  stop=6,
  batch_size=4,
  seed=0,
  parallel=PLAIN,
  spec=SPEC,
  **more,
):
  return list(
    pipeline.load_train_batches(
      Loader(split, spec),
      batch_size,
      seed=seed,
      start=start,
      stop=stop,
      parallel=parallel,
      **more,
    )
  )


def evaluate(split, batch_size, spec=BROKEN, parallel=PLAIN, **options):
  loader = Loader(split, spec, **options)
  return list(pipeline.load_test_batches(loader, batch_size, parallel=parallel))


def order_of(batches):
  return np.concatenate([batch['index'] for batch in batches]).tolist()


def together(hosts):
  """Whole batches of the parts of each host, one behind the other."""
  return [
    {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    for parts in zip(*hosts, strict=True)
  ]


def assert_same(found, wanted):
  assert len(found) == len(wanted)
  for one, other in zip(found, wanted, strict=True):
    assert one.keys() == other.keys()
    for key in one:
      assert one[key].dtype == other[key].dtype
      np.testing.assert_array_equal(one[key], other[key], err_msg=key)
