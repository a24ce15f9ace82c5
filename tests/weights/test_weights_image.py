"""Image models as published, next to their libraries."""

import json
import shutil

import jax
import numpy as np
import pytest
from references import agree, arrays_of, check, tokens
from renamed import rename
from safetensors.numpy import save_file

from i2v_jax import weights
from i2v_jax.weights import image, report
from i2v_jax.weights.formats import native

HUGGING_FACE = {
  'hf_clip_vision': ('CLIP (Hugging Face)', 'clip'),
  'hf_vit': ('ViT (Hugging Face)', 'half'),
  'hf_dinov2': ('DINOv2 (Hugging Face)', 'imagenet'),
  'hf_dinov2_registers': ('DINOv2 (Hugging Face)', 'imagenet'),
  'hf_siglip_vision': ('SigLIP (Hugging Face)', 'half'),
}


@pytest.mark.parametrize('name', HUGGING_FACE)
def test_hugging_face_agrees(golden, name):
  loaded = weights.load_image_model(golden / name)
  check(loaded, golden / name)
  found = loaded.report
  assert (found.format, found.normalization) == HUGGING_FACE[name]
  keys = {*found.loaded, *found.ignored}
  assert keys == set(arrays_of(golden / name)) and not found.reshaped


@pytest.mark.parametrize(
  'name', ['hf_clip_vision', 'hf_dinov2', 'hf_siglip_vision']
)
def test_pooled_features_agree(golden, name):
  check(weights.load_image_model(golden / name), golden / name, pooled=True)


PREFIXES = {
  'hf_clip_vision': 'vision_model.',
  'hf_siglip_vision': 'vision_model.',
  'hf_vit': 'vit.',
  'hf_dinov2': 'dinov2.',
  'hf_dinov2_registers': 'dinov2_with_registers.',
}
OTHER_PARTS = {
  'hf_clip_vision': ['text_model.x', 'logit_scale', 'visual_projection.weight'],
  'hf_siglip_vision': ['text_model.x', 'logit_scale', 'logit_bias'],
  'hf_vit': ['classifier.weight'],
  'hf_dinov2': ['classifier.weight'],
  'hf_dinov2_registers': ['classifier.weight'],
}


@pytest.mark.parametrize('name', PREFIXES)
def test_whole_models_with_the_prefix_of_the_tower(golden, tmp_path, name):
  folder = tmp_path / name
  shutil.copytree(golden / name, folder)
  arrays = {PREFIXES[name] + k: v for k, v in arrays_of(folder).items()}
  extra = {key: np.ones((5, 48), 'f2') for key in OTHER_PARTS[name]}
  save_file(arrays | extra, folder / 'model.safetensors')
  loaded = weights.load_image_model(folder)
  check(loaded, folder)
  assert set(OTHER_PARTS[name]) <= set(loaded.report.ignored)


