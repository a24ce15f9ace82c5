"""DualPath against the published implementation; its two paths apart."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import published
import pytest
import small

from i2v_jax.adapters import dualpath
from i2v_jax.backbones.vit import ViT
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.data.clips import grid
from i2v_jax.models.inputs import param_shapes

TRAINED = ('adapters', 'head', 'backbone/cls', 'backbone/pos')
GRID = dict(grid=(2, 2), spatial_frames=4)


def build(preset='release', frames=8, depth=2, **options):
  adapter = dict(name='dualpath', preset=preset, **GRID) | options
  return small.build(
    adapter, frames, depth, temporal_embedding=False, dropout=0.0
  )


@pytest.fixture
def release():
  """(model, params, arrays) of the published implementation."""
  return published.release('dualpath_release_16f')


def test_outputs_from_the_clip_agree_with_the_release(release):
  """Through our own framesets and our own choice of spatial frames.

  With theirs the logits are those of test_weights_releases.
  """
  model, params, arrays = release
  clip_TxHxWxC = arrays['input'][0].transpose(1, 2, 3, 0)
  framesets = grid.make_framesets(clip_TxHxWxC, 4, 4)
  logits = small.apply(model, params, clip_TxHxWxC[None, ::2], framesets[None])
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-5)


@pytest.mark.parametrize('side', [14, 16])
def test_position_code_agrees_with_the_release(golden, side):
  wanted = np.load(golden / f'dualpath_position_code_{side}.npz')['code']
  cfg = ViTConfig(
    width=24, depth=1, num_heads=1, patch_size=16, image_size=16 * side
  )
  found = dualpath.encode_frames(len(wanted), (4, 4), cfg)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_position_code_of_the_whole_model_agrees_with_the_release(release):
  model, _, arrays = release
  found = dualpath.encode_frames(1, (4, 4), model.image_model)
  wanted = arrays['temporal_position_code'][0]
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_patches_on_a_border_are_numbered_in_between():
  row = [0, 0, 0, 0.5, 1, 1, 1, 2, 2, 2, 2.5, 3, 3, 3]
  numbers = dualpath.number_frames(2, (4, 4), 14)
  np.testing.assert_allclose(numbers[0, 0], row, rtol=0, atol=1e-12)
  np.testing.assert_allclose(
    numbers[0, :, 0], 4 * np.array(row), rtol=0, atol=1e-12
  )
  assert numbers[0, -1, -1] == 15 and numbers[1, 0, 0] == 16
  whole = dualpath.number_frames(1, (4, 4), 16)
  assert sorted(set(whole.ravel())) == list(range(16))


def test_other_grids_number_frames_row_by_row():
  numbers = dualpath.number_frames(1, (2, 3), 12)[0]
  assert numbers[1, 1::4].tolist() == [0, 1, 2]
  assert numbers[10, 1::4].tolist() == [3, 4, 5]


def test_the_fixed_code_tells_frame_row_and_column_apart():
  cfg = ViTConfig(width=24, depth=1, num_heads=1, patch_size=4, image_size=32)
  code = dualpath.encode_cells(2, (2, 2), cfg)
  assert code.shape == (2, 65, 24) and not code[:, 0].any()
  square = code[:, 1:].reshape(2, 8, 8, 24)
  frame, row, column = np.split(square, 3, axis=-1)
  assert (frame[0, 0, 0] == frame[0, 3, 3]).all()  # one cell, one frame
  assert (frame[0, 0, 0] != frame[0, 0, 4]).any()
  assert (frame[0, 0, 0] != frame[1, 0, 0]).any()
  assert (row[0, 1, 0] == row[0, 5, 7]).all()  # second row of either cell
  assert (row[0, 1, 0] != row[0, 2, 0]).any()
  assert (column[0, 0, 1] == column[1, 7, 5]).all()


@pytest.mark.parametrize(
  ('variant', 'projection', 'options', 'count'),
  [
    ('B/16', 512, dict(preset='release'), 18_785_680),
    ('B/16', 512, dict(preset='paper', positions='release'), 10_513_552),
    ('L/14', 768, dict(preset='paper', positions='release'), 27_291_792),
    # The fixed code of the paper has no table of 197 x 768.
    ('B/16', 512, dict(preset='paper'), 10_513_552 - 151_296),
  ],
)
def test_parameter_counts_at_full_size(variant, projection, options, count):
  spec = dict(
    backbone=dict(variant=variant),
    num_frames=16,
    adapter=dict(name='dualpath', **options),
    projection=projection,
  )
  assert small.count(spec, 400, TRAINED) == count


@pytest.mark.parametrize('preset', ['paper', 'release'])
def test_the_spatial_path_starts_as_the_image_model(preset):
  model = build(preset)
  params, (video_BxTx, grid_BxGx) = small.initial(model), small.clips(model)
  image = small.apply(
    ViT(model.image_model), params['backbone'], video_BxTx, method=small.pooled
  )
  spatial, _ = small.apply(
    model, params, video_BxTx, grid_BxGx, method='features'
  )
  np.testing.assert_allclose(spatial, image, rtol=0, atol=2e-6)


@pytest.mark.parametrize('preset', ['paper', 'release'])
def test_the_temporal_path_starts_as_the_identity(preset):
  model = build(preset)
  params, (_, grid_BxGx) = small.initial(model), small.clips(model)

  def streams(m, grid):
    code = m.adapters.position_code(2)
    z = m.backbone.ln_pre(m.backbone.embed(grid, code))
    y = z
    for block, adapter in zip(
      m.backbone.blocks, m.adapters.temporal, strict=True
    ):
      y = adapter(block, y)
    return z, y

  before, behind = small.apply(model, params, grid_BxGx, method=streams)
  assert (before == behind).all()


def test_each_path_feels_its_own_input_only():
  model = build(frames=8)
  params, (frames, framesets) = small.random(model), small.clips(model)
  run = lambda *clips: small.apply(model, params, *clips, method='features')
  spatial, temporal = run(frames, framesets)
  other, same = run(frames.at[:, 1].add(1.0), framesets)
  assert np.flatnonzero((other != spatial).any((0, 2))).tolist() == [1]
  assert (same == temporal).all()
  same, other = run(frames, framesets.at[:, 0].add(1.0))
  assert np.flatnonzero((other != temporal).any((0, 2))).tolist() == [0]
  assert (same == spatial).all()


def test_the_temporal_path_knows_the_order_of_frames():
  model = build('paper', frames=4)
  params, (clip, _) = small.random(model), small.clips(build(frames=16))
  clip = np.asarray(clip[0])
  logits = lambda clip: small.apply(
    model, params, clip[None], grid.make_framesets(clip, 2, 2)[None]
  )
  assert np.abs(logits(clip) - logits(clip[::-1].copy())).max() > 1e-4


def test_dropout_acts_only_with_its_rng():
  model = build()
  params, clips = small.random(model), small.clips(model)
  apply = jax.jit(lambda tree, rngs: model.apply(tree, *clips, rngs=rngs))
  run = functools.partial(apply, {'params': params})
  assert (run({}) == run({})).all()
  assert (run({'dropout': jax.random.key(0)}) != run({})).any()


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    (dict(preset='both'), r"presets \['paper', 'release'\]"),
    (dict(num_adapters=3), r'one of \(4, 5\)'),
    (dict(positions='learned'), r"one of \('release', 'fixed_3d'\)"),
    (dict(frames=6), 'a multiple of 4, not 6'),
    (dict(spatial_frames=3), 'a multiple of 3, not 8'),
  ],
)
def test_wrong_options_are_named(options, error):
  with pytest.raises(ValueError, match=error):
    param_shapes(build(**options))


def test_wrong_numbers_of_frames_are_named():
  model = build()
  params, (frames, framesets) = small.random(model), small.clips(model)
  with pytest.raises(ValueError, match='takes 4 frames, the video has 2'):
    model.apply({'params': params}, frames[:, :2], framesets)
  with pytest.raises(ValueError, match='takes 2 frames, the video has 3'):
    wider = jnp.concatenate([framesets, framesets[:, :1]], 1)
    model.apply({'params': params}, frames, wider)
