"""ZeroI2V on the B/16 of ImageNet-21K, its Table 13."""

import importlib

import pytest

from configs import common
from i2v_jax.training import experiment

TABLE = {'k400': 78.6, 'ssv2': 65.3}
SCALE = {'k400': 0.5, 'ssv2': 1.0}
HUB = 'hf:google/vit-base-patch16-224-in21k'


def get(name, arg='family=imagenet21k'):
  return importlib.import_module(f'configs.{name}').get_config(arg)


@pytest.mark.parametrize('dataset', TABLE)
def test_it_is_the_model_of_the_development_code(dataset):
  c = get(f'zeroi2v_{dataset}')
  assert (c.reported, c.weights) == (TABLE[dataset], HUB)
  model = experiment.build_model(c, 10)
  assert model.num_frames == 8 and model.temporal_embedding
  vit = model.image_model
  assert (vit.width, vit.depth, vit.patch_size) == (768, 12, 16)
  assert (vit.activation, vit.norm_eps) == ('gelu', 1e-6)
  assert vit.patch_bias and not vit.pre_norm
  wanted = dict(
    offsets=(-1, 1), num_adapters=4, scale=SCALE[dataset], dropout=0.0
  )
  assert {key: model.adapter[key] for key in wanted} == wanted


@pytest.mark.parametrize('name', ['zeroi2v_k400', 'zeroi2v_ssv2', 'aim_k400'])
def test_pixels_are_normalised_as_the_weights_were_trained(name):
  data = get(name).data
  assert (data.normalization, data.weights_normalization) == ('half', '')
  if name == 'aim_k400':  # its own file is another one
    tuned = get(name, 'family=imagenet')
    assert tuned.weights != HUB
    assert tuned.data.normalization == 'imagenet'


@pytest.mark.parametrize('dataset', TABLE)
def test_its_recipe_is_that_of_clip(dataset):
  of_clip, c = get(f'zeroi2v_{dataset}', ''), get(f'zeroi2v_{dataset}')
  for key in ('clip', 'views', 'optimizer', 'trainable', 'epochs'):
    assert c[key] == of_clip[key]


@pytest.mark.parametrize('dataset', TABLE)
@pytest.mark.parametrize(
  ('arg', 'error'),
  [
    ('family=imagenet21k,variant=L/14', r'\(of imagenet21k\) is one of B/16'),
    ('family=dinov2', 'family is one of clip, imagenet21k, not dinov2'),
    ('family=imagenet', 'family is one of clip, imagenet21k, not imagenet'),
  ],
)
def test_what_the_paper_has_not_is_refused(dataset, arg, error):
  with pytest.raises(common.ArgumentError, match=error):
    get(f'zeroi2v_{dataset}', arg)


@pytest.mark.parametrize('dataset', TABLE)
@pytest.mark.parametrize('more', ['frames=16', 'frames=32', 'preset=release'])
def test_so_are_lengths_and_presets_without_a_number(dataset, more):
  c = get(f'zeroi2v_{dataset}', f'family=imagenet21k,{more}')
  with pytest.raises(ValueError, match=r"No ZeroI2V preset '.*_in21k' was pub"):
    experiment.build_model(c, 10)
  if 'frames' in more:
    assert not c.reported


@pytest.mark.parametrize('name', ['aim_k400', 'aim_ssv2'])
@pytest.mark.parametrize('family', ['imagenet21k', 'siglip'])
def test_no_other_config_takes_clips_number_for_it(name, family):
  assert not get(name, f'family={family}').reported


@pytest.mark.parametrize('dataset', TABLE)
def test_its_smoke_test_runs(dataset, smoke_runs):
  _, result = smoke_runs(f'zeroi2v_{dataset}', 'family=imagenet21k,smoke')
  assert result.fingerprint['normalization'] == 'half'
  assert result.fingerprint['decoded'] == 12
