"""Batches and weights spread over the devices, batches a few steps ahead."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small
from flax.traverse_util import flatten_dict
from jax.sharding import PartitionSpec
from small import abstract_mesh

from i2v_jax import params as params_lib
from i2v_jax.backbones import vit
from i2v_jax.models.build import build
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.runtime import sharding

ZEROI2V = {'name': 'zeroi2v', 'offsets': (-1, 1)}
BLOCK = 'backbone/blocks_11'


def mesh_of(data, model=1):
  return abstract_mesh((data, model), ('data', 'model'))


@dataclasses.dataclass(frozen=True)
class Device:
  """A stand-in for one that is elsewhere."""

  id: int
  process_index: int


def devices_of(*hosts):
  """One device per entry, which is its process."""
  return list(itertools.starmap(Device, enumerate(hosts)))


def test_the_mesh_has_every_device_once():
  mesh = sharding.make_mesh()
  assert mesh.axis_names == ('data', 'model')
  assert mesh.devices.ravel().tolist() == jax.devices()
  assert mesh.shape == {'data': jax.device_count(), 'model': 1}


def test_what_is_cut_over_model_stays_in_one_process():
  devices = devices_of(0, 0, 1, 1, 0, 0, 1, 1)
  mesh = sharding.make_mesh(4, devices)
  hosts = [[device.process_index for device in row] for row in mesh.devices]
  assert hosts == [[0, 0, 0, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize('model', [0, 3, 8])
def test_a_model_axis_that_does_not_divide_is_refused(model):
  text = rf'mesh.model is {model}, .* the 4 device\(s\) of a process'
  with pytest.raises(ValueError, match=text):
    sharding.make_mesh(model, devices_of(0, 0, 0, 0, 1, 1, 1, 1))


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
  mesh = mesh_of(8, 2)
  text = rf'size of {size} .* 8 device.* {parts} part.*multiple of {multiple}\.'
  with pytest.raises(ValueError, match=text):
    sharding.check_batch_size(size, mesh, parts)


@pytest.mark.parametrize(
  ('size', 'devices', 'parts'), [(8, 8, 1), (64, 8, 4), (7, 1, 1), (6, 1, 3)]
)
def test_a_batch_that_spreads_is_fine(size, devices, parts):
  mesh = mesh_of(devices)
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


@pytest.fixture(scope='module')
def parts():
  """Trained and frozen shapes of ZeroI2V on CLIP ViT-B/16."""
  backbone = dict(variant='B/16', family='clip')
  spec = dict(backbone=backbone, num_frames=8, adapter=ZEROI2V)
  tree = param_shapes(build(spec, 400))
  return params_lib.split(tree, small.TRAINED)


def cuts(tree, layout, mesh):
  """Path -> how it is cut, of what is."""
  found = flatten_dict(sharding.make_shardings(tree, layout, mesh), sep='/')
  return {path: tuple(x.spec) for path, x in found.items() if x.spec}


def test_data_cuts_the_longest_axis_of_all_but_small_arrays(parts):
  _, frozen = parts
  found = cuts(frozen, 'data', mesh_of(8))
  assert found[f'{BLOCK}/attn/q/kernel'] == (None, 'data')
  assert found[f'{BLOCK}/mlp/fc1/kernel'] == (None, 'data')
  assert found[f'{BLOCK}/mlp/fc2/kernel'] == ('data',)
  assert found['backbone/patch/kernel'] == (None, None, None, 'data')
  assert found['backbone/pos'] == (None, 'data')  # 197 rows
  small_ones = flatten_dict(frozen, sep='/').keys() - found.keys()
  assert not [p for p in small_ones if p.endswith('kernel')]
  assert f'{BLOCK}/mlp/fc1/bias' in small_ones
  assert not cuts(frozen, 'replicated', mesh_of(8))


def test_model_cuts_outputs_then_inputs(parts):
  _, frozen = parts
  found = cuts(frozen, 'model', mesh_of(2, 4))
  outputs, inputs = (None, 'model'), ('model',)
  wanted = dict.fromkeys(('attn/q', 'attn/k', 'attn/v', 'mlp/fc1'), outputs)
  wanted |= dict.fromkeys(('attn/out', 'mlp/fc2'), inputs)
  assert found == {
    f'backbone/blocks_{i}/{name}/kernel': cut
    for i in range(12)
    for name, cut in wanted.items()
  }


@pytest.mark.parametrize('layout', ['data', 'model'])
def test_the_optimiser_has_the_cuts_of_what_it_trains(parts, layout):
  mine, _ = parts
  mesh, state = mesh_of(2, 4), jax.eval_shape(optax.adamw(0.1).init, mine)
  wanted = sharding.make_shardings(mine, layout, mesh)
  assert cuts(mine, layout, mesh)
  moments = sharding.make_shardings(state, layout, mesh)[0]
  assert moments.mu == moments.nu == wanted
  assert moments.count.spec == PartitionSpec()


@pytest.mark.parametrize(
  ('layout', 'mesh'), [('data', (1, 8)), ('model', (8, 1)), ('data', (8, 1))]
)
def test_a_layout_that_cuts_nothing_is_refused(parts, layout, mesh):
  mesh, (_, frozen) = mesh_of(*mesh), parts
  tree = {'backbone': {'cls': jnp.zeros(768)}} if mesh.shape[layout] > 1 else 0
  with pytest.raises(ValueError, match=f"'{layout}' shards nothing here"):
    sharding.make_shardings(tree or frozen, layout, mesh)


def test_where_nothing_is_frozen_its_layout_is_not_refused():
  assert sharding.make_shardings({}, 'data', mesh_of(8, 1)) == {}


def test_what_cannot_be_cut_is_named(parts):
  with pytest.raises(
    ValueError, match=r'blocks_0/attn/k/kernel .* into 5 along'
  ):
    sharding.make_shardings(parts[1], 'model', mesh_of(1, 5))
  with pytest.raises(ValueError, match=r'mesh.model is 8, .* the 12 heads'):
    sharding.check_heads(12, mesh_of(1, 8))
  sharding.check_heads(12, mesh_of(1, 4))


@pytest.mark.parametrize(
  ('changes', 'text'),
  [
    (dict(frozen='zero'), "mesh.frozen is 'zero'; it can be one of"),
    (dict(trained=''), "mesh.trained is ''; it can be one of"),
    (dict(model=2, frozen='data'), 'mesh.model is 2, but nothing is sharded'),
  ],
)
def test_layouts_that_cannot_be_are_refused(changes, text):
  whole = dict(model=1, frozen='replicated', trained='replicated')
  sharding.check_layouts(whole)
  with pytest.raises(ValueError, match=text):
    sharding.check_layouts(whole | changes)


def test_what_was_trained_in_parts_is_used_in_parts(parts):
  _, frozen = parts
  layouts = dict(model=4, frozen='model', trained='replicated')
  cut = lambda layouts, mesh: sharding.make_shardings_for_use(
    frozen, layouts, mesh
  )
  assert cut(layouts, mesh_of(8)) == sharding.make_shardings(
    frozen, 'data', mesh_of(8)
  )
  assert jax.tree.leaves(cut(layouts, mesh_of(1)))  # on a laptop, too
  whole = cut(layouts | dict(frozen='replicated'), mesh_of(8))
  assert {x.spec for x in jax.tree.leaves(whole)} == {PartitionSpec()}


def constraints(model, mesh=None):
  """Shapes that the forward pass holds to a layout."""
  function = lambda params, clip: model.apply({'params': params}, *clip)
  function = sharding.trace_on_mesh(function, mesh) if mesh else function
  jaxpr = jax.make_jaxpr(function)(param_shapes(model), clip_shapes(model, 8))
  return [
    tuple(eqn.params['sharding'].spec) + eqn.invars[0].aval.shape
    for eqn in jaxpr.eqns
    if eqn.primitive.name == 'sharding_constraint'
  ]


@pytest.mark.parametrize('method', ['zeroi2v', 'dualpath', 'evl', None])
def test_activations_are_cut_over_data_once_per_block(method):
  options = {'dualpath': dict(grid=(2, 2), spatial_frames=4)}
  adapter = method and {'name': method, **options.get(method, {})}
  adapter = adapter and adapter | ({'layers': 2} if method == 'evl' else {})
  model = small.build(adapter, depth=3)
  wanted = [('data', 8, frames, 17, 32) for frames in (4, 1)]
  paths = 2 if method == 'dualpath' else 1
  assert constraints(model, mesh_of(4, 2)) == [
    shape for shape in wanted[:paths] for _ in range(3)
  ]
  assert not constraints(model)


def test_the_image_model_is_at_home_on_any_mesh():
  x = jnp.zeros((2, 5, 8))
  assert vit.shard_over_data(x) is x
  for axes in (('batch',), ('x', 'model')):
    with jax.sharding.use_abstract_mesh(abstract_mesh((2,) * len(axes), axes)):
      assert vit.shard_over_data(x) is x
  mesh = sharding.make_mesh(devices=jax.devices()[:1])
  inside = jax.shard_map(
    vit.shard_over_data,
    mesh=mesh,
    in_specs=PartitionSpec('data'),
    out_specs=PartitionSpec('data'),
  )
  np.testing.assert_array_equal(jax.jit(inside)(x), x)
