"""What is said of weights by those who load them, and what folders say."""

import json
import pickle
import shutil

import numpy as np
import published
import pytest
from references import arrays_of
from safetensors.numpy import save_file

from i2v_jax import weights
from i2v_jax.deploy.release import load_release
from i2v_jax.weights.report import MissingArgumentError


@pytest.mark.parametrize(
  ('given', 'error'),
  [
    (dict(numheads=4), "no 'numheads' to choose; did you mean 'num_heads'"),
    (dict(image_size=0), 'image_size is 0; it can be an integer from 1'),
    (
      dict(image_size='large'),
      "image_size is 'large'; it can be an integer",
    ),
    (dict(norm_eps='small'), "norm_eps is 'small'; it can be a finite number"),
    (dict(pool='max'), "pool is 'max'"),
  ],
)
def test_invalid_choices_are_named(golden, given, error):
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(golden / 'hf_vit', **given)


@pytest.mark.parametrize(
  ('name', 'given', 'error'),
  [
    ('aim_clip_3adapters', dict(offsets=(-1, 1)), 'of aim, which has no offse'),
    ('aim_clip_3adapters', dict(method='lora'), 'is of aim, not of lora'),
    ('aim_clip_3adapters', dict(backbone='x'), 'of aim, which has no backbone'),
    ('st_adapter_12', dict(adapter_scale=1.0), 'has no adapter_scale'),
    (
      'zeroi2v_4adapters_rf3',
      dict(offsets=-1),
      'offsets is -1; it can be integers',
    ),
    ('zeroi2v_4adapters_rf3', dict(offsets='ab'), "offsets is 'ab'; it can"),
    ('zeroi2v_4adapters_rf3', dict(offsets=(-1, 0.5)), 'can be integers'),
    ('zeroi2v_4adapters_rf3', dict(adapter_scale='a'), "is 'a', not a number"),
    (
      'zeroi2v_4adapters_rf3',
      dict(num_heads=5),
      'num_heads is 5, which does not divide',
    ),
  ],
)
def test_arguments_that_do_not_go_with_a_release(golden, name, given, error):
  config, arrays = published.load(golden / f'{name}.npz')
  given = published.arguments(config, arrays) | given
  with pytest.raises(ValueError, match=error):
    load_release(arrays['state'], **given)


def test_a_missing_argument_is_named_across_processes():
  error = pickle.loads(
    pickle.dumps(MissingArgumentError('offsets', 'give offsets'))
  )
  assert error.name == 'offsets' and str(error) == 'give offsets'


@pytest.fixture
def vit(golden, tmp_path):
  """A folder with an ImageNet ViT, to be changed."""
  return shutil.copytree(golden / 'hf_vit', tmp_path / 'vit')


def write(path, value):
  path.write_text(json.dumps(value), encoding='utf-8')


@pytest.mark.parametrize(
  ('name', 'value'),
  [
    (
      'preprocessor_config.json',
      dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]),
    ),
    (
      'open_clip_config.json',
      dict(
        pretrained_cfg=dict(
          mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]
        )
      ),
    ),
  ],
)
def test_the_folder_tells_the_normalisation(vit, name, value):
  assert weights.load_image_model(vit).report.normalization == 'half'
  write(vit / name, value)
  assert weights.load_image_model(vit).report.normalization == 'imagenet'


def test_a_normalisation_without_name_is_written_out(vit):
  mean = dict(image_mean=[0.1, 0.2, 0.3], image_std=[1.0, 1.0, 1.0])
  write(vit / 'preprocessor_config.json', mean)
  found = weights.load_image_model(vit).report.normalization
  assert found == 'mean (0.1, 0.2, 0.3), deviation (1.0, 1.0, 1.0)'


@pytest.mark.parametrize(
  ('text', 'error'),
  [('{"a": ', r'config\.json is not JSON'), ('[1]', 'no table of keys')],
)
def test_a_broken_config_is_named(vit, text, error):
  (vit / 'config.json').write_text(text, encoding='utf-8')
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(vit)


CLIP = 'transformer.resblocks.0.'
BROKEN = {
  'no positions': (
    lambda a: a.pop('embeddings.position_embeddings'),
    "has no 'embeddings.position_embeddings'",
  ),
  'a patch embedding of three axes': (
    lambda a: a.update(
      {PATCH: a[PATCH][..., 0]},
    ),
    'has shape .*, not 4 axes',
  ),
  'integers': (
    lambda a: a.update({PATCH: a[PATCH].astype('i4')}),
    'holds integers',
  ),
  'a table cut by one row': (
    lambda a: a.update({POSITIONS: a[POSITIONS][:, 1:].copy()}),
    'is not a class token and a square of patches',
  ),
}
PATCH = 'embeddings.patch_embeddings.projection.weight'
POSITIONS = 'embeddings.position_embeddings'


@pytest.mark.parametrize('case', BROKEN)
def test_broken_arrays_are_named(vit, case):
  change, error = BROKEN[case]
  arrays = arrays_of(vit)
  change(arrays)
  save_file(arrays, vit / 'model.safetensors')
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(vit)


def test_a_text_tower_in_openais_names_is_named():
  arrays = {
    'token_embedding.weight': np.ones((4, 4), 'f4'),
    f'{CLIP}attn.in_proj_weight': np.ones((12, 4), 'f4'),
  }
  with pytest.raises(ValueError, match="CLIP's text tower only"):
    weights.load_image_model(arrays)


def test_queries_keys_and_values_are_three(golden):
  file = np.load(golden / 'openai_clip_visual.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  key = f'visual.{CLIP}attn.in_proj_weight'
  state[key] = state[key][:-1]
  with pytest.raises(ValueError, match='does not hold q, k and v'):
    weights.load_image_model(state, activation='gelu', num_heads=6)


def test_names_that_only_begin_as_ignored_ones_are_not(golden):
  file = np.load(golden / 'openai_clip_visual.npz')
  state = {k[13:]: file[k] for k in file.files if k.startswith('state/visual.')}
  state['projector.weight'] = np.ones(2, 'f4')
  with pytest.raises(ValueError, match=r'lacks: projector\.weight\.'):
    weights.load_image_model(state, activation='gelu', num_heads=6)


def test_our_exports_are_known_for_what_they_are():
  arrays = {'backbone/patch/kernel': np.ones((2, 2, 3, 4), 'f4')}
  with pytest.raises(ValueError, match='is an export of i2v_jax, not an image'):
    weights.load_image_model(arrays)


def test_the_backbone_of_the_quickstart_has_a_name():
  given = dict(activation='quick_gelu', num_heads=4)
  loaded = weights.load_image_model('builtin:digits', **given)
  assert loaded.model.cfg.width == 64
