"""What the heads of a block look at, in models of every kind."""

import ast
import dataclasses
import re

import jax
import looking
import numpy as np
import pytest
import small
from flax import linen as nn
from paths import ROOT

import i2v_jax
from i2v_jax.backbones.image_model import make_module
from i2v_jax.models.attention.maps import find_image_maps, find_maps

ZERO = dict(name='zeroi2v', offsets=(-1, 1), rank=4)
PLANTED = dict(name='zeroi2v', offsets=(-1,), num_adapters=0)
GRID = dict(name='dualpath', grid=(2, 2), spatial_frames=2, rank=4)


def build(adapter, depth=1, **options):
  return small.build(adapter, depth=depth, temporal_embedding=False, **options)


def on_one_stage(**options):
  """A Swin whose second block shifts its windows."""
  adapter = ZERO | dict(offsets=(-1,))
  return small.on_swin(adapter, depths=(2,), num_heads=(4,), **options)


def by_name(found):
  for one in found:
    looking.check_sums(one)
  assert len({one.name for one in found}) == len(found)
  return {one.name: one for one in found}


def find(model, params=None, inputs=None, **query):
  params = small.random(model) if params is None else params
  inputs = looking.pixels(model) if inputs is None else inputs
  return by_name(find_maps(model, params, inputs, **query))


@pytest.fixture(scope='module')
def planted():
  model = build(PLANTED, family='imagenet', frames=3)
  return model, looking.plant(model)


@pytest.fixture(scope='module')
def zero():
  """ZeroI2V whose blocks are recomputed in the backward pass."""
  model = build(ZERO, depth=2)
  cfg = dataclasses.replace(model.image_model, remat='block')
  return model.clone(image_model=cfg), small.random(model, 0.3)


def test_a_head_that_looks_one_frame_back_at_one_place_shows_that(planted):
  lit = {0: (0, 1), 1: (2, 3), 2: (3, 0)}
  found = find(*planted, looking.light(3, lit))
  moved, still = found['frame -1'], found['spatial']
  assert moved.heads == (0,) and still.heads == (1, 2, 3)
  assert moved.frames.tolist() == [0, 0, 1]  # the first has none before it
  assert still.frames.tolist() == [0, 1, 2]
  wanted = np.zeros((1, 3, 1, 4, 4))
  for t, frame in enumerate(moved.frames):
    wanted[0, t, 0][lit[frame]] = 1
  np.testing.assert_allclose(moved.weights, wanted, rtol=0, atol=1e-6)
  np.testing.assert_allclose(still.weights, 1 / 17, rtol=1e-6)


def test_a_patch_is_the_query_where_it_is_asked_for(zero):
  model, params = zero
  video = looking.pixels(model)['video']
  every = find(model, params, video, at=(1, 2))
  third = find(model, params, video, at=(1, 2, 2))
  assert third['frame +1'].frames.tolist() == [3]
  for name, one in every.items():
    close = np.testing.assert_allclose
    close(third[name].weights, one.weights[:, 2:3], rtol=0, atol=1e-6)
  by_class_token = find(model, params, video)['spatial'].weights
  assert np.abs(every['spatial'].weights - by_class_token).max() > 1e-4


def test_merged_adapters_show_the_same(zero):
  merged, params = i2v_jax.merge(*zero)
  merged = merged.clone(
    image_model=dataclasses.replace(merged.image_model, remat='none')
  )
  video = looking.pixels(merged)['video']
  alone, adapted = find(merged, params, video), find(*zero, video)
  assert alone.keys() == adapted.keys() == {'spatial', 'frame -1', 'frame +1'}
  for name, one in alone.items():
    np.testing.assert_allclose(
      one.weights, adapted[name].weights, rtol=0, atol=1e-6
    )


def test_prediction_is_compiled_as_if_there_were_no_maps(zero):
  model, params = zero
  video = looking.pixels(model)['video']

  def compile_prediction():
    predict = lambda params, x: model.apply({'params': params}, x)
    text = jax.jit(predict).lower(params, video).compile().as_text()
    # Lines of source code, by the stack of whoever traced a function first.
    text = re.sub(r'^FileNames.*?(?=^%|^ENTRY)', '', text, flags=re.M | re.S)
    return re.sub(r', metadata=\{[^}]*\}', '', text)

  before = compile_prediction()
  assert i2v_jax.attention_maps(model, params, video)['spatial'].any()
  assert compile_prediction() == before and 'ENTRY' in before


