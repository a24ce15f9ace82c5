"""DualPath's detector reads a box in single frames and in the right cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small

from i2v_jax.data.clips import grid
from i2v_jax.deploy import stablehlo
from i2v_jax.models import dualpath_detection
from i2v_jax.models.build import build, merge
from i2v_jax.models.inputs import clip_shapes, normalize_clips, param_shapes
from i2v_jax.models.macs import count_macs
from i2v_jax.models.roi_align import roi_align
from i2v_jax.runtime import compilation
from i2v_jax.runtime.errors import UserError

BACKBONE = dict(width=16, depth=2, num_heads=4, patch_size=4, image_size=32)
ADAPTER = dict(name='dualpath', grid=(2, 2), spatial_frames=2, rank=4)
BOXES = jnp.array([[[0.0, 0.0, 15.0, 31.0], [16.0, 0.0, 31.0, 31.0]]])
LEFT, RIGHT = slice(0, 8), slice(24, 32)  # columns that one box reads


def make(adapter=(), backbone=(), projection=0, frames=8, **detection):
  return build(
    dict(
      backbone=BACKBONE | dict(backbone),
      num_frames=frames,
      adapter=ADAPTER | dict(adapter),
      temporal_embedding=False,
      projection=projection,
      detection={'boxes': 2} | detection,
    ),
    3,
  )


def make_clip(seed=0):
  """Noise: all frames of a clip, `8 x 32 x 32 x 3`."""
  return np.random.default_rng(seed).standard_normal((8, 32, 32, 3), 'f4')


def run(model, params, clip, boxes=BOXES):
  """Logits of the boxes of a clip, by its own framesets: `N x classes`."""
  framesets = grid.make_framesets(clip, *model.adapter['grid'])
  inputs = clip[None, :: 8 // 2], framesets[None], boxes
  return np.asarray(small.apply(model, params, *inputs)[0])


def silence(params):
  """Switches attention off, so that tokens stay where they are."""
  still = {'kernel': jnp.zeros((16, 16)), 'bias': jnp.zeros(16)}
  params['backbone']['blocks_0']['attn']['out'] = still
  return params


@pytest.mark.parametrize('frame', [0, 2, 5, 7])  # 2, 5 and 7 in framesets only
@pytest.mark.parametrize(('columns', 'box'), [(LEFT, 0), (RIGHT, 1)])
def test_a_box_is_read_in_the_cell_of_every_frame(frame, columns, box):
  model = make(backbone=dict(depth=1))
  params, clip = silence(small.random(model)), make_clip()
  before = run(model, params, clip)
  painted = clip.copy()
  painted[frame, :, columns] += 3.0
  moved = np.abs(run(model, params, painted) - before).max(axis=-1)
  assert moved[box] > 1e-4
  np.testing.assert_allclose(moved[1 - box], 0, atol=1e-6)


def test_a_cell_is_read_as_a_map_of_its_own():
  """Nothing of the next frame is read, though its patches are neighbours."""
  rng = np.random.default_rng(0)
  maps = rng.standard_normal((2, 3, 8, 12, 5), 'f4')  # cells of 4 x 3 patches
  low = rng.uniform(0, 24, (2, 6, 2))
  boxes = np.concatenate([low, low + rng.uniform(0, 40, (2, 6, 2))], axis=-1)
  boxes = np.float32(np.minimum(boxes, [48, 32, 48, 32]))
  read = jax.jit(lambda *x: dualpath_detection.read_cells(*x, 4, (2, 4)))
  found = read(maps, boxes)
  cells = (
    maps.reshape(2, 3, 2, 4, 4, 3, 5).swapaxes(3, 4).reshape(2, -1, 4, 3, 5)
  )
  shrunk = np.repeat(boxes / [4, 2, 4, 2], cells.shape[1], axis=0)
  own = roi_align(
    cells.reshape(-1, 4, 3, 5), shrunk, 1 / 4, sampling=2, aligned=True
  )
  own = own.max(axis=(2, 3)).reshape(2, -1, 6, 5).mean(axis=1)
  np.testing.assert_allclose(found, own, atol=1e-5)


def test_a_patch_between_two_cells_belongs_to_both():
  """As in B/16 at 224 pixels: 14 patches, cells of 3.5."""
  left, top, right, bottom = dualpath_detection.find_limits((4, 4), 14, 14).T
  assert left[:5].tolist() == [0, 3, 7, 10, 0]
  assert right[:5].tolist() == [3, 6, 10, 13, 3]
  assert top[::4].tolist() == [0, 3, 7, 10]
  assert bottom[::4].tolist() == [3, 6, 10, 13]
  left, _, right, _ = dualpath_detection.find_limits((1, 14), 14, 14).T
  assert (left == np.arange(14)).all() and (right == left).all()


def test_boxes_are_shrunk_into_cells_in_the_order_of_frames():
  found = dualpath_detection.shrink(BOXES, (2, 4), 32, 32)[0, :, 1]
  assert found[0].tolist() == [4, 0, 7.75, 15.5]
  assert found[1].tolist() == [12, 0, 15.75, 15.5]
  assert found[4].tolist() == [4, 16, 7.75, 31.5]


@pytest.mark.parametrize('mean', ['before', 'after'])
def test_the_order_of_frames_matters(mean):
  model = make(mean=mean, frames=8)
  params, clip = small.random(model), make_clip()
  other = clip[np.array([0, 2, 1, 3, 4, 7, 5, 6])]  # single ones are the same
  moved = run(model, params, clip) - run(model, params, other)
  assert np.abs(moved).max() > 1e-3


def test_the_mean_over_time_is_before_or_after_the_maximum():
  params, clip = small.random(make()), make_clip()
  both = [run(make(mean=m), params, clip) for m in ('before', 'after')]
  assert np.abs(both[0] - both[1]).max() > 1e-3


@pytest.mark.parametrize('context', [False, True])
def test_class_tokens_count_as_context_only(context):
  model = make(context=context, backbone=dict(depth=1))
  params, clip = silence(small.random(model)), make_clip()
  before = run(model, params, clip)
  params['backbone']['cls'] = -params['backbone']['cls']
  moved = np.abs(run(model, params, clip) - before).max()
  assert moved > 1e-3 if context else moved < 1e-6


def test_context_is_that_of_a_clip_for_all_boxes():
  """With a head that reads nothing else, what a clip's head says."""
  clips = dict(backbone=BACKBONE, num_frames=8, adapter=ADAPTER, projection=6)
  clips = build(clips | dict(temporal_embedding=False), 3)
  params, clip = small.random(clips), make_clip()
  framesets = grid.make_framesets(clip, 2, 2)
  wanted = small.apply(clips, params, clip[None, ::4], framesets[None])
  kernel = params['head']['fc1']['kernel']
  wider = jnp.concatenate([jnp.zeros_like(kernel), kernel])
  params['head']['fc1']['kernel'] = wider
  found = run(make(context=True, projection=6), params, clip)
  np.testing.assert_allclose(found, np.repeat(wanted, 2, axis=0), atol=1e-5)


