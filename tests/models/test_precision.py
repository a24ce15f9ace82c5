"""What is computed in which type, read off the traced training step."""

import collections
import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small
from jax.extend import core as jex

from i2v_jax import params as params_lib
from i2v_jax.backbones import vit
from i2v_jax.bench import timing
from i2v_jax.models.inputs import (
  INPUTS,
  clip_shapes,
  full_precision,
  param_shapes,
)
from i2v_jax.models.probabilities import compute_probabilities
from i2v_jax.training.train_step import TrainState, make_train_step

METHODS = {
  'zeroi2v': dict(num_adapters=4, offsets=(1,)),
  'evl': dict(layers=1),
  'step_probe': dict(),
  'dualpath': dict(grid=(2, 2), spatial_frames=2),
}
PRODUCTS_OF_HEAD = {'zeroi2v': 3, 'evl': 3, 'step_probe': 3, 'dualpath': 6}


def build(method, dtype):
  adapter = dict(name=method) | METHODS[method]
  model = small.build(adapter, depth=1)
  vit_config = dataclasses.replace(model.image_model, dtype=jnp.dtype(dtype))
  return model.clone(image_model=vit_config)


@functools.cache
def traced(method, dtype):
  """A training step of shapes, as jaxpr and as it is lowered for others."""
  model = build(method, dtype)
  tree = param_shapes(model)
  named = [p for p in small.TRAINED if p.partition('/')[0] in tree]
  mine, frozen = params_lib.split(tree, named)
  frozen = jax.eval_shape(
    lambda x: params_lib.cast_params(x, model.image_model.dtype), frozen
  )
  tx = optax.adamw(1e-3)
  state = jax.eval_shape(
    lambda p: TrainState(jnp.int32(0), p, tx.init(p)), mine
  )
  clips = zip(INPUTS, clip_shapes(model, 2, jnp.uint8), strict=False)
  batch = dict(clips) | {
    'label': jax.ShapeDtypeStruct((2,), 'int32'),
    'mask': jax.ShapeDtypeStruct((2,), 'float32'),
  }
  step = make_train_step(model, tx, normalization='clip')
  return jax.jit(step).trace(state, frozen, batch)


def operations(jaxpr):
  """Every operation of a jaxpr, also inside of others."""
  for equation in jaxpr.eqns:
    yield equation
    for inner in jex.jaxprs_in_params(equation.params):
      yield from operations(inner)


@pytest.mark.parametrize('method', METHODS)
def test_bfloat16_leaves_norms_softmax_loss_and_training_in_float32(method):
  found = traced(method, 'bfloat16')
  kinds = collections.defaultdict(list)
  for equation in operations(found.jaxpr.jaxpr):
    types = [x.aval.dtype for x in equation.invars]
    kinds[equation.primitive.name] += types
  # Maxima are those of softmax, in attention and in the loss; roots are those
  # of norms and, like all of Adam's, of what is trained.
  for name in ('reduce_max', 'log', 'rsqrt', 'sqrt'):
    assert set(kinds[name]) == {jnp.dtype('f4')}, name
  assert len(kinds['reduce_max']) > 1 and len(kinds['rsqrt']) > 2
  state, metrics = found.out_info
  dtypes = lambda tree: {str(x.dtype) for x in jax.tree.leaves(tree)}
  assert dtypes((state.params, metrics)) == {'float32'}
  assert dtypes(state) == {'float32', 'int32'}


@pytest.mark.parametrize('method', METHODS)
def test_bfloat16_multiplies_in_bfloat16_but_for_the_head(method):
  rounded, exact = [], []
  for equation in operations(traced(method, 'bfloat16').jaxpr.jaxpr):
    if equation.primitive.name == 'dot_general':
      kinds = {str(x.aval.dtype) for x in equation.invars}
      precision = equation.params['precision']
      # The softmax gives attention's gradient float32, to be rounded.
      rounds = precision == jax.lax.DotAlgorithmPreset.BF16_BF16_F32
      (rounded if rounds or kinds == {'bfloat16'} else exact).append(precision)
  assert len(rounded) > 10
  highest = (jax.lax.Precision.HIGHEST,) * 2
  assert exact == PRODUCTS_OF_HEAD[method] * [highest]


@pytest.mark.parametrize('method', METHODS)
def test_float32_is_float32_also_where_products_would_be_rounded(method):
  found = traced(method, 'float32').lower(lowering_platforms=('cuda', 'tpu'))
  text = found.as_text()
  check_exact(text)
  assert 'bf16' not in text


def check_exact(text, least=10):
  products = re.findall(r'.*stablehlo\.(?:dot_general|convolution).*', text)
  assert len(products) > least
  for line in products:
    assert line.count('HIGHEST') == 2, line


def test_evaluation_is_as_exact_as_training():
  model = build('zeroi2v', 'float32')
  views = {'video': jax.ShapeDtypeStruct((1, 2, 4, 16, 16, 3), 'uint8')}
  found = compute_probabilities.trace(model, 'clip', param_shapes(model), views)
  check_exact(found.lower(lowering_platforms=('tpu',)).as_text())


def test_what_is_measured_is_as_exact_as_evaluation(monkeypatch):
  texts, compile_ = [], jax.stages.Lowered.compile

  def kept(lowered, *args, **options):
    texts.append(lowered.as_text())
    return compile_(lowered, *args, **options)

  monkeypatch.setattr(jax.stages.Lowered, 'compile', kept)
  model = build('zeroi2v', 'float32')
  timing.compile_forward(model, small.random(model))
  timing.compile_matmul(model)
  forward, product = texts
  check_exact(forward)
  check_exact(product, least=0)


def test_a_precision_that_is_asked_for_stays():
  model = build('zeroi2v', 'float32')
  with jax.default_matmul_precision('tensorfloat32'), full_precision(model):
    assert jax.config.jax_default_matmul_precision == 'tensorfloat32'
  with full_precision(build('zeroi2v', 'bfloat16')):
    assert jax.config.jax_default_matmul_precision is None


def test_a_norm_in_bfloat16_is_that_in_float32_rounded_once():
  cfg = build('zeroi2v', 'bfloat16').image_model
  x = np.random.default_rng(0).normal(100, 1, (64, 32)).astype(jnp.bfloat16)
  norm, exact = (
    vit.make_layer_norm(dataclasses.replace(cfg, dtype=dtype))
    for dtype in (jnp.bfloat16, jnp.float32)
  )
  params = {'params': {'scale': jnp.ones(32), 'bias': jnp.zeros(32)}}
  wanted = exact.apply(params, x.astype('f4')).astype(jnp.bfloat16)
  np.testing.assert_array_equal(norm.apply(params, x), wanted)


def test_casting_a_frozen_swin_changes_nothing_it_computes():
  """Its tables are added to float32 logits, so they stay float32."""
  aim = dict(name='aim', preset='release')
  model = small.on_swin(aim)
  cfg = dataclasses.replace(model.image_model, dtype=jnp.bfloat16)
  model = model.clone(image_model=cfg)
  params, (clip,) = small.random(model, 0.5), small.clips(model)
  cast = params_lib.cast_params(params, jnp.bfloat16)
  table = cast['backbone']['blocks_0']['attn']['bias']
  assert table.dtype == jnp.float32
  assert cast['adapters']['blocks_0']['times']['table'].dtype == jnp.float32
  kernel = cast['backbone']['blocks_0']['attn']['q']['kernel']
  assert kernel.dtype == jnp.bfloat16
  features = lambda tree: small.apply(model, tree, clip, method='features')
  np.testing.assert_array_equal(features(cast), features(params))