@pytest.mark.parametrize('folder', ['backbones', 'adapters', 'models'])
def test_no_model_imports_the_maps(folder):
  for path in (ROOT / 'i2v_jax' / folder).glob('*.py'):
    imported = [
      name
      for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
      if isinstance(node, ast.ImportFrom)
      for name in [
        node.module,
        *(f'{node.module}.{x.name}' for x in node.names),
      ]
    ]
    assert 'i2v_jax.models.attention' not in imported


def test_a_place_looks_at_frames_under_aim():
  model = build('aim', family='imagenet')
  params = looking.plant(model)
  found = find(model, params, looking.light(4, {2: (1, 3)}))
  assert found.keys() == {'time', 'space'}
  seen = found['time'].weights[0, :, 0]  # of the head that sees light
  np.testing.assert_allclose(seen[:, 1, 3], [0, 0, 1, 0], atol=1e-6)
  np.testing.assert_allclose(seen[:, 0, 0], 0.25, rtol=1e-6)
  np.testing.assert_allclose(found['space'].weights[0, 2, 0, 1, 3], 1, 1e-6)


def test_framesets_are_cut_into_their_frames():
  model = build(GRID, family='imagenet', frames=8)
  lit = {4: (2, 1)}
  found = find(model, looking.plant(model), looking.light(8, lit))
  singles, framesets = found['frames'], found['framesets']
  assert singles.frames.tolist() == [0, 4]
  np.testing.assert_allclose(singles.weights[0, 1, 0, 2, 1], 1, rtol=1e-6)
  assert framesets.frames.tolist() == [*range(8)]
  # Half of a patch, in the first cell of the second frameset.
  seen = framesets.weights[0, :, 0]
  assert np.unravel_index(seen.argmax(), seen.shape) == (4, 1, 0)
  np.testing.assert_allclose(seen[4, 1, 0], 0.5, rtol=1e-3)


def test_the_query_of_a_frameset_is_in_its_frame():
  model = build(GRID, frames=8)
  places = find(model, at=(0, 1, 6))
  assert places['frames'].frames.tolist() == [4]  # the single frame before it
  assert places['frames'].queries.tolist() == [4]
  assert places['framesets'].frames.tolist() == [4, 5, 6, 7]


def test_a_decoder_looks_at_all_frames_of_frozen_features():
  model = build(dict(name='evl', layers=1), depth=2)
  params, inputs = small.random(model, 0.5), looking.pixels(model)
  found = find(model, params, inputs)
  assert found.keys() == {'spatial', 'decoder'}
  assert found['decoder'].weights.shape == (1, 4, 4, 4, 4)
  (alone,) = find_image_maps(model.image_model, params['backbone'], inputs)
  np.testing.assert_allclose(
    found['spatial'].weights, alone.weights, rtol=0, atol=1e-6
  )
  assert find(model, params, inputs, block=0).keys() == {'spatial'}


def test_low_rank_updates_change_what_is_looked_at():
  model = build(dict(name='lora', rank=4))
  params, inputs = small.random(model, 0.5), looking.pixels(model)
  (image,) = find_image_maps(model.image_model, params['backbone'], inputs)
  none = params | {'adapters': jax.tree.map(np.zeros_like, params['adapters'])}
  apart = lambda tree: np.abs(
    find(model, tree, inputs)['spatial'].weights - image.weights
  ).max()
  assert apart(none) < 1e-6 and apart(params) > 1e-3


def test_prompts_are_no_patches():
  found = find(build(dict(name='vpt', prompts=6)))
  assert found['spatial'].weights.shape == (1, 4, 4, 4, 4)


def test_a_query_that_pools_is_shown_with_the_mean_of_patches():
  model = build(None, family='siglip')
  assert find(model).keys() == {'spatial', 'pool'}
  assert find(model, at=(0, 0)).keys() == {'spatial'}
  found = find(build(None, family='siglip', mean_first=True))['pool']
  assert found.frames.tolist() == [0, 1, 2, 3]  # of their mean, on each
  assert (found.weights[:, :1] == found.weights).all()


