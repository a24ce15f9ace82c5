"""Training asks of its weights what `load_image_model` asks of them."""

import json
import shutil

import numpy as np
import pytest
from references import arrays_of
from renamed import as_timm
from safetensors.numpy import save_file

from configs import common, methods
from i2v_jax import weights
from i2v_jax.backbones.positions import resample_positions
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.training import config_ranges, experiment, stored

SIZES = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)


@pytest.fixture
def make(golden, tmp_path):
  """`make(name, family, file=…, backbone=…, data=…)` -> config, ViTConfig."""

  def make(name, family, backbone=None, data=None, **files):
    folder = tmp_path / name
    if not folder.exists():
      shutil.copytree(golden / name, folder)
    for file, value in files.items():
      (folder / f'{file}.json').write_text(json.dumps(value), encoding='utf-8')
    c = common.base()
    c.model.backbone = dict(family=family, **SIZES) | (backbone or {})
    c.weights = str(folder)
    c.data.update(data or {})
    return experiment.to_plain(c), ViTConfig.named(**c.model.backbone)

  return make


@pytest.fixture
def timm_clip(make, golden):
  """A config with CLIP's weights in timm's names, which show no activation."""

  def made(**changes):
    config, cfg = make('hf_vit', 'clip', **changes)
    arrays = as_timm(arrays_of(golden / 'hf_vit'))
    del arrays['patch_embed.proj.bias']
    arrays['norm_pre.weight'] = np.ones(48, 'f4')
    arrays['norm_pre.bias'] = np.zeros(48, 'f4')
    save_file(arrays, config['weights'] + '/model.safetensors')
    return config, cfg

  return made


def test_an_activation_that_no_file_tells_is_asked_for(timm_clip):
  config, cfg = timm_clip(config={})
  with pytest.raises(
    ValueError, match='does not state the activation'
  ) as error:
    weights.load_for_config(config, cfg)
  assert 'model.backbone.activation' in str(error.value)
  with pytest.raises(ValueError, match='does not state the activation'):
    weights.load_backbone(config['weights'], cfg)
  given = timm_clip(config={}, backbone=dict(activation='gelu'))
  params, _ = weights.load_for_config(*given)
  again = weights.load_backbone(config['weights'], given[1], activation='gelu')
  np.testing.assert_array_equal(params['pos'], again['pos'])


def test_an_activation_that_the_config_of_timm_tells_must_be_the_models(
  timm_clip,
):
  given = dict(architecture='vit_base_patch16_clip_224')
  args = dict(model_args=dict(num_heads=6))
  config, cfg = timm_clip(config=given | args)
  error = "has activation 'gelu', the model config asks for 'quick_gelu'.*"
  with pytest.raises(
    ValueError, match=error + 'model.backbone.activation=.gel'
  ):
    weights.load_for_config(config, cfg)
  quick = given | dict(architecture='vit_base_patch16_clip_quickgelu_224')
  assert weights.load_for_config(*timm_clip(config=quick | args))


def test_a_run_that_has_begun_is_not_asked_again(timm_clip):
  """Its checkpoints and exports load as when it was trained."""
  config, cfg = timm_clip(config={})
  assert weights.load_unchecked(config, cfg).keys() >= {'pos', 'ln_pre'}


def with_eps(golden, name, eps):
  config = json.loads(
    (golden / name / 'config.json').read_text(encoding='utf-8')
  )
  return config | {'layer_norm_eps': eps}


def test_eps_must_be_the_files_unless_both_are_tiny(make, golden):
  changed = with_eps(golden, 'hf_vit', 1e-12)
  data = dict(normalization='half')
  assert weights.load_for_config(*make('hf_vit', 'imagenet', None, data))
  assert weights.load_for_config(*make('hf_vit', 'imagenet', config=changed))
  changed = with_eps(golden, 'hf_vit', 1e-5)
  with pytest.raises(
    ValueError, match=r'norm_eps 1e-05.* asks for 1e-06; take'
  ):
    weights.load_for_config(*make('hf_vit', 'imagenet', config=changed))
  stated = dict(norm_eps=1e-6)
  assert weights.load_for_config(
    *make('hf_vit', 'imagenet', stated, config=changed)
  )


