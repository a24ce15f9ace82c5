"""Which patches training looks at, and what that leaves as it was."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small

from i2v_jax.models.build import build
from i2v_jax.training.augment import check_drop_patches, count_kept, draw_kept
from i2v_jax.training.train_step import TrainState, make_train_step

KEY = jax.random.key(3)


def test_positions_are_a_sorted_choice_per_clip():
  kept = np.asarray(draw_kept(KEY, 64, 49, 0.5))
  assert kept.shape == (64, 24) and kept.dtype == np.int32
  assert (np.diff(kept) > 0).all() and kept.min() == 0 and kept.max() == 48
  assert len({tuple(row) for row in kept}) == 64
  counts = np.bincount(kept.ravel(), minlength=49)
  assert counts.min() > 15 and counts.max() < 50  # 31 each on average
  again = draw_kept(KEY, 64, 49, 0.5)
  np.testing.assert_array_equal(kept, again)


@pytest.mark.parametrize(
  ('patches', 'share', 'kept'),
  [(196, 0.5, 98), (196, 0.25, 147), (16, 0.99, 1), (49, 0.5, 24)],
)
def test_the_share_of_the_patches_is_dropped(patches, share, kept):
  assert count_kept(patches, share) == kept


METHODS = [
  dict(name='zeroi2v', offsets=(-1, 1)),
  dict(name='aim'),
  dict(name='st_adapter', rank=4),
  dict(name='vpt', prompts=2),
  None,
]


FAMILIES = [(None, 'dinov2'), (METHODS[0], 'siglip')]


@pytest.mark.parametrize(
  ('adapter', 'family'), [*((m, 'clip') for m in METHODS), *FAMILIES]
)
def test_only_what_is_kept_is_looked_at(adapter, family):
  registers = dict(family=family, registers=2 * (family == 'dinov2'))
  spec = small.spec(adapter)
  spec['backbone'] |= registers
  model = build(spec, 3)
  params, (clip,) = small.random(model), small.clips(model, 2)
  kept = jnp.array([[0, 3, 5, 6, 9, 10, 15], [1, 2, 4, 8, 9, 12, 13]])
  found = small.apply(model, params, clip, kept)
  assert np.isfinite(found).all()

  def changed(row, position):
    y, x = 4 * (position // 4), 4 * (position % 4)
    other = clip.at[row, :, y : y + 4, x : x + 4].add(1.0)
    return small.apply(model, params, other, kept) != found

  assert not changed(0, 1).any() and not changed(1, 0).any()
  assert changed(0, 3)[0].any() and changed(1, 13)[1].any()
  assert not changed(0, 3)[1].any()


def test_keeping_everything_changes_nothing():
  model = small.build(METHODS[0])
  params, (clip,) = small.random(model), small.clips(model)
  wanted = small.apply(model, params, clip)
  found = small.apply(model, params, clip, jnp.arange(16)[None])
  np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
  'adapter',
  [
    dict(name='pro_tuning', rank=4),
    dict(name='st_adapter', kernel=(3, 3, 3)),
    dict(name='st_adapter', kernel=[1, 1, 3]),
    dict(name='evl', layers=1),
    dict(name='step_probe'),
    dict(name='dualpath', preset='paper', grid=(2, 2), spatial_frames=2),
  ],
)
def test_methods_that_need_every_patch_are_refused(adapter):
  off = dict(temporal_embedding=False, dropout=0.0)
  model = small.build(adapter, **off)
  check_drop_patches(model, 0.0)
  with pytest.raises(ValueError, match='does not go with drop_patches'):
    check_drop_patches(model, 0.5)


@pytest.mark.parametrize('share', [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share):
  with pytest.raises(ValueError, match=f'drop_patches is {share}'):
    check_drop_patches(small.build(None), share)


@pytest.fixture(scope='module')
def trained():
  """`step(accumulate, share, number)` of a small model -> its metrics."""
  model = small.build(METHODS[0], dropout=0.0)
  model = model.clone(adapter=model.adapter.copy({'dropout': 0.0}))
  params, tx = small.random(model), optax.sgd(0.1)
  rng = np.random.default_rng(0)
  batch = {
    'video': rng.integers(0, 256, (8, 4, 16, 16, 3), np.uint8),
    'label': rng.integers(0, 3, 8).astype(np.int32),
    'mask': np.ones(8, 'f4'),
  }
  frozen = {'backbone': params.pop('backbone')}

  @functools.cache
  def compiled(accumulate, share):
    function = make_train_step(
      model,
      tx,
      normalization='half',
      accumulate=accumulate,
      drop_patches=share,
    )
    return jax.jit(function)

  def step(accumulate=1, share=0.5, number=0):
    state = TrainState(jnp.int32(number), params, tx.init(params))
    return compiled(accumulate, share)(state, frozen, batch)

  return step


def test_accumulation_drops_the_same_patches(trained):
  (one, metrics), (two, again) = trained(), trained(accumulate=4)
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
  jax.tree.map(close, metrics, again)
  jax.tree.map(close, one.params, two.params)


def test_every_step_drops_others_and_none_without_a_share(trained):
  losses = [
    trained(share=share, number=number)[1]['loss']
    for share, number in ((0.5, 0), (0.5, 1), (0.0, 0), (0.0, 1))
  ]
  first, second, whole, again = map(float, losses)
  assert len({first, second, whole}) == 3 and whole == again


def test_windows_need_all_patches():
  for spec in (None, dict(name='zeroi2v')):
    with pytest.raises(
      ValueError, match='attention in windows needs all patch'
    ):
      check_drop_patches(small.on_swin(spec), 0.5)
  check_drop_patches(small.on_swin(None), 0.0)