@pytest.fixture
def openai(golden):
  file = np.load(golden / 'openai_clip_visual.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  return state, file['input'].transpose(0, 2, 3, 1), file['output']


def is_halved(key):
  return 'ln_' not in key and 'embedding' not in key


@pytest.mark.parametrize('prefix', ['visual.', ''])
def test_openai_agrees(openai, prefix):
  state, pixels, output = openai
  state = {prefix + k.removeprefix('visual.'): v for k, v in state.items()}
  loaded = weights.load_image_model(state, num_heads=6, activation='quick_gelu')
  pooled = tokens(loaded, pixels, pooled=True)
  agree(pooled @ state[prefix + 'proj'], output)
  assert loaded.report.ignored == (prefix + 'proj',)


def test_files_both_half_and_float_are_taken_for_openais(openai):
  """Which the report says, as OpenCLIP can write such files too."""
  state, _, _ = openai
  mixed = {k: v.astype('f2') if is_halved(k) else v for k, v in state.items()}
  loaded = weights.load_image_model(mixed, num_heads=6)
  assert loaded.model.cfg.activation == 'quick_gelu'
  assert loaded.report.assumed == ('activation quick_gelu',)
  leaves = jax.tree.leaves(loaded.params)
  assert {x.dtype for x in leaves} == {np.dtype('float32')}
  given = weights.load_image_model(mixed, num_heads=6, activation='gelu')
  assert given.model.cfg.activation == 'gelu' and not given.report.assumed


def test_openais_archives_say_that_they_are(openai):
  state, _, _ = openai
  keys = ('context_length', 'input_resolution', 'vocab_size')
  archive = state | dict.fromkeys(keys, np.ones((), 'i8'))
  loaded = weights.load_image_model(archive, num_heads=6)
  assert loaded.model.cfg.activation == 'quick_gelu'
  assert not loaded.report.assumed
  with pytest.raises(ValueError, match="activation 'quick_gelu', not 'gelu'"):
    weights.load_image_model(archive, activation='gelu')


def test_the_archive_agrees(golden):
  pytest.importorskip('torch')
  path = golden / 'checkpoints' / 'openai_clip_archive.pt'
  reference = np.load(path.with_name('openai_clip_archive_reference.npz'))
  loaded = weights.load_image_model(path)
  pooled = tokens(loaded, reference['input'].transpose(0, 2, 3, 1), pooled=True)
  projection = weights.load_projection(str(path), loaded.model.cfg, 24)
  agree(pooled @ projection['kernel'], reference['image_features'])
  assert 'token_embedding.weight' in loaded.report.ignored


def test_an_activation_that_no_file_tells_is_asked_for(openai):
  state, _, _ = openai
  with pytest.raises(ValueError, match=r"activation='quick_gelu' for OpenAI's"):
    weights.load_image_model(state)
  laion = weights.load_image_model(state, activation='gelu', num_heads=6)
  assert laion.model.cfg.activation == 'gelu'


@pytest.mark.parametrize(
  ('quick', 'wanted'), [(True, 'quick_gelu'), (0, 'gelu')]
)
def test_openclip_folders_tell_it(openai, tmp_path, quick, wanted):
  state, _, _ = openai
  save_file(state, tmp_path / 'open_clip_model.safetensors')
  config = {
    'model_cfg': {'embed_dim': 24} | ({'quick_gelu': True} if quick else {})
  }
  (tmp_path / 'open_clip_config.json').write_text(
    json.dumps(config), encoding='utf-8'
  )
  loaded = weights.load_image_model(tmp_path, num_heads=6)
  assert loaded.model.cfg.activation == wanted


def test_pooling_is_a_choice(golden):
  folder = golden / 'hf_siglip_vision'
  loaded = weights.load_image_model(folder, pool='mean')
  assert 'map' not in loaded.params
  assert 'head.probe' in loaded.report.ignored
  check(loaded, folder)


def test_positions_are_resampled_to_the_image_size(golden):
  loaded = weights.load_image_model(golden / 'hf_dinov2', image_size=48)
  assert loaded.params['pos'].shape == (37, 48)
  (line,) = loaded.report.reshaped
  assert line == 'embeddings.position_embeddings: 10 to 37 positions'
  assert tokens(loaded, np.zeros((1, 48, 48, 3), 'f4')).shape == (1, 37, 48)


@pytest.mark.parametrize('name', HUGGING_FACE)
def test_our_own_file_keeps_everything(golden, tmp_path, name):
  loaded = weights.load_image_model(golden / name)
  path = tmp_path / 'ours.safetensors'
  native.write(
    path,
    loaded.params,
    vit=native.describe_config(loaded.model.cfg),
    normalization=loaded.report.normalization,
  )
  again = weights.load_image_model(path)
  assert again.model == loaded.model
  assert again.report.normalization == loaded.report.normalization
  jax.tree.map(np.testing.assert_array_equal, again.params, loaded.params)


def without(key):
  return lambda arrays: {k: v for k, v in arrays.items() if key not in k}


WRONG = {
  'renamed': (
    lambda a: rename(a, ('layers.1.mlp.fc1.weight', 'layers.1.mlp.fc3.weight')),
    r"has no 'encoder\.layers\.1\.mlp\.fc1\.weight'",
  ),
  'a key too many': (
    lambda a: a | {'encoder.layers.0.lora': np.ones(2, 'f4')},
    r'has 1 keys that the model lacks: encoder\.layers\.0\.lora\.',
  ),
  'no last block': (without('layers.1.'), r"has no 'encoder\.layers\.1\."),
  'no first block': (without('layers.0.'), 'lacks block 0 of 2'),
  'transposed': (
    lambda a: (
      a
      | {
        k: np.ascontiguousarray(v.T) for k, v in a.items() if 'fc1.weight' in k
      }
    ),
    r'fc1/kernel is \(192, 48\), the model wants \(48, 192\)',
  ),
  'text tower': (
    lambda a: {'text_model.encoder.x': np.ones(2, 'f4')},
    "CLIP's text tower only",
  ),
  'text tower without prefix': (
    lambda a: {'embeddings.token_embedding.weight': np.ones(2, 'f4')},
    "CLIP's text tower only",
  ),
  'resnet': (
    lambda a: {'visual.layer1.0.conv1.weight': np.ones(2, 'f4')},
    'is a ResNet',
  ),
  'anything': (lambda a: {'x': np.ones(2, 'f4')}, r"keys begin with \['x'\]"),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_files_are_refused(golden, tmp_path, case):
  change, error = WRONG[case]
  folder = tmp_path / 'clip'
  shutil.copytree(golden / 'hf_clip_vision', folder)
  save_file(change(arrays_of(folder)), folder / 'model.safetensors')
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(folder)


def test_siglip_of_variable_shape_is_refused(golden):
  arrays = arrays_of(golden / 'hf_siglip_vision')
  arrays['embeddings.patch_embedding.weight'] = np.ones((48, 192), 'f4')
  with pytest.raises(ValueError, match='NaFlex'):
    weights.load_image_model(arrays)


def test_an_unknown_activation_is_named(golden, tmp_path):
  folder = tmp_path / 'clip'
  shutil.copytree(golden / 'hf_clip_vision', folder)
  config = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
  (folder / 'config.json').write_text(
    json.dumps(config | {'hidden_act': 'mish'}), encoding='utf-8'
  )
  with pytest.raises(
    ValueError, match=r"hidden_act in .* is 'mish'; it can be"
  ):
    weights.load_image_model(folder)


@pytest.mark.parametrize(
  ('width', 'heads'), [(64, 1), (768, 12), (1024, 16), (1152, 16), (1280, 16)]
)
def test_heads_are_those_of_the_published_width(width, heads):
  assert report.infer_num_heads(width, 'x') == heads


@pytest.mark.parametrize('width', [48, 1536])
def test_unusual_widths_ask_for_their_heads(width):
  with pytest.raises(ValueError, match=r'give num_heads=…'):
    report.infer_num_heads(width, 'x')


def test_a_choice_that_contradicts_the_file_is_refused(golden):
  with pytest.raises(ValueError, match='has depth 2, not 3'):
    image.load_image_model(golden / 'hf_vit', depth=3)