def test_each_path_pools():
  found = find(build(GRID, frames=8, family='siglip'))
  assert found.keys() == {
    'frames',
    'framesets',
    'pool frames',
    'pool framesets',
  }
  assert found['pool framesets'].weights.shape == (1, 8, 4, 2, 2)


def test_windows_are_stitched_back():
  model = on_one_stage()
  params = jax.tree.map(np.zeros_like, small.random(model))
  within = lambda *at: find(model, params, block=1, at=at)['frame -1']
  whole = within(1, 1, 0).weights[0, 0, 0]
  middle = np.zeros((4, 4))
  middle[1:3, 1:3] = 0.25
  np.testing.assert_allclose(whole, middle, atol=1e-6)
  # The shift brings the corner together with three others, which it may not
  # see.
  corner = within(0, 3, 1)
  assert corner.frames.tolist() == [0]
  np.testing.assert_allclose(corner.weights[0, 0, 0, 3, 0], 1, rtol=1e-6)


def test_a_swin_without_query_shows_the_mean_of_all():
  model = on_one_stage(bias='per_frame', steps=4)
  found = find(model, small.random(model, 0.5), block=1)
  assert found['frame -1'].weights.shape == (1, 4, 1, 4, 4)
  assert found['spatial'].rest.max() == 0


def test_places_of_a_swin_look_at_frames_under_aim():
  model = small.on_swin(dict(name='aim', rank=2), depths=(2, 1))
  assert find(model, block=1).keys() == {'space'}
  assert find(model, block=2)['time'].weights.shape == (1, 4, 8, 2, 2)


def test_tubelets_lie_on_the_first_of_their_frames():
  model = on_one_stage(frames=6, tubelet=2)
  found = find(model, at=(0, 0), block=0)
  assert found['spatial'].frames.tolist() == [0, 2, 4]
  assert found['frame -2'].frames.tolist() == [0, 0, 2]
  assert found['frame -2'].queries.tolist() == [0, 2, 4]
  second = find(model, at=(0, 0, 3), block=0)['frame -2']  # its second frame
  assert (second.frames.tolist(), second.queries.tolist()) == ([0], [2])


def test_a_detector_needs_no_boxes_and_no_squares():
  model = build(None, detection={'boxes': 2})
  video = np.zeros((1, 4, 16, 24, 3), 'f4')
  assert find(model, None, video)['spatial'].weights.shape[3:] == (4, 6)


def test_images_are_clips_of_one_frame():
  cfg = build(None, family='dinov2').image_model
  cfg = dataclasses.replace(cfg, registers=3)
  vit = make_module(cfg)
  image = np.ones((2, 16, 16, 3), 'f4')
  params = jax.eval_shape(vit.init, jax.random.key(0), image)['params']
  params = small.random_like(params)
  one = find(vit, params, image)['spatial']
  assert one.weights.shape == (2, 1, 4, 4, 4)
  assert (one.rest > 0.1).all()  # class token and registers
  clip = np.broadcast_to(image[:, None], (2, 2, 16, 16, 3))
  found = find_image_maps(cfg, params, clip)[0]
  np.testing.assert_allclose(found.weights[:, :1], one.weights, atol=1e-6)


@pytest.mark.parametrize(
  ('query', 'error'),
  [
    (dict(block=1), 'There is no block 1; the image model has 1: give 0 to 0'),
    (dict(at=(4, 0)), 'The column of at is 4; this block sees 4 x 4 patches'),
    (dict(at=(0, 0, 4)), 'The frame of at is 4; .* of 4 frames'),
    (dict(at=3), 'at is 3; give the column and row'),
  ],
)
def test_a_query_that_is_not_there_is_refused(query, error):
  with pytest.raises(ValueError, match=error):
    find(build(ZERO), **query)


def test_what_has_no_attention_to_show_says_so():
  with pytest.raises(ValueError, match='Dense has no attention to show'):
    find_maps(nn.Dense(3), {}, np.zeros((1, 2, 16, 16, 3), 'f4'))
  with pytest.raises(ValueError, match='need a video B x T x H x W x 3'):
    find_maps(build(ZERO), {}, np.zeros((2, 16, 16, 3), 'f4'))
  with pytest.raises(ValueError, match='takes clips of 8 frames, not 4'):
    find_maps(build(GRID, frames=8), {}, np.zeros((1, 4, 16, 16, 3), 'f4'))
