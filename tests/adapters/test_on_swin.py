"""Methods on an image model of stages and windows, Swin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small

import i2v_jax
from i2v_jax import adapters
from i2v_jax import params as params_lib
from i2v_jax.adapters.layers import PER_CHANNEL
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.models.macs import count_macs
from i2v_jax.runtime.errors import UserError

QUARTER = dict(name='zeroi2v', heads='quarter', rank=0.25)
PER_FRAME = dict(bias='per_frame', steps=4)
SPECS = {
  'plain': (None, {}),
  'zeroi2v': (QUARTER, {}),
  'zeroi2v, per frame': (QUARTER, PER_FRAME),
  'zeroi2v, tubelets': (QUARTER, dict(tubelet=2)),
  'zeroi2v, 6': (dict(name='zeroi2v', num_adapters=6, rank=2), {}),
  'gelu_adapters': (dict(name='gelu_adapters', num_adapters=3), {}),
  'aim': (dict(name='aim'), {}),
  'aim, 4': (dict(name='aim', num_adapters=4), dict(tubelet=2)),
  'dualpath': (dict(name='dualpath', grid=(2, 2), spatial_frames=2), {}),
  'st_adapter': (dict(name='st_adapter', rank=2, pre_attn=True), {}),
  'st_adapter_zeroi2v': (dict(name='st_adapter_zeroi2v', rank=2), {}),
  'adaptformer': (dict(name='adaptformer', rank=2), {}),
  'lora': (dict(name='lora', rank=2, on=('q', 'v', 'fc1')), {}),
  'ssf': (dict(name='ssf'), {}),
  'pro_tuning': (dict(name='pro_tuning', rank=2), {}),
  'attentive_probe': (dict(name='attentive_probe'), {}),
  'step_probe': (dict(name='step_probe'), dict(tubelet=2)),
}


def build(name):
  spec, backbone = SPECS[name]
  return small.on_swin(spec, **backbone)


@pytest.mark.parametrize('name', SPECS)
def test_the_formula_counts_every_product_that_is_traced(name):
  model = build(name)
  init = lambda *clips: model.init(jax.random.key(0), *clips)
  traced = jax.make_jaxpr(init)(*clip_shapes(model)).jaxpr
  parts = count_macs(model)
  parts.pop(PER_CHANNEL, None)
  assert sum(parts.values()) == small.count_products(traced)
  assert parts['merging']


def test_every_method_runs_or_says_why_not():
  names = {name.partition(',')[0] for name in SPECS} - {'plain'}
  for name, reason in (
    ('vpt', 'a prompt has no place in a map that is cut into windows'),
    ('evl', 'its decoder reads queries and keys of complete frames'),
  ):
    with pytest.raises(UserError, match=f'{name} does not fit .*{reason}'):
      small.on_swin(dict(name=name))
    names.add(name)
  assert names == adapters.METHODS.keys()


def reach(model, params, block, frame):
  """Frames that a block changes when one of its inputs changes."""
  sizes = model.image_model.block(block)
  shape = (1, model.num_steps, sizes.num_tokens, sizes.width)
  x = jax.random.normal(jax.random.key(2), shape)
  through = lambda m, x: m.backbone.blocks[block](x, m.adapters.blocks[block])
  run = lambda x: small.apply(model, params, x, method=through)
  other = x.at[:, frame].add(jnp.arange(sizes.width))
  changed = (run(other) != run(x)).any(axis=(0, 2, 3))
  return set(np.flatnonzero(changed).tolist())


@pytest.mark.parametrize('bias', [{}, dict(bias='per_frame', steps=6)])
def test_temporal_reach_of_each_stage(bias):
  spec = dict(name='zeroi2v', offsets=[[-1], [-1, 1, 2]])
  model = small.on_swin(spec, frames=6, **bias)
  params = small.random(model)
  found = [reach(model, params, block, 3) for block in range(4)]
  assert found == [{3, 4}] * 2 + [{1, 2, 3, 4}] * 2
  aim = small.on_swin(dict(name='aim'), frames=6)
  params, every = small.random(aim), {0, 1, 2, 3, 4, 5}
  found = [reach(aim, params, block, 3) for block in range(4)]
  assert found == [every, {3}, every, {3}]


def test_at_the_start_adapters_change_nothing():
  """Frame by frame, on patches of one frame."""
  small.check_start(small.on_swin(dict(name='zeroi2v')), atol=1e-6)
  small.check_start(small.on_swin(dict(name='aim')), atol=1e-6)
  small.check_start(small.on_swin(QUARTER), 0, is_image_model=False)


def test_relocation_alone_is_the_image_model_on_a_still_clip():
  model = small.on_swin(QUARTER | dict(num_adapters=0))
  params, (clip,) = small.random(model), small.clips(model)
  still = jnp.broadcast_to(clip[:, :1], clip.shape)
  found = small.apply(model, params, still)
  plain = small.on_swin(None)
  wanted = small.apply(plain, params, still)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
  moving = small.apply(model, params, clip)
  assert np.abs(moving - small.apply(plain, params, clip)).max() > 1e-3


@pytest.mark.parametrize(
  'name', ['zeroi2v', 'zeroi2v, per frame', 'lora', 'ssf']
)
def test_merged_it_is_a_plain_swin(name):
  model = build(name)
  params, clips = small.random(model), small.clips(model)
  merged, folded = merge(model, params)
  assert 'adapters' not in folded
  plain = params_lib.count(folded['backbone'])
  assert plain == params_lib.count(params['backbone'])
  found = small.apply(merged, folded, *clips)
  wanted = small.apply(model, params, *clips)
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
  if name.startswith('zeroi2v'):
    assert reach(model, params, 3, 2) == {1, 2, 3}
    assert adapters.relocation(merged.adapter)['offsets'] == 'quarter'


def test_slices_that_no_frame_uses_get_no_gradient():
  """As in the release: tables have 2T - 1 slices, of which T are used."""
  model = build('zeroi2v, per frame')
  params, clips = small.random(model), small.clips(model)
  loss = lambda params: model.apply({'params': params}, *clips).std()
  grads = jax.jit(jax.grad(loss))(params)['backbone']
  for block in range(4):
    table = np.abs(grads[f'blocks_{block}']['attn']['bias']).max(axis=1)
    assert not table[:3].any() and table[3:-1].any(axis=-1).all()
  last = np.abs(grads['blocks_0']['attn']['bias']).max(axis=1)[-1]
  assert not last[0] and last[1:].all()  # the keys of head 0 are of others


def test_relative_times_are_only_where_a_block_looks_over_time():
  tree = param_shapes(small.on_swin(dict(name='aim')))['adapters']
  assert set(tree['blocks_0']) == {'time', 'space', 'joint', 'times'}
  assert set(tree['blocks_1']) == {'space', 'joint'}
  assert tree['blocks_2']['times']['table'].shape == (7, 8)
  released = small.on_swin(dict(name='aim', preset='release'))
  drawn = small.initial(released)['adapters']['blocks_0']['times']['table']
  assert 0.01 < drawn.std() < 0.03
  paper = small.initial(small.on_swin(dict(name='aim', preset='paper')))
  assert not paper['adapters']['blocks_0']['times']['table'].any()
  assert released.adapter['scale'] == 0.5


@pytest.mark.parametrize(('branch', 'axes'), [(0, (0, 2)), (1, (0, 1))])
def test_the_release_drops_branches_of_swin_by_its_own_axes(branch, axes):
  spec = dict(name='aim', drop_path=0.5, drop_path_axis='release')
  model = small.on_swin(spec)
  x = jnp.ones((16, 4, 4, 16))

  @jax.jit
  def draw(rngs):
    drop = lambda m: m.adapters.blocks[3].drop(x, m.backbone.blocks[3], branch)
    params = small.random(model)
    return model.apply({'params': params}, method=drop, rngs=rngs)

  y = np.asarray(draw({'dropout': jax.random.key(0)}))
  assert set(np.unique(y)) == {0.0, 2.0}
  for axis in range(4):
    assert (y == y.take([0], axis=axis)).all() == (axis not in axes)


def test_stochastic_depth_of_zeroi2v_is_per_clip():
  model = small.on_swin(QUARTER | dict(num_adapters=0, drop_path=0.5))
  params, x = small.random(model), jnp.ones((16, 4, 4, 16))
  draw = lambda block, rngs: np.asarray(
    model.apply(
      {'params': params},
      method=lambda m: m.adapters.blocks[block].drop(x),
      rngs=rngs,
    )
  )
  y = draw(3, {'dropout': jax.random.key(0)})
  assert set(np.unique(y)) == {0.0, 2.0} and (y == y[:, :1, :1, :1]).all()
  assert (draw(0, {'dropout': jax.random.key(0)}) == 1).all()
  assert (draw(3, {}) == 1).all()


GRID = dict(name='dualpath', grid=(2, 2), spatial_frames=4)


def test_framesets_mix_frames_where_windows_cross_cells():
  """Of 8 x 8 tokens, four cells of one window each."""
  model = small.on_swin(GRID, image_size=32, window=4)
  assert [shape[0] for shape in model.input_shapes] == [4, 1]
  params = small.random(model)
  x = jax.random.normal(jax.random.key(0), (1, 1, 64, 8))
  cells = np.arange(64).reshape(2, 4, 2, 4).swapaxes(1, 2).reshape(4, 16)

  def reached(block):
    through = lambda m, x: m.backbone.blocks[block](
      x, m.adapters.temporal[block]
    )
    run = lambda x: small.apply(model, params, x, method=through)
    other = x.at[:, :, cells[0]].add(jnp.arange(8))
    changed = (run(other) != run(x))[0, 0].any(axis=-1)
    return [bool(changed[cell].any()) for cell in cells]

  assert reached(0) == [True, False, False, False]
  assert reached(1) == [True, True, True, True]


def test_framesets_that_do_not_align_with_windows_are_refused():
  with pytest.raises(UserError, match='4 cells along 8 patches do not align'):
    spec = GRID | dict(grid=(4, 4))
    small.on_swin(spec, frames=16, image_size=32, window=4)
  with pytest.raises(UserError, match='a patch must lie in one frame'):
    small.on_swin(GRID, tubelet=2)


@pytest.mark.parametrize(
  ('changes', 'error'),
  [
    (dict(frames=5, tubelet=2), 'num_frames is 5, and patches span 2 frames'),
    (dict(frames=8, **PER_FRAME), 'steps is 4, but clips of 8 frames have 8'),
  ],
)
def test_clips_that_do_not_fit_are_named(changes, error):
  with pytest.raises(UserError, match=error):
    small.on_swin(None, **changes)


def test_a_temporal_embedding_is_of_the_first_stage():
  model = small.on_swin(None, options=dict(temporal_embedding=True))
  params, clips = small.random(model), small.clips(model)
  assert params['temporal_embedding'].shape == (4, 8)
  assert small.apply(model, params, *clips).shape == (1, 3)


def test_what_acts_on_swin_only_is_refused_elsewhere():
  with pytest.raises(UserError, match='time_bias_std is of relative times'):
    small.build(dict(name='aim', time_bias_std=0.02))


def test_full_size_counts_are_the_papers():
  """Swin-B, 32 frames: adapters 14 M and 741 GFLOPs over three views."""
  sizes = dict(family='swin', variant='Swin-B', tubelet=2)
  spec = dict(backbone=sizes, num_frames=32, temporal_embedding=False)
  per_frame = sizes | dict(bias='per_frame', steps=16)
  model = i2v_jax.build(spec | dict(backbone=per_frame, adapter=QUARTER), 174)
  tree = param_shapes(model)
  assert params_lib.count(tree['adapters']) == 14_019_328
  blocks = [tree['backbone'][f'blocks_{i}']['attn']['bias'] for i in range(24)]
  assert params_lib.count(blocks) == 1_969_864
  merged = i2v_jax.build(
    spec | dict(adapter=QUARTER | dict(num_adapters=0)), 174
  )
  views = 3 * sum(count_macs(merged).values())
  assert views == pytest.approx(741e9, rel=1e-3)
  aim = param_shapes(i2v_jax.build(spec | dict(adapter='aim'), 400))
  times = [x.pop('times') for x in aim['adapters'].values() if 'times' in x]
  assert len(times) == 12
  assert params_lib.count(aim['adapters']) == 8_762_080
  assert params_lib.count(aim['head']) == 410_000
