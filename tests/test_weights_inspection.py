"""What `i2v weights inspect` prints."""

import numpy as np
import published
import pytest

from i2v_jax import cli
from i2v_jax.weights.inspection import inspect


def test_an_image_model(golden):
  rows = dict(inspect(golden / 'hf_dinov2_registers'))
  assert rows['format'] == 'DINOv2 (Hugging Face)'
  assert rows['normalisation'] == 'imagenet'
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
  told = dict(offsets=(-1, 1), adapter_scale=0.5, num_heads=6)
  rows = dict(inspect(arrays['state'], **told))
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
