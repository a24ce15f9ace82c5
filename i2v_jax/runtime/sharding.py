"""One mesh with the axes `data` and `model`, and the arrays sharded over them.

The batch is sharded over `data`. Frozen parameters have one of `LAYOUTS`;
trained ones, with their optimiser state, have one of their own.
"""

import collections
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from i2v_jax.runtime.errors import UserError, check_choice

LARGEST = -1  # the longest axis of an array that divides evenly, if any

# Layout -> (end of a path, axis of the array to shard); the first match counts.
# The array is sharded over the mesh axis that the layout is named after. Arrays
# without a match, and small ones, are replicated.
LAYOUTS = {
  'replicated': (),
  'data': (('', LARGEST),),  # gathered where it is used, as ZeRO-3
  'model': (  # by outputs, then by inputs (arXiv 1909.08053, section 3)
    ('/q/kernel', 1),
    ('/k/kernel', 1),
    ('/v/kernel', 1),
    ('/out/kernel', 0),
    ('/fc1/kernel', 1),
    ('/fc2/kernel', 0),
    ('/down/kernel', 1),
    ('/up/kernel', 0),
  ),
}
SMALL = 2**16  # numbers in an array below which it is not sharded


def make_mesh(model: int = 1, devices: Sequence | None = None) -> Mesh:
  """Makes a mesh of all devices, with those along `model` in one process.

  Raises:
    UserError: `model` does not divide the devices of a process.
  """
  devices = jax.devices() if devices is None else devices
  devices = sorted(devices, key=lambda device: device.process_index)
  here = collections.Counter(device.process_index for device in devices)
  for count in here.values():
    if model < 1 or count % model:
      raise UserError(
        f'mesh.model is {model}, which does not divide the {count} device(s) '
        'of a process; choose a divisor.'
      )
  shape, axes = (-1, model), ('data', 'model')
  # Without it some releases of JAX expect every array's axes to be typed.
  return Mesh(np.reshape(devices, shape), axes, axis_types=(AxisType.Auto,) * 2)


def check_layouts(layouts: Mapping) -> None:
  """Raises UserError for an invalid `mesh` of a config."""
  for key in ('frozen', 'trained'):
    check_choice(f'mesh.{key}', layouts[key], LAYOUTS)
  if layouts['model'] > 1 and 'model' not in layouts.values():
    raise UserError(
      f'mesh.model is {layouts["model"]}, but nothing is sharded over it; set '
      "mesh.frozen or mesh.trained to 'model', or mesh.model to 1."
    )


def check_heads(num_heads: int, mesh: Mesh) -> None:
  """Raises UserError where attention heads would be split."""
  if num_heads % mesh.shape['model']:
    raise UserError(
      f'mesh.model is {mesh.shape["model"]}, which does not divide the '
      f'{num_heads} heads of the backbone; choose a divisor.'
    )


def make_shardings(tree, layout: str, mesh: Mesh):
  """Makes the shardings of a tree, a tree of `NamedSharding`.

  Args:
    tree: of arrays or shapes; the paths of its leaves end as parameters' do.
    layout: one of `LAYOUTS`.
    mesh: as `make_mesh` makes it.

  Raises:
    UserError: the layout shards no array, or an array does not divide evenly.
  """
  found = _make_places(tree, layout, mesh)
  places = jax.tree.leaves(found)  # none, where nothing is frozen
  if layout == 'replicated' or not places:
    return found
  if mesh.shape[layout] == 1 or not any(place.spec for place in places):
    raise UserError(
      f'The layout {layout!r} shards nothing here: there are '
      f'{mesh.shape[layout]} device(s) along it, and it replicates arrays '
      f"below {SMALL} numbers; take 'replicated'."
    )
  return found


def make_shardings_for_use(params, layouts: Mapping, mesh: Mesh):
  """Makes the shardings of parameters after training, on any mesh.

  Parameters that a run has sharded (`mesh` of its config) are sharded over all
  available devices, even if there is only one.
  """
  all_layouts = {layouts['frozen'], layouts['trained']}
  layout = 'replicated' if all_layouts == {'replicated'} else 'data'
  return _make_places(params, layout, mesh)


def _make_places(tree, layout: str, mesh: Mesh):
  def place(path, x):
    path = jax.tree_util.keystr(path, simple=True, separator='/')
    axis = _find_axis(path, x.shape, layout, mesh)
    spec = () if axis is None else (*[None] * axis, layout)
    return NamedSharding(mesh, PartitionSpec(*spec))

  return jax.tree_util.tree_map_with_path(place, tree)


def _find_axis(
  path: str, shape: Sequence[int], layout: str, mesh
) -> int | None:
  """The axis over which an array is sharded, or None."""
  rules = [axis for end, axis in LAYOUTS[layout] if path.endswith(end)]
  if not rules or math.prod(shape) < SMALL:
    return None
  count = mesh.shape[layout]
  if rules[0] == LARGEST:
    fits = [(n, axis) for axis, n in enumerate(shape) if n % count == 0]
    return max(fits)[1] if fits else None
  if shape[rules[0]] % count:
    raise UserError(
      f'{path} {tuple(shape)} does not divide into {count} along axis '
      f'{rules[0]}; choose another mesh.model.'
    )
  return rules[0]


def replicated(mesh: Mesh) -> NamedSharding:
  """A copy on every device."""
  return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
  """The first axis sharded over `data`."""
  return NamedSharding(mesh, PartitionSpec('data'))


def trace_on_mesh(function: Callable, mesh: Mesh) -> Callable:
  """Wraps a function so that its activations are sharded over `data`.

  The image model requests this once per block (`vit.shard_over_data`).
  """

  @functools.wraps(function)
  def on_mesh(*args):
    with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
      return function(*args)

  return on_mesh


def check_batch_size(size: int, mesh: Mesh, parts: int = 1) -> None:
  """Raises UserError unless each of `parts` spreads evenly over `data`."""
  count = mesh.shape['data']
  if size < 1 or size % (count * parts):
    raise UserError(
      f'A batch_size of {size} does not spread over {count} device(s) in '
      f'{parts} part(s); choose a multiple of {count * parts}.'
    )


def put(batch, mesh: Mesh):
  """Makes global arrays, sharded over `data`, of this process's rows."""
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
