"""The image model Swin: sizes, windows, shifts, positions, merging."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small

from i2v_jax import params as params_lib
from i2v_jax.adapters.operators import HeadRelocation
from i2v_jax.backbones import swin
from i2v_jax.backbones.swin import Swin
from i2v_jax.backbones.swin_config import SwinConfig
from i2v_jax.backbones.vit_config import REMAT
from i2v_jax.runtime.errors import UserError

TINY = dict(embed_dim=8, depths=(2, 1), num_heads=(2, 4), window=4)
CFG = SwinConfig(**TINY, image_size=32)


def shapes(cfg):
  image = jax.ShapeDtypeStruct((1, *cfg.input_shape), 'float32')
  return jax.eval_shape(Swin(cfg).init, jax.random.key(0), image)['params']


def random(cfg):
  return small.random_like(shapes(cfg))


def noise(cfg, *axes, seed=1):
  return jax.random.normal(jax.random.key(seed), (*axes, *cfg.image_shape))


@pytest.mark.parametrize(
  ('name', 'count'),
  [  # published with the 1000-way head of ImageNet models, which is left out
    ('Swin-T', 28_288_354 - 769_000),
    ('Swin-S', 49_606_258 - 769_000),
    ('Swin-B', 87_768_224 - 1_025_000),
    ('Swin-L', 196_532_476 - 1_537_000),
  ],
)
def test_sizes_by_name(name, count):
  cfg = SwinConfig.named(name)
  assert params_lib.count(shapes(cfg)) == count
  assert {cfg.block(i).window for i in range(cfg.num_blocks)} == {7}
  assert SwinConfig.named(name, image_size=384).window == 12


def test_maps_halve_and_every_second_block_shifts():
  cfg = SwinConfig.named('Swin-B')
  blocks = [cfg.block(i) for i in range(cfg.num_blocks)]
  found = {(b.stage, b.index): (b.width, b.side, b.shift) for b in blocks}
  assert len(found) == 24
  assert [found[stage, 1][:2] for stage in range(4)] == [
    (128, 56),
    (256, 28),
    (512, 14),
    (1024, 7),
  ]
  assert [found[2, place][2] for place in range(4)] == [0, 3, 0, 3]
  assert [found[stage, 1][2] for stage in range(4)] == [3, 3, 3, 0]


def test_a_map_within_one_window_shrinks_it():
  cfg = SwinConfig(8, (2, 2), (2, 4), window=4, image_size=16)
  last = cfg.block(3)
  assert (last.side, last.window, last.shift) == (2, 2, 0)
  assert shapes(cfg)['blocks_3']['attn']['bias'].shape == (9, 4)


def touched(cfg, index, token):
  """Tokens that a block changes when one of its inputs changes."""
  sizes = cfg.block(index)
  block = swin.SwinBlock(sizes)
  x = jax.random.normal(jax.random.key(0), (sizes.num_tokens, sizes.width))
  params = small.random_like(
    jax.eval_shape(block.init, jax.random.key(0), x)['params']
  )
  run = lambda x: small.apply(block, params, x)
  other = x.at[token].add(jnp.arange(sizes.width))  # LayerNorm sees that
  changed = (run(other) != run(x)).any(axis=-1)
  places = np.flatnonzero(changed)
  return {divmod(int(place), sizes.side) for place in places}


def square(rows, columns):
  return {(row, column) for row in rows for column in columns}


def test_a_token_reaches_its_window_and_a_shift_ends_at_the_edge():
  """Maps of 8 x 8, windows of 4: the shift of 2 must not wrap around."""
  assert touched(CFG, 0, 0) == square(range(4), range(4))
  assert touched(CFG, 0, 63) == square(range(4, 8), range(4, 8))
  assert touched(CFG, 1, 0) == square(range(2), range(2))
  assert touched(CFG, 1, 63) == square((6, 7), (6, 7))
  middle = 8 * 3 + 4
  assert touched(CFG, 1, middle) == square(range(2, 6), range(2, 6))
  edge = 8 * 3
  assert touched(CFG, 1, edge) == square(range(2, 6), range(2))


def test_windows_are_cut_and_joined_without_loss():
  x = jnp.arange(3 * 64 * 2.0).reshape(3, 64, 2)
  sizes = CFG.block(1)
  found = swin.cut_windows(x, sizes)
  assert (swin.join_windows(found, sizes) == x).all()
  rows, columns = np.divmod(np.asarray(found[0, :16, 0]) // 2, 8)
  assert set(rows) == set(columns) == {2, 3, 4, 5}


def test_positions_are_relative():
  """Moved by a window, an image without shifted blocks gives moved tokens."""
  cfg = SwinConfig(8, (1,), (2,), window=4, image_size=32)
  params, image = random(cfg), noise(cfg, 1)
  run = lambda image: small.apply(Swin(cfg), params, image).reshape(8, 8, 8)
  moved = jnp.roll(image, 16, axis=2)
  np.testing.assert_allclose(
    run(moved), jnp.roll(run(image), 4, axis=1), rtol=0, atol=1e-6
  )
  tokens = run(image).reshape(2, 4, 8, 8).swapaxes(0, 1)
  assert np.abs(tokens[0] - tokens[1]).max() > 1e-3


def test_merging_orders_the_four_by_columns():
  sizes = CFG.block(1)
  merging = swin.Merging(sizes)
  x = jnp.zeros((64, 8)).at[9].set(jnp.arange(8.0))  # row 1, column 1
  params = shapes(CFG)['merges_0']
  params = {
    'ln': {'scale': jnp.ones(32), 'bias': jnp.zeros(32)},
    'fc': {'kernel': jnp.eye(*params['fc']['kernel'].shape, k=-16)},
  }
  y = np.asarray(merging.apply({'params': params}, x))
  assert np.argmax(y[0]) == 15 and not y[1:].any()
  x = jnp.zeros((64, 8)).at[8].set(jnp.arange(8.0))  # row 1, column 0
  params['fc'] = {'kernel': jnp.eye(32, 16)}
  assert np.argmax(merging.apply({'params': params}, x)[0]) == 15


def test_tubelets_of_two_equal_frames_are_patches_of_one():
  cfg = dataclasses.replace(CFG, tubelet=2)
  image_params, image = random(CFG), noise(CFG, 2)
  kernel = image_params['patch']['kernel']
  assert shapes(cfg)['patch']['kernel'].shape == (2, *kernel.shape)
  params = dict(image_params)
  inflated = jnp.stack([kernel, kernel]) / 2
  params['patch'] = image_params['patch'] | {'kernel': inflated}
  video = jnp.stack([image, image], axis=1)
  found = small.apply(Swin(cfg), params, video)
  wanted = small.apply(Swin(CFG), image_params, image)
  assert found.shape == (2, 1, 16, 16)
  np.testing.assert_allclose(found[:, 0], wanted, rtol=0, atol=2e-6)


STEPS = dict(bias='per_frame', steps=3)


def per_frame():
  cfg = dataclasses.replace(CFG, **STEPS)
  return cfg, random(cfg), noise(cfg, 1, 3)


def test_each_frame_has_its_own_table():
  cfg, params, video = per_frame()
  run = lambda params: small.apply(Swin(cfg), params, video)[0]
  table = params['blocks_0']['attn']['bias']
  assert table.shape == (5, 49, 2)
  for row, frames in ((0, []), (1, []), (2, [0]), (3, [1]), (4, [2])):
    attn = params['blocks_0']['attn']
    attn = attn | {'bias': table + 5 * jnp.eye(5)[row][:, None, None] * table}
    other = params | {'blocks_0': params['blocks_0'] | {'attn': attn}}
    changed = (run(other) != run(params)).any(axis=(1, 2))
    assert np.flatnonzero(changed).tolist() == frames


def test_tables_of_equal_slices_are_a_shared_one():
  cfg, params, video = per_frame()
  shared = jax.tree.map(lambda x: x, params)
  for name in ('blocks_0', 'blocks_1', 'blocks_2'):
    table = params[name]['attn']['bias'][:1]
    params[name]['attn']['bias'] = np.repeat(table, 5, axis=0)
    shared[name]['attn']['bias'] = table[0]
  found = small.apply(Swin(cfg), params, video)
  wanted = small.apply(Swin(CFG), shared, video)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


def test_a_table_follows_the_keys_of_a_relocated_head():
  cfg = dataclasses.replace(CFG, **STEPS).block(0)
  hook = HeadRelocation((-1,))(swin.SwinBlock(cfg, parent=None)).move_heads
  assert swin.find_frames(cfg, hook).tolist() == [[0, 0], [0, 1], [1, 2]]
  plain = swin.find_frames(cfg, swin.keep_heads)
  assert plain.tolist() == [[0, 0], [1, 1], [2, 2]]
  half = HeadRelocation(((-1, 2), (1, 2)))(swin.SwinBlock(cfg, parent=None))
  with pytest.raises(UserError, match='move complete heads'):
    swin.find_frames(cfg, half.move_heads)


def test_another_number_of_frames_than_tables_is_refused():
  cfg, params, _ = per_frame()
  with pytest.raises(UserError, match='tables for 3 steps of a clip'):
    Swin(cfg).apply({'params': params}, noise(cfg, 1, 4))


@pytest.mark.parametrize('remat', REMAT)
def test_remat_changes_no_gradient(remat):
  cfg = dataclasses.replace(CFG, remat=remat)
  params, image = random(CFG), noise(CFG, 1)

  def loss(module):
    value = lambda params: module.apply({'params': params}, image).std()
    return jax.jit(jax.grad(value))(params)

  close = lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-5)
  jax.tree.map(close, loss(Swin(cfg)), loss(Swin(CFG)))


def test_bfloat16_computes_in_it_and_stays_near():
  cfg = dataclasses.replace(CFG, dtype=jnp.bfloat16)
  params, image = random(CFG), noise(CFG, 1)
  found = small.apply(Swin(cfg), params, image)
  assert found.dtype == jnp.bfloat16
  wanted = small.apply(Swin(CFG), params, image)
  assert 1e-4 < np.abs(found.astype('f4') - wanted).max() < 0.1


def test_pooled_is_the_mean_after_the_norm():
  params, image = random(CFG), noise(CFG, 2)
  tokens = small.apply(Swin(CFG), params, image)
  pooled = small.apply(Swin(CFG), params, image, method=small.pooled)
  np.testing.assert_allclose(pooled, tokens.mean(axis=1), rtol=0, atol=1e-6)


def test_the_formula_counts_every_product():
  for cfg in (CFG, dataclasses.replace(CFG, tubelet=2)):
    frames = (2,) if cfg.tubelet == 2 else ()
    image = jnp.zeros((1, *frames, *cfg.image_shape))
    run = lambda image, cfg=cfg: Swin(cfg).init(jax.random.key(0), image)
    traced = small.count_products(jax.make_jaxpr(run)(image).jaxpr)
    assert sum(cfg.macs().values()) == traced


def test_no_token_is_gathered():
  """Windows are reshapes and transposes; a table has one gather per block."""
  params = shapes(CFG)
  run = lambda params, x: Swin(CFG).apply({'params': params}, x)
  text = jax.jit(run).lower(params, noise(CFG, 1)).as_text()
  assert text.count('"stablehlo.gather"(') == CFG.num_blocks


@pytest.mark.parametrize(
  ('change', 'error'),
  [
    (dict(image_size=40), 'maps of 10, 5 tokens a side, and windows of 4 do '),
    (dict(image_size=36), 'image_size is 36, which patches of 4 pixels and 1 '),
    (dict(num_heads=(2,)), 'differ in length; give one of each for every'),
    (dict(num_heads=(3, 4)), 'num_heads of stage 0 is 3, which does not divi'),
    (dict(bias='per_frame'), "bias is 'per_frame' and steps is 0; set steps"),
    (dict(steps=4), "bias is 'shared' and steps is 4"),
    (dict(window=-1), 'window is -1'),
  ],
)
def test_sizes_that_do_not_fit_are_named(change, error):
  with pytest.raises(UserError, match=error):
    SwinConfig(**TINY | dict(image_size=32) | change)


def test_an_unknown_variant_is_named():
  with pytest.raises(UserError, match="variant is 'Swin-XL'"):
    SwinConfig.named('Swin-XL')


def test_heads_of_every_stage_fit_a_mesh():
  CFG.check_mesh(small.abstract_mesh((1, 2), ('data', 'model')))
  with pytest.raises(UserError, match='does not divide the 2 heads'):
    CFG.check_mesh(small.abstract_mesh((1, 4), ('data', 'model')))


@pytest.mark.parametrize('frames', [(), (0,), (3,)])
def test_clips_that_tubelets_do_not_fill_are_refused(frames):
  cfg = dataclasses.replace(CFG, tubelet=2)
  with pytest.raises(UserError, match='with a multiple of 2 frames, not'):
    Swin(cfg).apply({'params': random(cfg)}, noise(cfg, 4, *frames))


def test_pixels_of_another_kind_are_refused():
  params = random(CFG)
  run = lambda image: Swin(CFG).apply({'params': params}, image)
  with pytest.raises(UserError, match='takes normalised pixels, not uint8'):
    run(np.zeros((1, 32, 32, 3), np.uint8))
  with pytest.raises(UserError, match='takes 32x32 pixels, not 48x32'):
    run(np.zeros((1, 32, 48, 3), 'f4'))
