"""Weights for a model that a config describes, and CLIP's projection."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from i2v_jax import params as params_lib
from i2v_jax import weights
from i2v_jax.backbones.vit_config import ViTConfig

SIZES = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)
CLIP = ViTConfig.named(**SIZES)


@pytest.fixture
def clip_copy(golden, tmp_path):
  folder = tmp_path / 'clip'
  shutil.copytree(golden / 'hf_clip_vision', folder)
  return folder


def rewrite(folder, change):
  path = folder / 'model.safetensors'
  save_file(change(load_file(path)), path)


def test_it_is_the_tree_of_the_image_model(golden):
  folder = str(golden / 'hf_clip_vision')
  found = weights.load_backbone(folder, CLIP)
  wanted = weights.load_image_model(folder).params
  assert params_lib.sha256(found) == params_lib.sha256(wanted)


@pytest.mark.parametrize(
  ('key', 'value', 'error'),
  [
    ('hidden_act', 'gelu', "activation 'gelu', the model config asks for"),
    ('num_attention_heads', 4, 'num_heads 4, the model config asks for 6'),
  ],
)
def test_another_architecture_is_refused(clip_copy, key, value, error):
  path = clip_copy / 'config.json'
  path.write_text(
    json.dumps(json.loads(path.read_text(encoding='utf-8')) | {key: value}),
    encoding='utf-8',
  )
  with pytest.raises(ValueError, match=error):
    weights.load_backbone(str(clip_copy), CLIP)


def test_an_imagenet_file_is_not_taken_for_clip(golden):
  with pytest.raises(ValueError, match='pre_norm False, the model config'):
    weights.load_backbone(str(golden / 'hf_vit'), CLIP)


@pytest.mark.parametrize(
  ('source', 'error'),
  [
    ('', 'needs pretrained image weights'),
    ('no/such/folder', 'No weights at'),
    ('builtin:faces', 'known: builtin:digits'),
  ],
)
def test_weights_that_are_not_there(source, error):
  with pytest.raises((ValueError, FileNotFoundError), match=error):
    weights.load_backbone(source, CLIP)


def test_random_weights_depend_on_the_seed_only():
  sha = lambda seed: params_lib.sha256(
    weights.load_backbone('random', CLIP, seed)
  )
  assert sha(0) == sha(0) != sha(1)


def test_the_projection_is_read_beside_the_backbone(clip_copy):
  rng = np.random.default_rng(0)
  weight = rng.standard_normal((24, 48), 'f4')  # torch has the outputs first
  rewrite(clip_copy, lambda a: a | {'visual_projection.weight': weight})
  found = weights.load_projection(str(clip_copy), CLIP, 24)
  np.testing.assert_array_equal(found['kernel'], weight.T)
  assert weights.load_backbone(str(clip_copy), CLIP)
  with pytest.raises(ValueError, match=r'the model wants \(48, 16\)'):
    weights.load_projection(str(clip_copy), CLIP, 16)


def test_weights_without_a_projection_are_named(clip_copy):
  with pytest.raises(ValueError, match='has no visual projection'):
    weights.load_projection(str(clip_copy), CLIP, 24)
