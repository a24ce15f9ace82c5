"""Google's, timm's and big_vision's files, next to their libraries."""

import jax
import numpy as np
import pytest
from references import agree, arrays_of, check, tokens
from renamed import GENERATIONS, as_big_vision, as_timm, rename

from i2v_jax import weights
from i2v_jax.weights.formats import native


@pytest.fixture
def augreg(golden):
  file = np.load(golden / 'augreg_vit.npz')
  return dict(file), np.load(golden / 'augreg_vit_reference.npz')


@pytest.mark.parametrize('generation', GENERATIONS)
def test_google_files_agree(augreg, tmp_path, generation):
  arrays, reference = augreg
  path = tmp_path / 'some.file'
  with path.open('wb') as file:
    np.savez(file, **GENERATIONS[generation](arrays))
  loaded = weights.load_image_model(path)
  encoded = tokens(loaded, reference['input'])
  agree(encoded, reference['encoded'])
  head = {k: arrays[f'head/{k}'] for k in ('kernel', 'bias')}
  agree(encoded[:, 0] @ head['kernel'] + head['bias'], reference['logits'])
  assert loaded.report.normalization == 'half'
  assert any('head/kernel' in key for key in loaded.report.ignored)


def test_erf_in_place_of_tanh_is_another_function(augreg):
  """Why `augreg` is a family: timm's copies of these files use erf."""
  arrays, reference = augreg
  loaded = weights.load_image_model(arrays)
  cfg = loaded.model.cfg
  other = type(loaded.model)(
    type(cfg)(**native.describe_config(cfg) | {'activation': 'gelu'})
  )
  found = tokens(loaded._replace(model=other), reference['input'])
  assert 1e-5 < np.abs(found - reference['encoded']).max() < 1e-2


@pytest.mark.parametrize('name', ['hf_vit', 'hf_dinov2', 'hf_dinov2_registers'])
def test_timm_and_dinov2s_own_files_agree(golden, name):
  arrays = as_timm(arrays_of(golden / name))
  eps = 1e-12 if name == 'hf_vit' else 1e-6
  loaded = weights.load_image_model(arrays, num_heads=6, norm_eps=eps)
  check(loaded, golden / name)


def test_timm_adds_the_class_tokens_position_to_it(golden):
  """In its files of DINOv2 with registers."""
  arrays = as_timm(arrays_of(golden / 'hf_dinov2_registers'))
  arrays['reg_token'] = arrays.pop('register_tokens')
  arrays['cls_token'] = arrays['cls_token'] + arrays['pos_embed'][:, :1]
  arrays['pos_embed'] = arrays['pos_embed'][:, 1:]
  loaded = weights.load_image_model(arrays, num_heads=6)
  check(loaded, golden / 'hf_dinov2_registers')


def test_clip_in_timms_names_asks_for_its_activation(golden):
  arrays = as_timm(arrays_of(golden / 'hf_vit')) | {
    'norm_pre.weight': np.ones(48, 'f4'),
    'norm_pre.bias': np.zeros(48, 'f4'),
  }
  del arrays['patch_embed.proj.bias']
  with pytest.raises(ValueError, match='does not state the activation'):
    weights.load_image_model(arrays)
  loaded = weights.load_image_model(arrays, activation='gelu', num_heads=6)
  assert 'ln_pre' in loaded.params and loaded.model.cfg.norm_eps == 1e-5


@pytest.mark.parametrize('names', ['hugging face', 'timm', 'own'])
def test_swiglu_files(golden, names):
  """The giant DINOv2: a layer of twice the width, then half of it."""
  rng = np.random.default_rng(0)
  arrays = {
    k: v for k, v in arrays_of(golden / 'hf_dinov2').items() if '.mlp.' not in k
  }
  for i in range(2):
    for layer, shape in (('in', (40, 48)), ('out', (48, 20))):
      key = f'encoder.layer.{i}.mlp.weights_{layer}'
      arrays[key + '.weight'] = rng.standard_normal(shape, 'f4')
      arrays[key + '.bias'] = rng.standard_normal(shape[0], 'f4')
  wanted = weights.load_image_model(arrays, num_heads=6)
  cfg = wanted.model.cfg
  assert (cfg.activation, cfg.mlp_dim) == ('swiglu', 20)
  layers = {'timm': ('fc1', 'fc2'), 'own': ('w12', 'w3')}.get(names)
  if layers:
    arrays = rename(
      as_timm(arrays),
      ('weights_in', layers[0]),
      ('weights_out', layers[1]),
    )
  found = weights.load_image_model(arrays, num_heads=6)
  jax.tree.map(np.testing.assert_array_equal, found.params, wanted.params)
  assert found.model == wanted.model


def test_siglip_from_big_vision_agrees(golden):
  arrays = arrays_of(golden / 'hf_siglip_vision')
  loaded = weights.load_image_model(as_big_vision(arrays))
  assert loaded.model.cfg.num_heads == 6
  assert 'params/txt/x' in loaded.report.ignored
  check(loaded, golden / 'hf_siglip_vision')
  check(loaded, golden / 'hf_siglip_vision', pooled=True)