IMAGENET = dict(
  image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
)


def test_another_normalisation_is_an_error_with_both(make):
  files = dict(preprocessor_config=IMAGENET)
  error = (
    "trained with normalization 'imagenet', the config has "
    "data.normalization='clip'; .*data.weights_normalization='imagenet'"
  )
  with pytest.raises(ValueError, match=error):
    weights.load_for_config(*make('hf_clip_vision', 'clip', **files))
  for key in ('normalization', 'weights_normalization'):
    data = {key: 'imagenet'}
    assert weights.load_for_config(
      *make('hf_clip_vision', 'clip', data=data, **files)
    )


def test_a_normalisation_without_a_name_can_be_kept_on_purpose(make):
  odd = dict(image_mean=[0.1, 0.2, 0.3], image_std=[0.2, 0.2, 0.2])
  given = 'mean (0.1, 0.2, 0.3), deviation (0.2, 0.2, 0.2)'
  files = dict(preprocessor_config=odd)
  with pytest.raises(ValueError, match='it has no name; to keep it on purpose'):
    weights.load_for_config(*make('hf_clip_vision', 'clip', **files))
  data = dict(weights_normalization=given)
  assert weights.load_for_config(
    *make('hf_clip_vision', 'clip', data=data, **files)
  )
  assert config_ranges.check_ranges({'data': data}) == {'data': data}


def test_the_older_choice_of_weights_is_in_its_range():
  config = {'weights_which': weights.OLDER}
  assert config_ranges.check_ranges(config) == config


def test_configs_that_differ_on_purpose_say_so():
  c = common.base()
  common.backbone(c, '', 8, 'imagenet')
  found = c.data.normalization, c.data.weights_normalization
  assert found == ('imagenet', 'half')
  common.backbone(c, '', 8, 'clip')
  assert not c.data.weights_normalization
  methods.dualpath(c, quirks=True)
  found = c.data.normalization, c.data.weights_normalization
  assert found == ('imagenet', 'clip')


def test_training_says_what_it_took(make, capsys, tmp_path):
  config, cfg = make('hf_clip_vision', 'clip', dict(image_size=48))
  arrays = arrays_of(tmp_path / 'hf_clip_vision')
  arrays = {f'module.{k}': v for k, v in arrays.items()}
  save_file(arrays, tmp_path / 'hf_clip_vision' / 'model.safetensors')
  parts = stored._load_backbone(config, cfg, settled=False)
  assert parts['pos'].shape == (37, 48)
  said = capsys.readouterr().out
  assert 'weights: keys that begin with module.' in said
  assert 'weights: embeddings.position_embedding.weight: 10 to 37' in said


@pytest.mark.parametrize('which', ['', 'raw'])
def test_the_config_chooses_between_averaged_and_raw(make, tmp_path, which):
  config, cfg = make('hf_clip_vision', 'clip')
  folder = tmp_path / 'hf_clip_vision'
  arrays = arrays_of(folder)
  both = {f'model.{k}': v for k, v in arrays.items()}
  both |= {f'model_ema.{k}': v / 2 for k, v in arrays.items()}
  save_file(both, folder / 'model.safetensors')
  params, _ = weights.load_for_config(config | {'weights_which': which}, cfg)
  cls = arrays['embeddings.class_embedding']
  np.testing.assert_array_equal(params['cls'], cls if which else cls / 2)


def test_runs_of_the_first_version_read_what_they_read_then(make, golden):
  """Raw weights, and positions of every format bicubically."""
  config, cfg = make(
    'hf_dinov2_registers', 'dinov2', dict(image_size=48, registers=4)
  )
  older = weights.load_unchecked(config | {'weights_which': '0.1'}, cfg)
  now = weights.load_unchecked(config, cfg)
  table = arrays_of(golden / 'hf_dinov2_registers')
  table = table['embeddings.position_embeddings'][0]
  np.testing.assert_array_equal(older['pos'], resample_positions(table, 6))
  assert np.abs(older['pos'] - now['pos']).max() > 1e-3