@pytest.mark.parametrize('context', [False, True])
def test_the_tree_is_that_of_the_classifier(context):
  """So that a trained classifier of clips can be the start of a detector."""
  spec = dict(backbone=BACKBONE, num_frames=8, adapter=ADAPTER, projection=6)
  spec['backbone'] = BACKBONE | dict(family='siglip')  # pools with a query
  spec['temporal_embedding'] = False
  clips = param_shapes(build(spec, 3))
  boxes = param_shapes(build(spec | dict(detection=dict(context=context)), 3))
  assert boxes['backbone'] == clips['backbone']
  assert boxes['adapters'] == clips['adapters']
  assert (boxes['head'] == clips['head']) == (not context)


VARIANTS = {
  'plain': {},
  'mean after': dict(mean='after'),
  'projection': dict(projection=6),
  'context': dict(context=True, projection=6),
}


def trace(model):
  """The program of a forward pass; without `init`, which pools as well."""
  apply = lambda params, *clips: model.apply({'params': params}, *clips)
  return jax.jit(apply).trace(param_shapes(model), *clip_shapes(model))


@pytest.mark.parametrize('name', VARIANTS)
def test_the_formula_counts_every_product_that_is_traced(name):
  model = make(**VARIANTS[name])
  found = small.count_products(trace(model).jaxpr.jaxpr)
  assert sum(count_macs(model).values()) == found


@pytest.mark.slow
@pytest.mark.parametrize('name', VARIANTS)
def test_xla_compiles_as_much_within_one_percent(name):
  sizes = dict(width=768, num_heads=12, patch_size=16, image_size=224)
  adapter = dict(grid=(4, 4), spatial_frames=4)
  model = make(adapter, sizes, frames=16, **VARIANTS[name] | dict(boxes=8))
  found = compilation.count_xla_macs(trace(model).lower().compile())
  assert sum(count_macs(model).values()) == pytest.approx(found, rel=0.01)


def test_boxes_are_no_steps_of_the_clip():
  model = make()
  assert model.num_steps == 2 + 2  # single frames and framesets
  video, framesets, boxes = clip_shapes(model, 3, jnp.bfloat16)
  assert video.shape == framesets.shape == (3, 2, 32, 32, 3)
  assert framesets.dtype == jnp.bfloat16
  assert boxes.shape == (3, 2, 4) and boxes.dtype == jnp.float32


def test_it_stays_apart_from_the_frozen_weights():
  model = make()
  with pytest.raises(UserError, match='dualpath cannot be folded'):
    merge(model, {})


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (dict(adapter=dict(grid=(2, 16)), frames=32), 'a cell has less than one'),
    (dict(frames=6), 'a multiple of 4, not 6'),
    (dict(mean='between'), r'model\.detection\.mean'),
  ],
)
def test_wrong_options_are_named(changes, words):
  with pytest.raises(UserError, match=words):
    param_shapes(make(**changes))


def test_its_head_and_dropout_are_its_own():
  for option in (dict(head_std=0.01), dict(dropout=0.5)):
    spec = dict(backbone=BACKBONE, num_frames=8, adapter=ADAPTER) | option
    spec |= dict(temporal_embedding=False, detection=dict(boxes=2))
    with pytest.raises(UserError, match='does not go with dualpath; switch'):
      build(spec, 3)


def test_frames_of_another_shape_are_refused():
  model = make()
  params, wide = small.random(model), jnp.zeros((1, 2, 32, 48, 3))
  with pytest.raises(UserError, match='takes 32x32 pixels, not 48x32'):
    model.apply({'params': params}, wide, wide, BOXES)


def test_an_exported_program_takes_any_number_of_boxes():
  model = make()
  params, rng = small.random(model), np.random.default_rng(0)
  program = stablehlo.make_program(model, param_shapes(model), 'half')
  flat = {'/'.join(k.key for k in path): x for path, x in leaves(params)}
  for batch, count in ((1, 2), (2, 5)):
    clips = {
      name: rng.integers(0, 256, (batch, 2, 32, 32, 3), dtype=np.uint8)
      for name in ('video', 'grid')
    }
    clips['boxes'] = np.tile(BOXES[:, :1], (batch, count, 1))
    wanted = small.apply(model, params, *normalize_clips(clips, 'half'))
    found = program.call(flat, *clips.values())
    assert found.shape == (batch, count, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def leaves(params):
  return jax.tree_util.tree_flatten_with_path(params)[0]
