"""The formula against what JAX traces and what XLA compiles, per method."""

import jax
import jax.extend
import pytest
import small

from i2v_jax import adapters
from i2v_jax.adapters.layers import PER_CHANNEL
from i2v_jax.models.build import build
from i2v_jax.models.inputs import clip_shapes, param_shapes
from i2v_jax.models.macs import count_macs
from i2v_jax.runtime import compilation

SPECS = {
  'plain': None,
  'zeroi2v': dict(name='zeroi2v', offsets=(-1, 1), rank=0.25),
  'zeroi2v, 6': dict(name='zeroi2v', num_adapters=6, rank=3),
  'zeroi2v, some': dict(name='zeroi2v', rank=0.25, blocks=(1,)),
  'zeroi2v, merged': dict(name='zeroi2v', offsets=(-1, 1), num_adapters=0),
  'gelu_adapters': dict(name='gelu_adapters', num_adapters=3),
  'aim': dict(name='aim'),
  'aim, 4': dict(name='aim', num_adapters=4, rank=5),
  'aim, some': dict(name='aim', blocks=(1,)),
  'aim, causal': dict(name='aim', causal=True),
  'dualpath': dict(name='dualpath', grid=(2, 2), spatial_frames=4, rank=6),
  'dualpath, release': dict(
    name='dualpath', preset='release', grid=(2, 2), spatial_frames=2
  ),
  'st_adapter': dict(name='st_adapter', rank=6),
  'st_adapter, some': dict(
    name='st_adapter', rank=6, pre_attn=True, kernel=(3, 3, 1), blocks=(1,)
  ),
  'st_adapter_zeroi2v': dict(name='st_adapter_zeroi2v', rank=6),
  'evl': dict(name='evl', layers=2),
  'attentive_probe': dict(name='attentive_probe'),
  'step_probe': dict(name='step_probe'),
  'adaptformer': dict(name='adaptformer', rank=6),
  'vpt': dict(name='vpt', prompts=3),
  'vpt, some': dict(name='vpt', prompts=3, blocks=(0,)),
  'vpt, shallow': dict(name='vpt', prompts=3, deep=False),
  'lora': dict(name='lora', rank=4, on=('q', 'fc1', 'fc2')),
  'ssf': dict(name='ssf'),
  'pro_tuning': dict(name='pro_tuning', rank=4),
}


def traced(model):
  """Multiply-accumulates of all matrix products and convolutions in a model.

  Of `init`, which runs the model and draws parameters without a product.
  """
  init = lambda *clips: model.init(jax.random.key(0), *clips)
  return small.count_products(jax.make_jaxpr(init)(*clip_shapes(model)).jaxpr)


@pytest.mark.parametrize('name', SPECS)
def test_the_formula_counts_every_product_that_is_traced(name):
  model = small.build(SPECS[name])
  parts = count_macs(model)
  assert min(parts.values()) > 0
  per_channel = parts.pop(PER_CHANNEL, 0)  # traced as sums
  assert sum(parts.values()) == traced(model)
  has = {'st_adapter', 'st_adapter_zeroi2v', 'evl', 'pro_tuning'}
  assert bool(per_channel) == (name.partition(',')[0] in has)


FAMILIES = {
  'siglip': dict(family='siglip'),
  'imagenet': dict(family='imagenet', mean_first=True),
  'dinov2': dict(family='dinov2'),
}


@pytest.mark.parametrize('name', FAMILIES)
def test_the_formula_counts_what_families_differ_in(name):
  """A query that pools; once for all frames; registers; SwiGLU."""
  options = dict(FAMILIES[name])
  spec = small.spec(dict(name='zeroi2v'), **options)
  if name == 'dinov2':
    spec['backbone'] |= dict(registers=4, activation='swiglu')
  model = build(spec, 3)
  assert sum(count_macs(model).values()) == traced(model)


def test_evl_reads_tokens_of_a_backbone_that_would_pool():
  model = small.build(dict(name='evl', layers=1), family='siglip')
  pooling = model.num_frames * model.image_model.macs()['pooling']
  parts = count_macs(model)
  assert 'pooling' not in parts and pooling
  # Initialised is the pooling as well.
  found = traced(model) - pooling
  assert sum(parts.values()) - parts[PER_CHANNEL] == found


def test_every_method_is_counted_above():
  counted = {name.partition(',')[0] for name in SPECS}
  assert counted - {'plain'} == adapters.METHODS.keys()


def test_a_method_without_formula_is_named(monkeypatch):
  class Other(adapters.Method):
    """A method as a contributor begins it."""

  monkeypatch.setitem(adapters.METHODS, 'other', Other)
  with pytest.raises(NotImplementedError, match='Other has no formula; give'):
    count_macs(small.build(dict(name='other')))


@pytest.mark.slow
@pytest.mark.parametrize('name', SPECS)
def test_xla_compiles_as_much_within_one_percent(name):
  """At the width of B/16, where what is no product weighs little."""
  sizes = dict(width=768, depth=2, num_heads=12, patch_size=16, image_size=224)
  spec = small.spec(SPECS[name])
  model = build(spec | {'backbone': dict(family='clip', **sizes)}, 400)
  apply = jax.jit(lambda params, *x: model.apply({'params': params}, *x))
  given = param_shapes(model), *clip_shapes(model)
  found = compilation.count_xla_macs(apply.lower(*given).compile())
  assert sum(count_macs(model).values()) == pytest.approx(found, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['plain', 'zeroi2v', 'aim'])
def test_xla_compiles_as_much_on_swin(name):
  """Of Swin-B; norms, softmax and GELU, which XLA counts, are below 1 %."""
  adapter = {
    'plain': None,
    'zeroi2v': dict(name='zeroi2v', heads='quarter'),
    'aim': dict(name='aim'),
  }[name]
  sizes = dict(family='swin', variant='Swin-B', tubelet=2)
  spec = dict(backbone=sizes, num_frames=8, adapter=adapter)
  model = build(spec | dict(temporal_embedding=False), 174)
  apply = jax.jit(lambda params, *x: model.apply({'params': params}, *x))
  given = param_shapes(model), *clip_shapes(model)
  found = compilation.count_xla_macs(apply.lower(*given).compile())
  assert sum(count_macs(model).values()) == pytest.approx(found, rel=0.01)
