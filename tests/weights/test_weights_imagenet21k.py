"""The ViT of ImageNet-21K: its files, and ZeroI2V on it in timm's names."""

import dataclasses

import jax
import numpy as np
import published
import pytest
import small
from references import arrays_of
from renamed import GENERATIONS, as_timm, rename
from safetensors.numpy import save_file

from configs import zeroi2v_k400
from i2v_jax import weights
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.deploy import convert, trained
from i2v_jax.deploy.release import load_release
from i2v_jax.training import experiment
from i2v_jax.weights.releases import zeroi2v_aim

CLASSES = 21_843
SIZES = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)
# OpenAI's names in the golden -> those of the development code.
TIMM = (
  ('class_embedding', 'cls_token'),
  ('positional_embedding', 'pos_embed'),
  ('conv1', 'patch_embed.proj'),
  ('transformer.resblocks', 'blocks'),
  ('ln_1', 'norm1'),
  ('ln_2', 'norm2'),
  ('attn.in_proj_', 'attn.qkv.'),
  ('attn.out_proj', 'attn.proj'),
  ('mlp.c_fc', 'mlp.fc1'),
  ('mlp.c_proj', 'mlp.fc2'),
  ('T_Adapter_in', 'attn.T_Adapter_in'),
)


def config_of(path, family):
  """The shipped config with small sizes, and its image model."""
  c = zeroi2v_k400.get_config('family=imagenet21k')
  c.weights = str(path)
  assert c.model.backbone.family == 'imagenet'
  c.model.backbone = dict(family=family, **SIZES)
  return experiment.to_plain(c), ViTConfig.named(**c.model.backbone)


@pytest.fixture
def timm_file(golden, tmp_path):
  """With the head and the layer before it, as timm's first files have them."""
  arrays = as_timm(arrays_of(golden / 'hf_vit')) | {
    'pre_logits.fc.weight': np.ones((48, 48), 'f4'),
    'pre_logits.fc.bias': np.ones(48, 'f4'),
    'head.weight': np.ones((CLASSES, 48), 'f4'),
    'head.bias': np.ones(CLASSES, 'f4'),
  }
  save_file(arrays, tmp_path / 'in21k.safetensors')
  return tmp_path / 'in21k.safetensors'


@pytest.fixture(params=['old', 'new', 'train state'])
def google_file(request, golden, tmp_path):
  """The same from Google, whose first files have `pre_logits` too."""
  arrays = dict(np.load(golden / 'augreg_vit.npz'))
  width = len(arrays['embedding/bias'])
  heads = {
    'pre_logits/kernel': np.ones((width, width), 'f4'),
    'pre_logits/bias': np.ones(width, 'f4'),
    'head/kernel': np.ones((width, CLASSES), 'f4'),
    'head/bias': np.ones(CLASSES, 'f4'),
  }
  arrays = GENERATIONS[request.param](arrays | heads)
  np.savez(tmp_path / 'in21k.npz', **arrays)
  return tmp_path / 'in21k.npz'


def check_heads(report, count):
  """`count` keys and no others are ignored, by the names of heads."""
  heads = [k for k in report.ignored if 'head' in k or 'pre_logits' in k]
  assert len(heads) == count
  assert all('opt/state' in k for k in {*report.ignored} - {*heads})
  assert report.normalization == 'half'


def test_timms_file_is_read_without_its_head(timm_file, golden):
  params, report = weights.load_for_config(*config_of(timm_file, 'imagenet'))
  check_heads(report, 4)
  plain = as_timm(arrays_of(golden / 'hf_vit'))
  wanted = weights.load_image_model(plain, num_heads=6).params
  jax.tree.map(np.testing.assert_array_equal, params, wanted)


def test_googles_file_is_read_as_the_family_with_its_gelu(google_file):
  sized = weights.load_image_model(google_file).model.cfg
  fields = {key: getattr(sized, key) for key in SIZES}
  config, _ = config_of(google_file, 'augreg')
  of = lambda family: ViTConfig.named(family=family, **fields)
  _, report = weights.load_for_config(config, of('augreg'))
  check_heads(report, 4)
  with pytest.raises(ValueError, match="'gelu_tanh', the model config asks"):
    weights.load_for_config(config, of('imagenet'))


@pytest.fixture
def renamed(golden):
  """`(golden config, arrays, state in the development code's names)`.

  Without the norm before the blocks, which the ImageNet ViT lacks, and with a
  bias of zeros for its patches, which CLIP lacks.
  """
  config, arrays = published.load(golden / 'zeroi2v_4adapters_rf3.npz')
  state = rename(arrays['state'], *TIMM)
  state = {
    k: v[None, None] if k.endswith('cls_token') else v for k, v in state.items()
  }
  state['backbone.pos_embed'] = state['backbone.pos_embed'][None]
  state['backbone.patch_embed.proj.bias'] = np.zeros(48, 'f4')
  kept = {k: v for k, v in state.items() if 'ln_pre' not in k}
  return config, arrays, kept


def test_zeroi2v_in_timms_names_has_the_same_parameters(renamed):
  config, arrays, state = renamed
  given = published.arguments(config, arrays)
  loaded = load_release(state, **given)
  assert loaded.report.format == 'ZeroI2V on ImageNet ViT'
  assert loaded.report.normalization == 'half'
  assert set(loaded.report.loaded) == set(state)
  wanted = load_release(arrays['state'], **given).params
  del wanted['backbone']['ln_pre']
  wanted['backbone']['patch']['bias'] = np.zeros(48, 'f4')
  jax.tree.map(np.testing.assert_array_equal, loaded.params, wanted)


def test_zeroi2v_in_timms_names_agrees_with_the_release(renamed):
  """Logits, loss and gradients of the published code.

  No output of the development code is stored, so CLIP's maths replace those of
  the ImageNet ViT: QuickGELU, an eps of 1e-5, and the norm before the blocks
  with the golden's parameters. Adapters, heads in time, embedding and head are
  those of the file in timm's names.
  """
  config, arrays, state = renamed
  loaded = load_release(state, **published.arguments(config, arrays))
  vit = loaded.model.image_model
  assert (vit.activation, vit.norm_eps) == ('gelu', 1e-6)
  assert vit.patch_bias and not vit.pre_norm
  clip = dataclasses.replace(
    vit, activation='quick_gelu', norm_eps=1e-5, pre_norm=True
  )
  before = {
    ours: arrays['state'][f'backbone.ln_pre.{theirs}']
    for ours, theirs in (('scale', 'weight'), ('bias', 'bias'))
  }
  backbone = loaded.params['backbone'] | {'ln_pre': before}
  model = loaded.model.clone(image_model=clip)
  small.check_golden(model, loaded.params | {'backbone': backbone}, arrays)


def test_a_checkpoint_goes_with_its_config(renamed, tmp_path):
  golden_config, _, state = renamed
  config, _ = config_of('', 'imagenet')
  config['model']['num_frames'] = golden_config['frames']
  names = [f'class {i}' for i in range(golden_config['classes'])]
  convert.convert_release(state, config, names, tmp_path / 'out')
  found = trained.load(tmp_path / 'out')
  assert found.model.adapter['offsets'] == (-1, 1)
  assert found.model.image_model.activation == 'gelu'


def test_aims_checkpoints_keep_the_normalisation_of_its_configurations(golden):
  _, arrays = published.load(golden / 'aim_imagenet_vit.npz')
  found = zeroi2v_aim.describe_format(arrays['state'])
  assert found == ('AIM on ImageNet ViT', 'imagenet')
