"""One mesh with the axes `data` and `model`, and what is cut over them.

The batch is cut over `data`. Frozen parameters have one of `LAYOUTS`; trained
ones, with their optimiser state, have one of their own.
"""

import collections
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from i2v_jax.runtime.errors import UserError, check_choice

LARGEST = -1  # the longest axis of an array that divides, if one does

# Layout -> (end of a path, axis of the array there to be cut); the first that
# fits counts. It is cut over the axis of the mesh that the layout is named
# after. What fits nothing, or is small, is whole on every device.
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
SMALL = 2**16  # numbers in an array that is not worth cutting


def make_mesh(model: int = 1, devices: Sequence | None = None) -> Mesh:
  """All devices of all processes, those along `model` in one process.

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
  """Raises UserError for a `mesh` of a config that cannot be."""
  for key in ('frozen', 'trained'):
    check_choice(f'mesh.{key}', layouts[key], LAYOUTS)
  if layouts['model'] > 1 and 'model' not in layouts.values():
    raise UserError(
      f'mesh.model is {layouts["model"]}, but nothing is cut over it; set '
      "mesh.frozen or mesh.trained to 'model', or mesh.model to 1."
    )


def check_heads(num_heads: int, mesh: Mesh) -> None:
  """Raises UserError where heads of attention would be cut."""
  if num_heads % mesh.shape['model']:
    raise UserError(
      f'mesh.model is {mesh.shape["model"]}, which does not divide the '
      f'{num_heads} heads of the backbone; choose a divisor.'
    )


def make_shardings(tree, layout: str, mesh: Mesh):
  """Where each array of a tree belongs, a tree of `NamedSharding`.

  Args:
    tree: of arrays or shapes; the paths of its leaves end as parameters' do.
    layout: one of `LAYOUTS`.
    mesh: as `make_mesh` makes it.

  Raises:
    UserError: of arrays that are there none is cut, or one cannot be.
  """
  found = _make_places(tree, layout, mesh)
  places = jax.tree.leaves(found)  # none, where nothing is frozen
  if layout == 'replicated' or not places:
    return found
  if mesh.shape[layout] == 1 or not any(place.spec for place in places):
    raise UserError(
      f'The layout {layout!r} cuts nothing here: there are '
      f'{mesh.shape[layout]} device(s) along it, and it leaves arrays below '
      f"{SMALL} numbers whole; take 'replicated'."
    )
  return found


def make_shardings_for_use(params, layouts: Mapping, mesh: Mesh):
  """Where parameters belong that are trained no more, on any mesh.

  What a run has cut (`mesh` of its config) is cut over the devices there are,
  be it only one.
  """
  whole = {layouts['frozen'], layouts['trained']} == {'replicated'}
  return _make_places(params, 'replicated' if whole else 'data', mesh)


def _make_places(tree, layout: str, mesh: Mesh):
  def place(path, x):
    path = jax.tree_util.keystr(path, simple=True, separator='/')
    axis = _find_axis(path, x.shape, layout, mesh)
    cut = () if axis is None else (*[None] * axis, layout)
    return NamedSharding(mesh, PartitionSpec(*cut))

  return jax.tree_util.tree_map_with_path(place, tree)


def _find_axis(
  path: str, shape: Sequence[int], layout: str, mesh
) -> int | None:
  """The axis of an array that is cut, if one is."""
  rules = [axis for end, axis in LAYOUTS[layout] if path.endswith(end)]
  if not rules or math.prod(shape) < SMALL:
    return None
  count = mesh.shape[layout]
  if rules[0] == LARGEST:
    fits = [(n, axis) for axis, n in enumerate(shape) if n % count == 0]
    return max(fits)[1] if fits else None
  if shape[rules[0]] % count:
    raise UserError(
      f'{path} {tuple(shape)} cannot be cut into {count} along axis '
      f'{rules[0]}; choose another mesh.model.'
    )
  return rules[0]


def replicated(mesh: Mesh) -> NamedSharding:
  """A copy on every device."""
  return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
  """The first axis cut over `data`."""
  return NamedSharding(mesh, PartitionSpec('data'))


def trace_on_mesh(function: Callable, mesh: Mesh) -> Callable:
  """`function`, to be compiled: inside, the activations are cut over `data`.

  The image model asks for that once per block (`vit.over_data`).
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
  """This process's part of a batch -> global arrays cut over `data`."""
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
