"""Image models of every format against what their libraries compute."""

import json
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from i2v_jax import weights
from i2v_jax.weights import image, native, report

HUGGING_FACE = {
  'hf_clip_vision': ('CLIP (Hugging Face)', 'clip'),
  'hf_vit': ('ViT (Hugging Face)', 'half'),
  'hf_dinov2': ('DINOv2 (Hugging Face)', 'imagenet'),
  'hf_dinov2_registers': ('DINOv2 (Hugging Face)', 'imagenet'),
  'hf_siglip_vision': ('SigLIP (Hugging Face)', 'half'),
}


def tokens(loaded, pixels, **options):
  apply = jax.jit(lambda p, x: loaded.model.apply({'params': p}, x, **options))
  return np.asarray(apply(loaded.params, pixels))


def agree(found, wanted):
  np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-6)


def check(loaded, folder, **options):
  """Whether a model computes what `folder` has as its reference."""
  reference = np.load(folder / 'reference.npz')
  pixels = reference['input'].transpose(0, 2, 3, 1)
  found = tokens(loaded, pixels, **options)
  if options:
    agree(found, reference['pooler_output'])
  elif 'clip' in folder.name:  # its reference is in front of the final norm
    agree(found[:, 0], reference['pooler_output'])
  else:
    agree(found, reference['last_hidden_state'])


def arrays_of(folder):
  return load_file(folder / 'model.safetensors')


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


def test_files_both_half_and_float_are_openais(openai):
  state, _, _ = openai
  mixed = {k: v.astype('f2') if is_halved(k) else v for k, v in state.items()}
  loaded = weights.load_image_model(mixed, num_heads=6)
  assert loaded.model.cfg.activation == 'quick_gelu'
  leaves = jax.tree.leaves(loaded.params)
  assert {x.dtype for x in leaves} == {np.dtype('float32')}
  with pytest.raises(ValueError, match="activation 'quick_gelu', not 'gelu'"):
    weights.load_image_model(mixed, activation='gelu')


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
  (tmp_path / 'open_clip_config.json').write_text(json.dumps(config))
  loaded = weights.load_image_model(tmp_path, num_heads=6)
  assert loaded.model.cfg.activation == wanted


@pytest.fixture
def augreg(golden):
  file = np.load(golden / 'augreg_vit.npz')
  return dict(file), np.load(golden / 'augreg_vit_reference.npz')


def rename(arrays, *pairs):
  for old, new in pairs:
    arrays = {key.replace(old, new): value for key, value in arrays.items()}
  return arrays


def stacked(arrays):
  """big_vision's form with the blocks on the first axis."""
  found = {k: v for k, v in arrays.items() if 'encoderblock' not in k}
  for key in [k for k in arrays if 'encoderblock_0' in k]:
    blocks = [arrays[key.replace('block_0', f'block_{i}')] for i in (0, 1)]
    found[key.replace('block_0', 'block')] = np.stack(blocks)
  return found


GENERATIONS = {
  'new': lambda a: a,
  'old': lambda a: rename(
    a,
    ('LayerNorm_1', 'LayerNorm_2'),
    ('DotProductAttention_0', 'DotProductAttention_1'),
    ('MlpBlock_0', 'MlpBlock_3'),
  ),
  'train state': lambda a: (
    {f'opt/target/{k}': v for k, v in a.items()}
    | {'opt/state/step': np.ones(())}
  ),
  'big_vision': lambda a: {
    f'params/{k}': v
    for k, v in rename(a, ('Transformer/posembed_input/', '')).items()
  },
  'big_vision, stacked': lambda a: {
    f'params/{k}': v for k, v in stacked(a).items()
  },
}


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
    type(cfg)(**native.describe(cfg) | {'activation': 'gelu'})
  )
  found = tokens(loaded._replace(model=other), reference['input'])
  assert 1e-5 < np.abs(found - reference['encoded']).max() < 1e-2


# Published names in the golden of Hugging Face -> in timm's files.
TIMM = (
  ('embeddings.cls_token', 'cls_token'),
  ('embeddings.mask_token', 'mask_token'),
  ('embeddings.position_embeddings', 'pos_embed'),
  ('embeddings.patch_embeddings.projection', 'patch_embed.proj'),
  ('embeddings.register_tokens', 'register_tokens'),
  ('encoder.layer.', 'blocks.'),
  ('layernorm_before', 'norm1'),
  ('layernorm_after', 'norm2'),
  ('layernorm', 'norm'),
  ('attention.output.dense', 'attn.proj'),
  ('intermediate.dense', 'mlp.fc1'),
  ('output.dense', 'mlp.fc2'),
  ('layer_scale1.lambda1', 'ls1.gamma'),
  ('layer_scale2.lambda1', 'ls2.gamma'),
)


