"""Mixed pixels and labels against hand-computed ones; what stays as it was."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import quickstart
from i2v_jax.data.clips import grid
from i2v_jax.training import augment, experiment
from i2v_jax.training.augment import (
  draw_mixing,
  make_box_mask,
  make_targets,
  mix,
)

SIZE = (8, 12)


def make_batch(rows=4, mask=None, frames=4):
  rng = np.random.default_rng(0)
  return {
    'video': rng.integers(0, 256, (rows, frames, *SIZE, 3), np.uint8),
    'label': np.arange(rows, dtype=np.int32),
    'mask': np.ones(rows, 'f4') if mask is None else np.array(mask, 'f4'),
  }


@pytest.fixture
def fixed(monkeypatch):
  """Makes `mix` draw what a test says."""

  def fix(keep_HxW, share):
    keep_HxW = jnp.asarray(keep_HxW, jnp.float32)
    monkeypatch.setattr(augment, 'draw_mixing', lambda *_: (keep_HxW, share))

  return fix


def box(top, left, bottom, right):
  """0 in a box, 1 around it."""
  keep = np.ones(SIZE, 'f4')
  keep[top:bottom, left:right] = 0
  return keep


def test_mixup_by_hand(fixed):
  fixed(np.full(SIZE, 0.75), 0.75)
  batch = make_batch()
  batch['video'][0], batch['video'][2] = 100, 201
  found = mix(batch, jax.random.key(0), mixup=0.2)
  # 75 + 50.25 and 150.75 + 25; rows are half a batch apart.
  assert (found['video'][0] == 125).all() and (found['video'][2] == 176).all()
  assert found['video'].dtype == jnp.uint8
  np.testing.assert_array_equal(found['other'], [2, 3, 0, 1])
  np.testing.assert_array_equal(found['share'], [0.75] * 4)
  wanted = np.array([[3, 0, 1, 0], [0, 3, 0, 1], [1, 0, 3, 0], [0, 1, 0, 3]])
  np.testing.assert_array_equal(make_targets(found, 4), wanted / 4)


def test_several_labels_are_mixed_as_one_is(fixed):
  fixed(np.full(SIZE, 0.75), 0.75)
  targets = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], np.uint8)
  batch = make_batch() | {'targets': targets, 'label': np.full(4, -1)}
  found = mix(batch, jax.random.key(0), mixup=0.2)
  wanted = np.array([[3, 4], [3, 0], [1, 4], [1, 0]])
  np.testing.assert_array_equal(make_targets(found, 2), wanted / 4)


def test_cutmix_pastes_the_same_box_into_every_frame(fixed):
  keep = box(2, 3, 6, 9)
  fixed(keep, 1 - 24 / 96)
  batch = make_batch()
  found = mix(batch, jax.random.key(0), cutmix=1.0)
  wanted = batch['video'].copy()
  for row, other in enumerate((2, 3, 0, 1)):
    wanted[row, :, 2:6, 3:9] = batch['video'][other, :, 2:6, 3:9]
  np.testing.assert_array_equal(found['video'], wanted)
  np.testing.assert_array_equal(found['share'], [0.75] * 4)


@pytest.mark.parametrize(
  ('share', 'centre', 'wanted'),
  [
    # sqrt(0.25) = 0.5: 4 high, 6 wide.
    (0.75, (4, 6), (2, 3, 6, 9)),
    # sqrt(0.5): int(5.66) // 2 = 2 and int(8.49) // 2 = 4 to every side.
    (0.5, (4, 6), (2, 2, 6, 10)),
    # Cut off at the edges: 2 of 4 rows, 5 of 6 columns stay.
    (0.75, (0, 10), (0, 7, 2, 12)),
    (0.0, (4, 6), (0, 0, 8, 12)),
    (1.0, (4, 6), (0, 0, 0, 0)),
  ],
)
def test_the_box_is_that_of_the_formula(share, centre, wanted):
  keep, mean = make_box_mask(share, jnp.array(centre), SIZE)
  np.testing.assert_array_equal(keep, box(*wanted))
  assert float(mean) == pytest.approx(box(*wanted).mean())


def draws(count, mixup, cutmix):
  keys = jax.random.split(jax.random.key(0), count)
  draw = jax.jit(lambda key: draw_mixing(key, SIZE, mixup, cutmix))
  keep, share = jax.vmap(draw)(keys)
  np.testing.assert_allclose(keep.mean(axis=(1, 2)), share, atol=1e-6)
  return np.array(keep), np.array(share)


def test_shares_are_those_of_beta():
  keep, share = draws(4000, 0.2, 0.0)
  assert (keep == share[:, None, None]).all()
  # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)); 4 standard errors.
  assert abs(share.mean() - 0.5) < 4 * (0.25 / 1.4 / 4000) ** 0.5
  assert share.var() == pytest.approx(0.25 / 1.4, rel=0.05)


def test_centres_of_boxes_are_anywhere():
  keep, share = draws(2000, 0.0, 1.0)
  assert set(np.unique(keep)) == {0, 1} and share.std() > 0.1
  covered = 1 - keep.mean(axis=0)
  assert covered.min() > 0.05 and covered.max() < 0.6
  corner = (keep[:, 0, 0] == 0) & (keep[:, 4, 6] == 1)
  assert 0 < corner.mean() < 0.2


def test_with_both_on_each_happens_half_of_the_time():
  keep, _ = draws(1000, 0.5, 0.5)
  binary = ((keep == 0) | (keep == 1)).all(axis=(1, 2))
  assert 430 < binary.sum() < 570


@pytest.mark.parametrize('options', [dict(mixup=0.8), dict(cutmix=1.0)])
def test_a_placeholder_neither_gives_nor_takes(options):
  batch = make_batch(6, mask=[1, 1, 0, 1, 1, 1])
  key = jax.random.key(4)
  found = mix(batch, key, **options)
  changed = (found['video'] != batch['video']).any(axis=(1, 2, 3, 4))
  # Rows 2 and 5 are a pair.
  np.testing.assert_array_equal(changed, [1, 1, 0, 1, 1, 0])
  np.testing.assert_array_equal(found['share'][jnp.array([2, 5])], [1, 1])
  assert 0 < found['share'][0] < 1
  wanted = jax.nn.one_hot(5, 6)
  np.testing.assert_array_equal(make_targets(found, 6)[5], wanted)
  batch['video'][2] = 7
  again = mix(batch, key, **options)['video']
  rest = jnp.array([0, 1, 3, 4, 5])
  np.testing.assert_array_equal(again[rest], found['video'][rest])


def test_framesets_are_mixed_as_their_frames_are(fixed):
  """Boxes on borders of 2 x 2 pixels show in both sizes exactly."""
  batch = make_batch()
  frames = np.repeat(batch['video'][:, :, ::2, ::2], 2, 2).repeat(2, 3)
  tiles = lambda x: np.stack([grid.make_framesets(clip, 2, 2) for clip in x])
  batch |= {'video': frames, 'grid': tiles(frames)}
  for keep in (box(2, 4, 6, 10), np.full(SIZE, 0.25)):
    fixed(keep, keep.mean())
    found = mix(batch, jax.random.key(0), 1.0, 1.0, grid=(2, 2))
    wanted = tiles(np.asarray(found['video']))
    np.testing.assert_array_equal(found['grid'], wanted)
    assert (found['grid'] != batch['grid']).any()


def test_a_plain_batch_has_the_plain_targets():
  batch = make_batch()
  np.testing.assert_array_equal(make_targets(batch, 5), np.eye(5)[:4])


def test_the_key_decides_and_the_input_stays():
  batch = make_batch()
  before = batch['video'].copy()
  run = jax.jit(lambda key: mix(batch, key, 0.8, 1.0)['video'])
  results = [np.asarray(run(jax.random.key(i))) for i in range(8)]
  again = [np.asarray(run(jax.random.key(i))) for i in range(8)]
  np.testing.assert_array_equal(results, again)
  assert len({x.tobytes() for x in results}) > 6
  np.testing.assert_array_equal(batch['video'], before)


@pytest.mark.parametrize(
  ('key', 'value', 'batch_size', 'error'),
  [('mixup', -0.1, 8, 'from 0'), ('cutmix', 1.0, 1, 'batch_size of 2 or more')],
)
def test_what_cannot_be_mixed_is_said_at_the_start(
  key, value, batch_size, error
):
  config = quickstart.get_config('smoke')
  config[key], config.batch_size = value, batch_size
  with pytest.raises(ValueError, match=rf'{key} is {value}[;,] .* {error}'):
    experiment.check_config(config)
