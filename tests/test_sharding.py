"""Batches spread over the devices there are, a few steps ahead."""

import jax
import numpy as np
import pytest
from jax.sharding import AbstractMesh, PartitionSpec

from i2v_jax import sharding


def test_the_mesh_has_every_device_once():
  mesh = sharding.make_mesh()
  assert mesh.axis_names == ('data',)
  assert mesh.devices.tolist() == jax.devices()
  assert sharding.make_mesh(jax.devices()[:1]).size == 1


def test_put_cuts_the_batch_over_the_devices():
  mesh = sharding.make_mesh()
  rows = 2 * mesh.size
  batch = {
    'video': np.arange(rows * 6, dtype=np.uint8).reshape(rows, 2, 3),
    'mask': np.linspace(0, 1, rows, dtype=np.float32),
  }
  found = sharding.put(batch, mesh)
  assert found.keys() == batch.keys()
  for key, array in found.items():
    assert array.sharding.spec == PartitionSpec('data')
    assert array.dtype == batch[key].dtype
    shards = array.addressable_shards
    assert [shard.device for shard in shards] == jax.devices()
    for number, shard in enumerate(shards):
      wanted = batch[key][2 * number : 2 * number + 2]
      np.testing.assert_array_equal(shard.data, wanted)


def test_replicated_arrays_are_whole_everywhere():
  mesh = sharding.make_mesh()
  array = jax.device_put(np.arange(5), sharding.replicated(mesh))
  assert [s.data.tolist() for s in array.addressable_shards] == [
    [0, 1, 2, 3, 4]
  ] * mesh.size


@pytest.mark.parametrize(
  ('size', 'parts', 'multiple'),
  [(1, 1, 8), (12, 1, 8), (8, 2, 16), (24, 4, 32), (0, 1, 8), (-8, 1, 8)],
)
def test_a_batch_that_does_not_spread_is_refused(size, parts, multiple):
  mesh = AbstractMesh((8,), ('data',))
  text = rf'size of {size} .* 8 device.* {parts} part.*multiple of {multiple}\.'
  with pytest.raises(ValueError, match=text):
    sharding.check_batch_size(size, mesh, parts)


@pytest.mark.parametrize(
  ('size', 'devices', 'parts'), [(8, 8, 1), (64, 8, 4), (7, 1, 1), (6, 1, 3)]
)
def test_a_batch_that_spreads_is_fine(size, devices, parts):
  mesh = AbstractMesh((devices,), ('data',))
  sharding.check_batch_size(size, mesh, parts)


@pytest.mark.parametrize('depth', [0, 1, 2, 9])
@pytest.mark.parametrize('count', [0, 1, 5])
def test_prefetch_keeps_every_item_in_order(count, depth):
  items = iter(range(count))
  assert list(sharding.prefetch(items, depth)) == list(range(count))


@pytest.mark.parametrize('depth', [0, 1, 3])
def test_prefetch_runs_so_many_items_ahead_and_no_more(depth):
  taken = []
  source = (taken.append(item) or item for item in range(10))
  ahead = [len(taken) - 1 - item for item in sharding.prefetch(source, depth)]
  assert ahead == [min(depth, 9 - item) for item in range(10)]


def test_nothing_is_fetched_before_it_is_asked_for():
  taken = []
  sharding.prefetch(taken.append(item) for item in range(10))
  assert not taken
