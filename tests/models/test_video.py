"""Models built and called in ways that first come to mind."""

import inspect

import jax
import jax.numpy as jnp
import pytest
import small

import i2v_jax
from i2v_jax import adapters
from i2v_jax.models.inputs import clip_shapes

BACKBONE = dict(width=32, depth=2, num_heads=4, patch_size=4, image_size=16)
SPEC = dict(backbone=BACKBONE, num_frames=4)


def test_an_adapter_may_be_named_alone():
  model = i2v_jax.build(SPEC | dict(adapter='aim'), 3)
  assert model.adapter == adapters.resolve(dict(name='aim'))


@pytest.mark.parametrize(
  ('spec', 'options', 'error'),
  [
    (SPEC | dict(adapter='ami'), {}, "model.adapter.name is 'ami'; it can be"),
    (SPEC, dict(adapter='aim'), 'no adapter; .* belongs in the spec'),
    (dict(adapter='aim'), {}, 'no backbone and no num_frames; an example is'),
    (SPEC | dict(temporal_operator='shift'), {}, 'temporal_operator.name is'),
    (SPEC | dict(backbone='B/16'), {}, "model.backbone is 'B/16'; it can be a"),
    (
      SPEC | dict(backbone=BACKBONE | dict(remat='dots')),
      dict(remat='none'),
      'model.backbone.remat would not be used; set remat of the config',
    ),
  ],
)
def test_what_a_model_needs_is_said(spec, options, error):
  with pytest.raises(ValueError, match=error):
    i2v_jax.build(spec, 3, **options)


@pytest.mark.parametrize('count', [-1, 0, 2.5, True, float('inf'), '3'])
def test_a_number_of_classes_is_whole_and_positive(count):
  with pytest.raises(ValueError, match=r'num_classes is .* an integer'):
    i2v_jax.build(SPEC, count)


def test_a_rank_of_64_0_is_one_of_64():
  build = lambda rank: i2v_jax.build(
    SPEC | dict(adapter=dict(name='aim', rank=rank)), 3
  )
  assert build(64.0) == build(64)


@pytest.mark.parametrize(
  'adapter',
  [None, dict(name='evl', layers=1), dict(name='dualpath', grid=(2, 2))],
)
def test_bytes_are_refused_with_a_word_on_normalize(adapter):
  options = dict(spatial_frames=4) if adapter and 'grid' in adapter else {}
  model = small.build(adapter and adapter | options)
  clips = clip_shapes(model, dtype=jnp.uint8)
  with pytest.raises(ValueError, match=r'uint8; apply i2v_jax\.normalize'):
    jax.eval_shape(model.init, jax.random.key(0), *clips)


def test_an_unknown_normalisation_is_named():
  with pytest.raises(ValueError, match=r"normalization is 'clop'; .*'half'"):
    i2v_jax.normalize(jnp.zeros((2, 2, 3), 'uint8'), 'clop')


@pytest.mark.parametrize('name', i2v_jax.__all__)
def test_help_of_every_public_name_says_what_it_is(name):
  assert inspect.getdoc(getattr(i2v_jax, name)).splitlines()[0].endswith('.')


def test_help_of_mask_says_that_it_freezes_nothing():
  text = ' '.join(inspect.getdoc(i2v_jax.mask).split())
  assert 'optax.masked' in text and 'freezes nothing' in text