def as_timm(arrays):
  arrays = rename(arrays, *TIMM)
  for query in [k for k in arrays if '.query.' in k]:
    parts = [query.replace('query', p) for p in ('query', 'key', 'value')]
    fused = query.replace('attention.attention.query', 'attn.qkv')
    arrays[fused] = np.concatenate([arrays.pop(part) for part in parts])
  return {k: v for k, v in arrays.items() if 'pooler' not in k}


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
  with pytest.raises(ValueError, match='does not tell the activation'):
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


def as_big_vision(arrays):
  """SigLIP from Hugging Face in the names of `big_vision`'s checkpoints."""
  dense = lambda key: {
    'kernel': arrays[key + '.weight'].T,
    'bias': arrays[key + '.bias'],
  }
  norm = lambda key: {
    'scale': arrays[key + '.weight'],
    'bias': arrays[key + '.bias'],
  }

  def attention(layers):
    tree = {name: dense(key) for name, key in layers.items()}
    for name in ('query', 'key', 'value'):
      tree[name] = {
        'kernel': tree[name]['kernel'].reshape(48, 6, 8),
        'bias': tree[name]['bias'].reshape(6, 8),
      }
    tree['out']['kernel'] = tree['out']['kernel'].reshape(6, 8, 48)
    return tree

  def mlp(key):
    return {'Dense_0': dense(f'{key}.fc1'), 'Dense_1': dense(f'{key}.fc2')}

  def block(i):
    key = f'encoder.layers.{i}.'
    at = f'{key}self_attn.'
    names = {n: f'{at}{n[0]}_proj' for n in ('query', 'key', 'value')}
    return {
      'LayerNorm_0': norm(key + 'layer_norm1'),
      'MultiHeadDotProductAttention_0': attention(
        names | {'out': at + 'out_proj'}
      ),
      'LayerNorm_1': norm(key + 'layer_norm2'),
      'MlpBlock_0': mlp(key + 'mlp'),
    }

  for part, name in enumerate(('query', 'key', 'value')):
    rows = slice(48 * part, 48 * (part + 1))
    for kind in ('weight', 'bias'):
      fused = arrays[f'head.attention.in_proj_{kind}']
      arrays[f'head.{name}.{kind}'] = fused[rows]
  pool = {n: f'head.{n}' for n in ('query', 'key', 'value')}
  tree = {
    'embedding': {
      'kernel': arrays['embeddings.patch_embedding.weight'].transpose(
        2, 3, 1, 0
      ),
      'bias': arrays['embeddings.patch_embedding.bias'],
    },
    'pos_embedding': arrays['embeddings.position_embedding.weight'][None],
    'Transformer': {f'encoderblock_{i}': block(i) for i in range(2)}
    | {'encoder_norm': norm('post_layernorm')},
    'MAPHead_0': {
      'probe': arrays['head.probe'],
      'MultiHeadDotProductAttention_0': attention(
        pool | {'out': 'head.attention.out_proj'}
      ),
      'LayerNorm_0': norm('head.layernorm'),
      'MlpBlock_0': mlp('head.mlp'),
    },
  }
  flat = native.flatten_dict({'params': {'img': tree}}, sep='/')
  return flat | {'params/txt/x': np.ones(2), 'params/t': np.ones(())}


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
    vit=native.describe(loaded.model.cfg),
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
    r"has 1 keys that the model lacks, such as \['encoder\.layers\.0\.lora'\]",
  ),
  'no last block': (without('layers.1.'), r"has no 'encoder\.layers\.1\."),
  'no first block': (without('layers.0.'), 'Block 0 of 2 is missing'),
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
  config = json.loads((folder / 'config.json').read_text())
  (folder / 'config.json').write_text(
    json.dumps(config | {'hidden_act': 'mish'})
  )
  with pytest.raises(ValueError, match="hidden_act 'mish'"):
    weights.load_image_model(folder)


@pytest.mark.parametrize(
  ('width', 'heads'), [(64, 1), (768, 12), (1024, 16), (1152, 16), (1280, 16)]
)
def test_heads_are_those_of_the_published_width(width, heads):
  assert report.num_heads(width, 'x') == heads


@pytest.mark.parametrize('width', [48, 1536])
def test_unusual_widths_ask_for_their_heads(width):
  with pytest.raises(ValueError, match=r'give num_heads=…'):
    report.num_heads(width, 'x')


def test_a_choice_that_contradicts_the_file_is_refused(golden):
  with pytest.raises(ValueError, match='has depth 2, not 3'):
    image.load_image_model(golden / 'hf_vit', depth=3)
