"""Position tables for other image sizes."""

import jax
import numpy as np
import pytest
from references import agree, tokens

from i2v_jax import weights
from i2v_jax.backbones.positions import resample_positions


def table(side, first=1, width=20):
  rng = np.random.default_rng(0)
  return rng.standard_normal((first + side**2, width), 'f4')


def test_the_same_size_is_left_alone():
  found = resample_positions(table(3), 3)
  np.testing.assert_array_equal(found, table(3))


@pytest.mark.parametrize(('side', 'grid'), [(37, 16), (3, 6), (14, 24)])
def test_it_is_what_torch_computes(side, grid):
  torch = pytest.importorskip('torch')
  patches = torch.tensor(table(side)[1:].reshape(1, side, side, -1))
  wanted = torch.nn.functional.interpolate(
    patches.permute(0, 3, 1, 2), size=(grid, grid), mode='bicubic'
  )
  wanted = wanted.permute(0, 2, 3, 1).reshape(grid**2, -1).numpy()
  found = resample_positions(table(side), grid)
  np.testing.assert_array_equal(found[0], table(side)[0])
  np.testing.assert_allclose(found[1:], wanted, rtol=0, atol=5e-6)


def test_a_linear_ramp_stays_linear_inside():
  ramp = np.repeat(np.arange(8.0, dtype='f4'), 8).reshape(64, 1)
  found = resample_positions(np.concatenate([[[9.0]], ramp]), 16)
  rows = found[1:].reshape(16, 16)
  wanted = (np.arange(16) + 0.5) / 2 - 0.5
  offset = 3 / 64  # of this kernel, at a quarter between two rows
  apart = rows[4:12] - np.tile(wanted[4:12, None], 16)
  np.testing.assert_allclose(np.abs(apart), offset, atol=1e-5)


def test_without_class_token_all_rows_are_patches():
  assert resample_positions(table(3, first=0), 6, first=0).shape == (36, 20)


@pytest.mark.parametrize('rows', [9, 8, 3])
def test_what_is_no_square_is_named(rows):
  with pytest.raises(ValueError, match='a class token and a square'):
    resample_positions(np.zeros((rows, 2)), 4)


def test_timm_resamples_with_antialiasing(golden):
  """`timm.layers.resample_abs_pos_embed(table[None], [side, side])[0]`."""
  file = np.load(golden / 'timm_positions.npz')
  for side in (3, 4, 9, 14):
    found = resample_positions(file['table'], side, kind='antialiased')
    np.testing.assert_allclose(found, file[str(side)], rtol=0, atol=2e-6)


@pytest.mark.parametrize(('side', 'grid'), [(7, 4), (4, 7), (37, 16)])
def test_antialiasing_is_that_of_jax(side, grid):
  square = table(side, first=0).reshape(side, side, -1)
  shape = (grid, grid, square.shape[-1])
  wanted = jax.image.resize(square, shape, 'cubic', antialias=True)
  found = resample_positions(table(side, 0), grid, 0, 'antialiased')
  np.testing.assert_allclose(found.reshape(shape), wanted, rtol=0, atol=5e-6)
  other = resample_positions(table(side, 0), grid, 0, 'bicubic')
  assert np.abs(found - other).max() > 0.05


KINDS = {  # transformers' class and config -> more options
  ('ViTModel', 'ViTConfig'): {},
  ('ViTMAEForPreTraining', 'ViTMAEConfig'): dict(
    mask_ratio=0.0,
    decoder_hidden_size=16,
    decoder_num_attention_heads=2,
    decoder_num_hidden_layers=1,
    decoder_intermediate_size=8,
  ),
  ('Dinov2Model', 'Dinov2Config'): dict(mlp_ratio=1),
  ('Dinov2WithRegistersModel', 'Dinov2WithRegistersConfig'): dict(mlp_ratio=1),
}


@pytest.mark.parametrize('names', KINDS, ids=lambda names: names[0])
@pytest.mark.parametrize('size', [16, 48])
def test_hugging_face_agrees_at_another_size(tmp_path, names, size):
  torch = pytest.importorskip('torch')
  transformers = pytest.importorskip('transformers')
  make, config = (getattr(transformers, name) for name in names)
  sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
  sizes |= dict(intermediate_size=16, image_size=32, patch_size=4)
  torch.manual_seed(0)
  model = make(config(**sizes, **KINDS[names])).eval()
  model.save_pretrained(tmp_path)
  tower = getattr(model, 'vit', model)
  x = torch.randn(1, 3, size, size)
  options = {}
  if not names[0].startswith('Dino'):
    options['interpolate_pos_encoding'] = True
  if 'MAE' in names[0]:  # its order of patches
    options['noise'] = torch.arange((size // 4) ** 2).float()[None]
  with torch.no_grad():
    wanted = tower(x, **options).last_hidden_state.numpy()
  loaded = weights.load_image_model(tmp_path, image_size=size)
  agree(tokens(loaded, x.permute(0, 2, 3, 1).numpy()), wanted)
  if 'MAE' in names[0]:
    report = loaded.report
    assert report.format == 'MAE (Hugging Face)'
    assert report.normalization == 'imagenet'
    assert 'decoder.decoder_pos_embed' in report.ignored
