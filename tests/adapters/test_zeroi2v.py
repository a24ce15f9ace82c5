"""ZeroI2V against the published implementation, and what makes it free."""

import functools

import jax
import numpy as np
import published
import pytest
import small

from i2v_jax.adapters import zeroi2v
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import param_shapes

FILES = {  # file -> adapters per block
  'zeroi2v_3adapters_rf3': 3,
  'zeroi2v_4adapters_rf3': 4,
  'zeroi2v_6adapters_rf5': 6,
  'zeroi2v_long_rf6': 4,
}


def tiny(offsets=(-1, 1), num_adapters=4, frames=4, depth=1, **options):
  """A small classifier whose every parameter is random and not zero."""
  adapter = dict(
    name='zeroi2v', num_adapters=num_adapters, offsets=offsets, **options
  )
  model = small.build(adapter, frames, depth)
  return model, small.random(model), small.clips(model)[0]


@pytest.mark.parametrize(('name', 'num_adapters'), FILES.items())
def test_outputs_loss_and_gradients_agree_with_the_release(name, num_adapters):
  model, params, arrays = published.release(name)
  assert model.adapter['num_adapters'] == num_adapters
  small.check_golden(model, params, arrays)


def test_gelu_adapters_agree_with_the_release():
  model, params, arrays = published.release('zeroi2v_gelu_adapters')
  small.check_golden(model, params, arrays)
  with pytest.raises(ValueError, match='gelu_adapters cannot be folded'):
    merge(model, params)


@pytest.mark.parametrize('name', FILES)
def test_merged_models_agree_with_the_release(name):
  model, params, arrays = published.release(name)
  model, merged = merge(model, params)
  assert set(merged['backbone']) == set(params['backbone'])
  logits = small.apply(model, merged, published.video(arrays))
  np.testing.assert_allclose(logits, arrays['output'], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
  ('offsets', 'reach'),
  [((), {2}), ((0, 0), {2}), ((-1, 1), {1, 2, 3}), ((-2,), {2, 4})],
)
def test_which_frames_feel_frame_2(offsets, reach):
  model, params, _ = tiny(offsets, frames=6)
  assert small.reach(model, params, 2) == reach


@pytest.mark.parametrize('num_adapters', [0, 2, 3, 4, 6])
@pytest.mark.parametrize('offsets', [(-1, 1, -3), ((-2, 12), (2, 4))])
def test_merge_keeps_the_function(num_adapters, offsets):
  model, params, clip = tiny(offsets, num_adapters, depth=2, scale=0.7)
  merged_model, merged = merge(model, params)
  assert 'adapters' not in merged
  assert merged_model.adapter['offsets'] == model.adapter['offsets']
  np.testing.assert_allclose(
    small.apply(merged_model, merged, clip),
    small.apply(model, params, clip),
    rtol=0,
    atol=2e-6,
  )


def test_merge_refuses_what_has_no_linear_adapters():
  model, params, _ = tiny()
  with pytest.raises(ValueError, match='without adapter cannot be folded'):
    merge(model.clone(adapter=None), params)


def test_merged_model_costs_what_the_image_model_costs():
  model, params, clip = tiny((-1, 1, 2), depth=2)
  merged_model, merged = merge(model, params)
  plain = model.clone(adapter=None)

  def flops(model, params):
    apply = jax.jit(lambda p, x: model.apply({'params': p}, x))
    return apply.lower(params, clip).compile().cost_analysis()['flops']

  assert flops(merged_model, merged) == flops(plain, merged)
  assert flops(model, params) > 1.05 * flops(plain, merged)


def test_dropout_acts_only_with_its_rng():
  model, params, clip = tiny()
  apply = jax.jit(lambda tree, rngs: model.apply(tree, clip, rngs=rngs))
  run = functools.partial(apply, {'params': params})
  one, two = (run({'dropout': jax.random.key(i)}) for i in range(2))
  assert (run({}) == run({})).all()
  assert (one != two).any()
  assert (one != run({})).any()


@pytest.mark.parametrize(
  ('preset', 'count'),
  [  # 4 adapters unless the preset says otherwise
    ('k400_B_8f_release', 14_517_136),
    ('ssv2_B_8f_paper', 21_444_270),
    ('k400_L_8f_release', 50_874_768),
    ('ssv2_L_32f_release', 50_667_694),
    ('ssv2_B_8f_paper/4', 14_343_342),
  ],
)
def test_parameter_counts_at_full_size(preset, count):
  name, _, num_adapters = preset.partition('/')
  dataset, size, frames, _ = name.split('_')
  adapter = dict(name='zeroi2v', preset=name)
  if num_adapters:
    adapter['num_adapters'] = int(num_adapters)
  spec = dict(
    backbone=dict(variant={'B': 'B/16', 'L': 'L/14'}[size]),
    num_frames=int(frames[:-1]),
    adapter=adapter,
  )
  assert small.count(spec, {'k400': 400, 'ssv2': 174}[dataset]) == count


@pytest.mark.parametrize('name', zeroi2v.OFFSETS)
def test_presets_have_the_receptive_field_of_the_tables(name):
  dataset, size, frames, source, *on = name.split('_')
  frames = int(frames[:-1])
  table = {'k400': {8: 3, 16: 4, 32: 6}, 'ssv2': {8: 3, 16: 5, 32: 6}}
  field = len(set(zeroi2v.OFFSETS[name]) | {0})
  published_differently = {'k400_B_16f_release': 3, 'k400_L_32f_release': 4}
  assert field == published_differently.get(name, table[dataset][frames])
  options = zeroi2v.ZeroI2V.preset(name)
  assert options['scale'] == {'k400': 0.5, 'ssv2': 1.0}[dataset]
  assert options['num_adapters'] == (6 if name == 'ssv2_B_8f_paper' else 4)
  without = on or name == 'ssv2_B_16f_release'
  assert options['dropout'] == (0 if without else 0.1)
  assert len(zeroi2v.OFFSETS[name]) <= {'B': 12, 'L': 16}[size]
  assert source in ('paper', 'release')


@pytest.mark.parametrize('name', zeroi2v.STREAM_OFFSETS)
def test_presets_for_streams_look_back_alone(name):
  options = zeroi2v.ZeroI2V.preset(name)
  assert max(options['offsets']) < 0 and options['num_adapters'] == 4


@pytest.mark.parametrize(
  ('spec', 'error'),
  [
    (dict(name='zeroi2w'), "model.adapter.name is 'zeroi2w'"),
    (dict(name='zeroi2v', rang=1), 'no option'),
    (dict(name='zeroi2v', preset='k400_B_64f_paper'), 'No ZeroI2V preset'),
    (dict(name='zeroi2v', num_adapters=5), 'num_adapters is 5'),
  ],
)
def test_wrong_options_are_named(spec, error):
  with pytest.raises(ValueError, match=error):
    param_shapes(small.build(spec))


def test_wrong_number_of_frames_is_named():
  model, params, clip = tiny()
  with pytest.raises(ValueError, match='takes 4 frames, the video has 3'):
    model.apply({'params': params}, clip[:, :3])
