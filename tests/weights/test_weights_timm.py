"""timm's files: their own outputs, and what their config.json says."""

import json

import numpy as np
import pytest
from references import agree, arrays_of, tokens
from renamed import as_timm
from safetensors.numpy import save_file

from i2v_jax import weights
from i2v_jax.weights.files import Weights
from i2v_jax.weights.formats import timm_config

GOLDENS = {  # name -> format, activation
  'vit_clip_timm': ('CLIP (timm)', 'gelu'),
  'siglip2_timm': ('SigLIP (timm)', 'gelu_tanh'),
  'siglip_gap_timm': ('SigLIP (timm)', 'gelu'),
}


@pytest.fixture(params=GOLDENS)
def case(request, golden):
  """State dict, reference, and what a caller has to say."""
  file = np.load(golden / f'{request.param}.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  config = json.loads(bytes(file['config']))
  format, activation = GOLDENS[request.param]
  given = dict(num_heads=config['heads'], activation=activation)
  return state, file, (format, config['other']), given


def test_timm_agrees(case):
  state, file, (format, _), given = case
  loaded = weights.load_image_model(state, **given)
  pixels = file['input'].transpose(0, 2, 3, 1)
  agree(tokens(loaded, pixels), file['output'])
  agree(tokens(loaded, pixels, pooled=True), file['pooled'])
  assert loaded.report.format == format


def test_timm_agrees_at_another_size(case):
  state, file, (_, size), given = case
  loaded = weights.load_image_model(state, image_size=size, **given)
  wanted = file['other/pos_embed'][0]
  np.testing.assert_allclose(loaded.params['pos'], wanted, rtol=0, atol=1e-6)
  assert loaded.report.reshaped[0].endswith('positions, antialiased')


def test_an_activation_that_only_the_config_tells_is_asked_for(case):
  state, _, _, given = case
  with pytest.raises(ValueError, match='does not state the activation'):
    weights.load_image_model(state, num_heads=given['num_heads'])


@pytest.fixture
def folder(golden, tmp_path):
  """CLIP in timm's names; `folder(architecture=…)` writes its config.json."""
  arrays = as_timm(arrays_of(golden / 'hf_vit'))
  del arrays['patch_embed.proj.bias']
  arrays['norm_pre.weight'] = np.ones(48, 'f4')
  arrays['norm_pre.bias'] = np.zeros(48, 'f4')
  save_file(arrays, tmp_path / 'model.safetensors')

  def make(**config):
    (tmp_path / 'config.json').write_text(json.dumps(config), encoding='utf-8')
    return tmp_path

  return make


@pytest.mark.parametrize(
  ('name', 'activation'),
  [
    ('vit_base_patch16_clip_224', 'gelu'),
    ('vit_base_patch16_clip_quickgelu_224', 'quick_gelu'),
  ],
)
def test_the_architecture_tells_activation_heads_and_eps(
  folder, name, activation
):
  loaded = weights.load_image_model(folder(architecture=name))
  cfg = loaded.model.cfg
  assert (cfg.activation, cfg.num_heads) == (activation, 12)
  assert cfg.norm_eps == 1e-5 and not loaded.report.assumed


def test_the_arguments_of_the_model_have_the_last_word(folder):
  args = dict(num_heads=3, act_layer='quick_gelu', img_size=48)
  path = folder(architecture='vit_base_patch16_clip_224', model_args=args)
  loaded = weights.load_image_model(path)
  cfg = loaded.model.cfg
  assert (cfg.activation, cfg.num_heads, cfg.image_size) == (
    'quick_gelu',
    3,
    48,
  )
  (line,) = loaded.report.reshaped
  assert line == 'pos_embed: 10 to 37 positions, antialiased'


def test_an_unknown_activation_of_timm_is_named(folder):
  path = folder(architecture='vit_x_y', model_args=dict(act_layer='relu'))
  with pytest.raises(ValueError, match=r"act_layer in .* is 'relu'; it can"):
    weights.load_image_model(path)


@pytest.mark.parametrize(
  ('name', 'heads', 'activation'),
  [
    ('vit_tiny_patch16_224.augreg_in21k', 3, 'gelu'),
    ('vit_base_patch16_plus_240', 14, 'gelu'),
    ('vit_giant_patch14_dinov2', 24, 'gelu'),
    ('vit_giant_patch14_clip_224', 16, 'gelu'),
    ('vit_so400m_patch14_siglip_384', 16, 'gelu'),
    ('vit_so400m_patch16_siglip_384', 16, 'gelu_tanh'),
    ('vit_giantopt_patch16_siglip_256', 16, 'gelu_tanh'),
    ('deit3_small_patch16_224', 6, 'gelu'),
  ],
)
def test_names_of_timm(name, heads, activation):
  found = timm_config.read_fields(
    Weights('x', {}, config={'architecture': name})
  )
  assert (found['num_heads'], found['activation']) == (heads, activation)


def test_a_name_does_not_tell_heads_of_another_width():
  config = {'architecture': 'vit_base_patch16_224'}
  found = timm_config.read_fields(Weights('x', {}, config=config), width=32)
  assert 'num_heads' not in found


def test_registers_with_positions_of_their_own(golden):
  """As in so150m_reg4_gap: a table of 4 + N rows, added after all tokens."""
  arrays = as_timm(arrays_of(golden / 'hf_dinov2_registers'))
  del arrays['cls_token']
  rng = np.random.default_rng(0)
  table = rng.standard_normal((1, 4 + 9, 48), 'f4')
  plain = weights.load_image_model(
    arrays | {'pos_embed': table[:, 4:]}, num_heads=6
  )
  found = weights.load_image_model(arrays | {'pos_embed': table}, num_heads=6)
  np.testing.assert_array_equal(found.params['pos'], table[0, 4:])
  moved = found.params['registers'] - plain.params['registers']
  np.testing.assert_allclose(moved, table[0, :4], atol=1e-6)
  assert found.model.cfg.pool == 'mean'


def test_metas_mae_is_read_without_its_decoder(golden):
  arrays = as_timm(arrays_of(golden / 'hf_vit'))
  decoder = ('decoder_embed.weight', 'decoder_pos_embed', 'mask_token')
  extra = {key: np.ones(2, 'f4') for key in decoder}
  report = weights.load_image_model(arrays | extra, num_heads=6).report
  assert set(report.ignored) == set(extra)
  assert report.normalization == 'imagenet'
