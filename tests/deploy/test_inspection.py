"""What `i2v weights inspect` prints."""

import numpy as np
import published
import pytest
from safetensors.numpy import load_file, save_file

from i2v_jax import cli
from i2v_jax.deploy.inspection import inspect
from i2v_jax.weights import image


def test_an_image_model(golden):
  rows = dict(inspect(golden / 'hf_dinov2_registers'))
  assert rows['format'] == 'DINOv2 (Hugging Face)'
  usual = 'imagenet (usual for this format; no file says it)'
  assert rows['normalisation'] == usual
  assert rows['resampling'] == 'antialiased, of positions at another size'
  sizes = 'width 48, depth 2, 6 heads, MLP 192 with gelu, eps 1e-06'
  assert rows['image model'] == sizes
  tokens = 'class token, 4 registers, 3 x 3 patches of 8 pixels; pooled by cls'
  assert rows['tokens'] == tokens
  assert rows['loaded'] == '43 keys'
  assert rows['ignored by design'] == 'embeddings.mask_token'
  assert 'not in the file' not in rows


def test_a_release_without_what_it_does_not_hold(golden):
  _, arrays = published.load(golden / 'zeroi2v_4adapters_rf3.npz')
  rows = dict(inspect(arrays['state']))
  assert rows['format'] == 'ZeroI2V on CLIP'
  assert rows['method'] == 'zeroi2v: num_adapters 4, rank 12'
  assert rows['clips'] == '8 frames, 5 classes'
  assert rows['not in the file'] == 'offsets, adapter_scale, num_heads'
  given = dict(offsets=(-1, 1), adapter_scale=0.5, num_heads=6)
  rows = dict(inspect(arrays['state'], **given))
  assert 'offsets (-1, 1)' in rows['method'] and 'scale 0.5' in rows['method']
  assert 'not in the file' not in rows


def test_what_cannot_be_made_up_is_asked_for(golden):
  _, arrays = published.load(golden / 'evl_decoder4.npz')
  with pytest.raises(ValueError, match='give backbone='):
    inspect(arrays['state'], num_heads=6)


def test_keys_are_grouped(golden):
  _, arrays = published.load(golden / 'dualpath_release_16f.npz')
  text = {
    'positional_embedding': np.ones((77, 32)),
    'ln_final.weight': np.ones(2),
    'ln_final.bias': np.ones(2),
  }
  rows = dict(inspect(arrays['state'] | text, num_heads=6))
  assert rows['ignored by design'] == 'positional_embedding, ln_final… (2)'


def test_the_command_prints_a_table(golden, tmp_path, capsys):
  for source, code in ((golden / 'hf_siglip_vision', 0), (tmp_path, 1)):
    with pytest.raises(SystemExit) as end:
      cli.main(['weights', 'inspect', str(source)])
    assert end.value.code == code
  said = capsys.readouterr()
  assert 'SigLIP (Hugging Face)' in said.out and 'pooled by map' in said.out
  assert 'holds none of model.safetensors' in said.err


def test_what_was_taken_from_where_is_printed(golden, tmp_path, capsys):
  """`--which` chooses; the prefix and what it left aside are shown."""
  arrays = load_file(golden / 'hf_dinov2' / 'model.safetensors')
  both = {f'model_ema.{k}': v / 2 for k, v in arrays.items()}
  both |= {f'model.{k}': v for k, v in arrays.items()}
  path = str(tmp_path / 'model.safetensors')
  save_file(both, path)
  for which, line in (
    ('ema', 'keys that begin with model_ema., averaged (EMA); which=raw takes'),
    ('raw', 'keys that begin with model., raw; which=ema takes model_ema.'),
  ):
    with pytest.raises(SystemExit) as end:
      cli.main(['weights', 'inspect', path, '--which', which])
    assert not end.value.code
    said = ' '.join(capsys.readouterr().out.split())
    assert line in said


def test_convert_takes_which_and_keeps_the_kind_of_resampling(golden, tmp_path):
  arrays = load_file(golden / 'hf_dinov2_registers' / 'model.safetensors')
  both = {f'teacher.{k}': v / 2 for k, v in arrays.items()}
  both |= {f'student.{k}': v for k, v in arrays.items()}
  save_file(both, tmp_path / 'all.safetensors')
  out = tmp_path / 'out'
  command = ['weights', 'convert', str(tmp_path / 'all.safetensors')]
  given = ['--which', 'raw', '--set', 'num_heads=6', '--out', str(out)]
  with pytest.raises(SystemExit) as end:
    cli.main(command + given)
  assert not end.value.code
  found = image.load_image_model(out, image_size=48)
  wanted = image.load_image_model(arrays, num_heads=6, image_size=48)
  assert found.report.resampling == 'antialiased'
  np.testing.assert_array_equal(found.params['pos'], wanted.params['pos'])


def test_mlps_of_another_width_without_a_config(golden, tmp_path):
  arrays = load_file(golden / 'hf_clip_vision' / 'model.safetensors')
  for key, value in arrays.items():
    if '.fc1.' in key:
      arrays[key] = np.ascontiguousarray(value[:64])
    if 'fc2.weight' in key:
      arrays[key] = np.ascontiguousarray(value[:, :64])
  save_file(arrays, tmp_path / 'x.safetensors')
  rows = dict(inspect(tmp_path / 'x.safetensors'))
  assert 'MLP 64 with ?' in rows['image model']
