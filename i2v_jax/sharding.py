"""One mesh with a `data` axis; the batch of videos is sharded over it."""

import collections
from collections.abc import Iterable, Iterator

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def make_mesh(devices=None) -> Mesh:
  """All devices of all processes along the axis `data`."""
  devices = jax.devices() if devices is None else devices
  return Mesh(np.asarray(devices), ('data',))


def replicated(mesh: Mesh) -> NamedSharding:
  """A copy on every device."""
  return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
  """The first axis cut over the devices."""
  return NamedSharding(mesh, PartitionSpec('data'))


def check_batch_size(size: int, mesh: Mesh, parts: int = 1) -> None:
  """Raises ValueError unless each of `parts` spreads evenly over the mesh."""
  if size < 1 or size % (mesh.size * parts):
    raise ValueError(
      f'A batch_size of {size} does not spread over {mesh.size} device(s) in '
      f'{parts} part(s); choose a multiple of {mesh.size * parts}.'
    )


def put(batch, mesh: Mesh):
  """This process's part of a batch -> global arrays sharded over `data`."""
  sharding = over_data(mesh)
  place = lambda x: jax.make_array_from_process_local_data(sharding, x)
  return jax.tree.map(place, batch)


def prefetch(items: Iterable, depth: int = 2) -> Iterator:
  """Runs `depth` items ahead, so that transfers overlap with computation."""
  queue = collections.deque()
  for item in items:
    queue.append(item)
    if len(queue) > depth:
      yield queue.popleft()
  yield from queue
