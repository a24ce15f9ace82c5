"""What holds for every method, and which goes with which operator."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from flax.traverse_util import flatten_dict

from i2v_jax import adapters
from i2v_jax import params as params_lib
from i2v_jax.models.build import merge
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.weights import image

GRID = dict(grid=(2, 2), spatial_frames=2)
# More than adapters in the blocks.
WHOLE = ('dualpath', 'evl', 'attentive_probe', 'step_probe')
PER_BLOCK = sorted(set(adapters.METHODS) - set(WHOLE))
RELOCATION = dict(name='head_relocation', offsets=(-1, 1))
OPERATORS = {
  'none': None,
  'head_relocation': RELOCATION,
  'half heads': dict(name='head_relocation', offsets=((-1, 4), (1, 4))),
  'long': dict(name='head_relocation', offsets=(-2, 0, 3)),
  'channel_shift': dict(name='channel_shift', share=4),
  'token_shift at kv': dict(name='token_shift', at='kv'),
  'token_shift': dict(name='token_shift'),
}


@functools.cache
def classifier(name):
  """Every method, in a small form."""
  if name == 'dualpath':
    spec = dict(name=name, preset='release', **GRID)
    off = {'dropout': 0.0, 'projection': 24}
  else:
    spec, off = {'name': name}, {}
  if name == 'evl':
    spec |= {'layers': 2}
  elif name in ('lora', 'st_adapter', 'st_adapter_zeroi2v'):
    spec |= {'rank': 4}
  return small.build(spec, temporal_embedding=name not in WHOLE, **off)


@pytest.mark.parametrize('name', adapters.METHODS)
def test_the_backbones_tree_is_the_image_models(name):
  model = classifier(name)
  found = param_shapes(model)['backbone']
  params_lib.check_same_tree(
    image.compute_shapes(model.image_model), found, name
  )


@pytest.mark.parametrize('name', PER_BLOCK)
def test_it_starts_as_the_image_model_frame_by_frame(name):
  # The prompts of VPT are tokens from the start.
  small.check_start(classifier(name), 2e-6, is_image_model=name != 'vpt')


# Frames that feel frame 4 of 9, after so many blocks, without an operator.
REACH = {
  'adaptformer': (2, {4}),
  'aim': (1, set(range(9))),
  'gelu_adapters': (2, {4}),
  'lora': (2, {4}),
  'pro_tuning': (2, {4}),
  'ssf': (2, {4}),
  'vpt': (2, {4}),
  'zeroi2v': (2, {4}),
  # In front of the MLP patches only: class tokens read them a block later.
  'st_adapter': (1, {4}),
  'st_adapter, pre_attn': (1, {3, 4, 5}),
  'st_adapter, 2 blocks': (2, {3, 4, 5}),
  # A step in front of and behind both parts.
  'st_adapter_zeroi2v, num_adapters=2': (1, {2, 3, 4, 5, 6}),
  'st_adapter_zeroi2v': (1, set(range(9))),
}


def test_every_methods_reach_is_known():
  assert {name.partition(',')[0] for name in REACH} == set(PER_BLOCK)


@pytest.mark.parametrize(('name', 'wanted'), REACH.items())
def test_which_frames_feel_frame_4(name, wanted):
  depth, frames = wanted
  name, _, option = name.partition(', ')
  spec = {'name': name}
  if option == 'pre_attn':
    spec |= {'pre_attn': True}
  elif option == 'num_adapters=2':
    spec |= {'num_adapters': 2}
  model = small.build(spec, frames=9, depth=depth)
  assert small.reach(model, small.random(model), 4) == frames


OPERATOR_REACH = {
  'none': {4},
  'head_relocation': {3, 4, 5},
  'half heads': {3, 4, 5},
  'long': {6, 4, 1},
  'channel_shift': {3, 4, 5},
  # In the first block all class tokens are the same until they have attended.
  'token_shift at kv': {4},
  'token_shift': {3, 4, 5},
}


@pytest.mark.parametrize('operator', OPERATORS)
def test_reach_of_the_operators_alone(operator):
  options = dict(temporal_operator=OPERATORS[operator])
  model = small.build(None, frames=9, depth=1, **options)
  params = small.random(model)
  assert 'adapters' not in params
  assert small.reach(model, params, 4) == OPERATOR_REACH[operator]


@pytest.mark.parametrize(
  ('options', 'frames'),
  [
    (dict(at='kv'), {3, 4, 5}),
    (dict(at='stream'), {1, 2, 3, 4, 5, 6, 7}),  # once, then twice a block
  ],
)
def test_reach_of_token_shift_in_two_blocks(options, frames):
  operator = dict(name='token_shift', **options)
  model = small.build(None, frames=9, depth=2, temporal_operator=operator)
  assert small.reach(model, small.random(model), 4) == frames


@pytest.mark.parametrize('operator', ['long', 'token_shift'])
@pytest.mark.parametrize('name', PER_BLOCK)
def test_any_operator_goes_under_any_adapter_or_is_refused(name, operator):
  build = lambda: small.build(
    {'name': name}, frames=9, depth=1, temporal_operator=OPERATORS[operator]
  )
  if name == 'aim':
    with pytest.raises(ValueError, match=r'aim does not go with.*over time'):
      build()
    return
  model = build()
  found = small.reach(model, small.random(model), 4)
  assert found >= OPERATOR_REACH[operator]
  if name != 'st_adapter_zeroi2v':
    assert found == OPERATOR_REACH[operator]


@pytest.mark.parametrize('name', WHOLE)
def test_whole_classifiers_refuse_operators(name):
  spec = dict(name=name)
  with pytest.raises(ValueError, match=f'{name} does not go with temporal'):
    small.build(spec, temporal_embedding=False, temporal_operator=RELOCATION)


def test_offsets_and_another_operator_are_refused():
  spec = dict(name='zeroi2v', offsets=(1,))
  with pytest.raises(ValueError, match='a head relocation themselves'):
    small.build(spec, temporal_operator=RELOCATION)


@pytest.mark.parametrize('name', WHOLE)
def test_an_option_of_another_classifier_is_refused(name):
  with pytest.raises(ValueError, match='temporal_embedding does not go'):
    small.build(dict(name=name), temporal_embedding=True)


@pytest.mark.parametrize('name', adapters.METHODS)
def test_what_can_be_merged_says_so(name):
  model = classifier(name)
  if name in ('zeroi2v', 'lora', 'ssf'):
    assert adapters.can_merge(model.adapter)
    return
  assert not adapters.can_merge(model.adapter)
  with pytest.raises(ValueError, match=f'{name} cannot be folded'):
    merge(model, param_shapes(model))


NO_GRADIENT = {
  # Behind the last attention patches reach no class token.
  'st_adapter': {
    f'blocks_1/adapt_mlp/{layer}/{leaf}'
    for layer in ('fc1', 'conv', 'fc2')
    for leaf in ('kernel', 'bias')
  },
  # A constant on every key cancels in the softmax.
  'ssf': {f'blocks_{i}/k/shift' for i in range(2)},
  'evl': {f'layers_{i}/attn/k/bias' for i in range(2)},
}


def with_remat(model):
  return model.clone(
    image_model=dataclasses.replace(model.image_model, remat='block')
  )


@pytest.mark.parametrize('name', adapters.METHODS)
def test_every_parameter_of_a_method_matters(name):
  """With rematerialised blocks, which every method must survive."""
  model = with_remat(classifier(name))
  params, clips = small.random(model), small.clips(model)

  def loss(mine):
    return model.apply({'params': params | {'adapters': mine}}, *clips)[0, 0]

  grads = flatten_dict(jax.jit(jax.grad(loss))(params['adapters']), sep='/')
  still = {path for path, g in grads.items() if np.abs(g).max() < 1e-8}
  assert still == NO_GRADIENT.get(name, set())


def test_remat_changes_nothing():
  """In the method that runs the frozen attention twice."""
  model = classifier('aim')
  params, clips = small.random(model), small.clips(model)
  loss = lambda m: lambda p: m.apply({'params': p}, *clips)[0, 0]
  one, two = (
    jax.jit(jax.grad(loss(m)))(params) for m in (model, with_remat(model))
  )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6),
    one,
    two,
  )


def test_a_method_without_presets_says_so():
  with pytest.raises(ValueError, match='vpt has no presets'):
    adapters.resolve(dict(name='vpt', preset='paper'))


@pytest.mark.parametrize('name', adapters.METHODS)
def test_the_compute_type_holds_through_all_blocks(name):
  model = classifier(name)
  cfg = model.image_model.__class__(
    **vars(model.image_model) | {'dtype': jnp.bfloat16}
  )
  model = model.clone(image_model=cfg)
  clips = clip_shapes(model, dtype=jnp.bfloat16)
  run = lambda p, *x: model.apply({'params': p}, *x, method='features')
  found = jax.eval_shape(run, param_shapes(model), *clips)
  assert {x.dtype for x in jax.tree.leaves(found)} == {jnp.dtype('bfloat16')}


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    (dict(mean_frist=False), "no model.mean_frist; did you mean 'mean_first'"),
    (dict(droput=0.3), "no model.droput; did you mean 'dropout'"),
    (dict(projection=16), 'projection does not go with no adapter'),
  ],
)
def test_options_that_no_classifier_has_are_named(options, error):
  with pytest.raises(ValueError, match=error):
    small.build(None, **options)
