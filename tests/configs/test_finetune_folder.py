"""The config for one's own clips builds for every model, method and length."""

import pytest
from building import check_builds

from configs import common, finetune_folder, heads, methods
from i2v_jax import adapters
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment

AS_DEEP = ('Swin-S', 'Swin-L')  # as Swin-B, with other widths
MODELS = [
  (f, v)
  for f, known in common.WEIGHTS.items()
  for v in known
  if v not in AS_DEEP
]
LENGTHS = (1, 5, 20)  # none of them published; 12 is below


def config(family='dinov2', variant='S/14', method='zeroi2v', frames=8):
  return finetune_folder.get_config(
    f'family={family},variant={variant},method={method},frames={frames}'
  )


@pytest.mark.parametrize('method', methods.METHODS)
def test_a_small_model_of_12_frames_builds(method):
  check_builds(config(method=method, frames=12))


@pytest.mark.slow
@pytest.mark.parametrize('frames', LENGTHS)
@pytest.mark.parametrize('method', methods.METHODS)
@pytest.mark.parametrize(('family', 'variant'), MODELS)
def test_every_model_method_and_length_builds(family, variant, method, frames):
  if method == 'dualpath' and frames % 4:
    with pytest.raises(common.ArgumentError, match='a multiple of 4'):
      config(family, variant, method, frames)
    return
  if method == 'temporal_heads' and frames == 1:
    return
  if family == 'swin' and method in ('evl', 'vpt'):
    with pytest.raises(UserError, match='does not fit this image model'):
      check_builds(config(family, variant, method, frames))
    return
  check_builds(config(family, variant, method, frames))


@pytest.mark.parametrize('frames', [*range(2, 40), 64])
@pytest.mark.parametrize(
  ('size', 'num_heads', 'width'),
  [('S', 6, 384), ('B', 12, 768), ('L', 16, 1024)],
)
def test_a_sixth_to_a_quarter_of_the_channels_move(
  size, num_heads, width, frames
):
  c = config(variant=f'{size}/14', frames=frames)
  offsets = heads.offsets(c)
  counts = [o[1] if isinstance(o, tuple) else 64 for o in offsets]
  assert width / 6 <= sum(counts) <= width / 4
  seen = {0} | {o[0] if isinstance(o, tuple) else o for o in offsets}
  assert all(abs(offset) < frames for offset in seen)
  field = 3 if frames <= 8 else 4 if frames <= 16 else 6
  assert len(seen) == field
  assert max(seen) - min(seen) + 1 == field  # no frame between is left out


def test_what_is_published_keeps_its_preset():
  for frames in (8, 16, 32):
    adapter = config(variant='B/14', frames=frames).model.adapter
    assert adapter.preset == f'k400_B_{frames}f_paper'
  assert config(frames=8).model.adapter.preset == ''
  assert config(frames=8).model.adapter.offsets == ((-1, 32), (1, 32))


@pytest.mark.parametrize(
  ('frames', 'grid', 'spatial'),
  [(4, (2, 2), 4), (8, (2, 4), 8), (12, (2, 2), 6), (32, (4, 4), 8)],
)
def test_framesets_of_shorter_clips_hold_fewer_frames(frames, grid, spatial):
  adapter = config(method='dualpath', frames=frames).model.adapter
  assert (adapter.grid, adapter.spatial_frames) == (grid, spatial)


def test_which_channels_move_is_printed():
  model = experiment.build_model(config(frames=12), 3)
  assert adapters.relocated(model) == (
    'head relocation: of 384 channels 32 at -1, 32 at +1, 32 at -2; a block '
    'sees 4 frames'
  )
  assert (
    adapters.relocated(experiment.build_model(config(method='aim'), 3)) == ''
  )
  assert (
    adapters.relocated(experiment.build_model(config(method='evl'), 3)) == ''
  )


@pytest.mark.parametrize('method', ['zeroi2v', 'dualpath'])
def test_a_length_of_its_own_runs_in_miniature(method):
  c = finetune_folder.get_config(
    f'family=dinov2,variant=S/14,method={method},frames=12,smoke'
  )
  check_builds(c)
  assert experiment.build_model(c, 3).num_frames == 8
