"""Published Swins, next to their libraries, and what is refused of them."""

import json
import shutil

import jax
import numpy as np
import pytest
from references import agree, arrays_of, check, tokens
from renamed import rename, swin_as_mmaction, swin_as_timm
from safetensors.numpy import save_file

from i2v_jax import weights
from i2v_jax.deploy.inspection import inspect
from i2v_jax.weights import download

HUB = 'hf_swin_hub'
TABLE = 'attn.relative_position_bias_table'


def open_golden(path):
  """(state dict, pixels, reference) of a golden file."""
  file = np.load(path)
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  return state, file['input'].transpose(0, 2, 3, 1), file


@pytest.fixture(scope='module')
def microsoft():
  from published import HERE

  return open_golden(HERE / 'swin_microsoft.npz')


@pytest.fixture
def small_map(golden):
  """The maps are 8, 4, 2, the windows 4: its last table is a smaller one."""
  return open_golden(golden / 'swin_microsoft_small_map.npz')


def check_logits(loaded, golden):
  state, pixels, reference = golden
  agree(tokens(loaded, pixels), reference['output'])
  pooled = tokens(loaded, pixels, pooled=True)
  agree(pooled, reference['pooled'])
  logits = pooled @ state['head.weight'].T + state['head.bias']
  agree(logits, reference['logits'])


def test_microsofts_checkpoint_agrees(microsoft, tmp_path):
  torch = pytest.importorskip('torch')
  model = {k: torch.tensor(v) for k, v in microsoft[0].items()}
  torch.save({'model': model}, tmp_path / 'swin.pth')
  loaded = weights.load_image_model(tmp_path / 'swin.pth')
  check_logits(loaded, microsoft)
  report, cfg = loaded.report, loaded.model.cfg
  assert report.format == 'Swin (Microsoft)' and report.taken_from == ('model',)
  assert report.normalization == 'imagenet' and not report.reshaped
  assert (cfg.depths, cfg.num_heads) == ((2, 2, 2), (2, 4, 8))
  sizes = cfg.embed_dim, cfg.window, cfg.patch_size, cfg.image_size
  assert sizes == (16, 7, 4, 112)


def test_what_has_no_place_in_the_model_is_ignored_by_name(microsoft):
  state = microsoft[0] | {'mask_token': np.ones((1, 1, 16), 'f4')}
  report = weights.load_image_model(state).report
  index = {
    f'layers.{s}.blocks.{j}.attn.relative_position_index'
    for s in range(3)
    for j in range(2)
  }
  masks = {'layers.0.blocks.1.attn_mask', 'layers.1.blocks.1.attn_mask'}
  others = {'head.weight', 'head.bias', 'mask_token'}
  assert {*report.ignored} == index | masks | others
  assert {*report.loaded} == state.keys() - {*report.ignored}


def test_another_eps_would_be_seen(microsoft):
  state, pixels, reference = microsoft
  loaded = weights.load_image_model(state, norm_eps=1e-6)
  apart = np.abs(tokens(loaded, pixels) - reference['output']).max()
  assert apart > 2e-5


def stages(swin, image):
  """Tokens in front of the blocks, and behind each stage."""
  x, found = swin.embed(image), []
  found.append(x)
  for stage, depth in enumerate(swin.cfg.depths):
    x = swin.merges[stage - 1](x) if stage else x
    for block in swin.blocks[sum(swin.cfg.depths[:stage]) :][:depth]:
      x = block(x, None)
    found.append(x)
  return found


def test_every_stage_agrees_where_a_map_is_below_the_window(small_map):
  state, pixels, reference = small_map
  loaded = weights.load_image_model(state)
  apply = jax.jit(lambda p: loaded.model.apply(p, pixels, method=stages))
  names = ('embedded', *(f'stage_{i}' for i in range(3)))
  for x, name in zip(apply({'params': loaded.params}), names, strict=True):
    agree(x, reference[name])
  check_logits(loaded, small_map)
  assert (loaded.model.cfg.window, loaded.model.cfg.image_size) == (4, 32)


def test_timms_names_agree(microsoft, golden):
  state = swin_as_timm(microsoft[0])
  names = json.loads((golden / 'swin_timm_names.json').read_text('utf-8'))
  assert {k: [*v.shape] for k, v in state.items()} == names
  loaded = weights.load_image_model(state)
  agree(tokens(loaded, microsoft[1]), microsoft[2]['output'])
  assert loaded.report.format == 'Swin (timm)'
  assert loaded.report.ignored == ('head.fc.weight', 'head.fc.bias')
  assert loaded.report.assumed == ('image_size 112',)


def test_timms_config_states_the_image_size(microsoft, tmp_path):
  save_file(swin_as_timm(microsoft[0]), tmp_path / 'model.safetensors')
  config = dict(
    architecture='swin_tiny_patch4_window7_224',
    pretrained_cfg=dict(input_size=[3, 224, 224]),
  )
  (tmp_path / 'config.json').write_text(json.dumps(config), 'utf-8')
  loaded = weights.load_image_model(tmp_path)
  assert loaded.model.cfg.image_size == 224 and not loaded.report.assumed
  config['architecture'] = 'swin_tiny_patch4_window14_448'
  (tmp_path / 'config.json').write_text(json.dumps(config), 'utf-8')
  error = rf"'layers.0.blocks.0.{TABLE}' .* of 7 .* its config states 14"
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(tmp_path)


def test_a_smaller_last_table_tells_the_image_size(small_map):
  loaded = weights.load_image_model(swin_as_timm(small_map[0]))
  assert loaded.model.cfg.image_size == 32 and not loaded.report.assumed


def test_mmactions_names_and_patches_of_two_frames(microsoft):
  state, pixels, reference = microsoft
  loaded = weights.load_image_model(swin_as_mmaction(state, 2))
  still = np.repeat(pixels[:, None], 2, axis=1)
  agree(tokens(loaded, still)[:, 0], reference['output'])
  assert loaded.report.format == 'Swin (mmaction2)'
  assert loaded.model.cfg.tubelet == 2 and not loaded.report.reshaped


@pytest.mark.parametrize('prefix', ['swin.', ''])
def test_hugging_face_agrees(golden, tmp_path, prefix):
  """As on the hub, with buffers; and as `SwinModel`, without prefix."""
  folder = shutil.copytree(golden / HUB, tmp_path / HUB)
  arrays = rename(arrays_of(folder), ('swin.', prefix))
  save_file(arrays, folder / 'model.safetensors')
  loaded = weights.load_image_model(folder)
  check(loaded, folder)
  check(loaded, folder, pooled=True)
  report = loaded.report
  assert (report.format, report.normalization) == (
    'Swin (Hugging Face)',
    'imagenet',
  )
  index = [k for k in report.ignored if k.endswith('position_index')]
  assert len(index) == 4 and len(report.ignored) == 6
  assert {'classifier.weight', 'classifier.bias'} < {*report.ignored}
  assert loaded.model.cfg.image_size == 24 and not report.assumed


def test_a_name_of_the_hub_is_the_folder(golden, monkeypatch):
  def snapshot(repo, revision, allow_patterns):
    assert repo == 'microsoft/swin-base-patch4-window7-224' and not revision
    return golden / HUB

  monkeypatch.setattr(download, 'snapshot_download', snapshot)
  name = 'hf:microsoft/swin-base-patch4-window7-224'
  check(weights.load_image_model(name), golden / HUB)


def test_inspection_shows_stages_heads_and_windows(golden):
  rows = dict(inspect(golden / HUB))
  sizes = 'Swin of 2 stages: 2, 2 blocks, 2, 2 heads, width 8 to 16, '
  assert rows['image model'] == sizes + 'MLP 4 times, eps 1e-05'
  maps = 'maps of 6 x 6, 3 x 3 from patches of 4 pixels; pooled by mean'
  assert rows['tokens'] == maps and rows['windows'] == '3 x 3 tokens'
  assert rows['ignored by design'] == 'swin… (4), classifier… (2)'


def without(*parts):
  return lambda a: {k: v for k, v in a.items() if not k.startswith(parts)}


def changed(key, change):
  return lambda a: a | {key: np.ascontiguousarray(change(a[key]))}


REDUCTION = 'layers.0.downsample.reduction.weight'
FIRST, LAST = f'layers.0.blocks.0.{TABLE}', f'layers.2.blocks.1.{TABLE}'
RELATIVE = np.random.default_rng(0).standard_normal((15 * 169, 2), 'f4')
WRONG = {
  'no stage': (without('layers.1.'), r'lacks stage 1 of 3 \(layers\.1\.'),
  'no last stage': (
    without('layers.2.'),
    r"'norm\.weight' .* \(64,\), but 2 stages .* end with 32; a stage is",
  ),
  'no block': (
    without('layers.1.blocks.0.'),
    r'lacks block 0 of 2 \(layers\.1\.blocks\.0\.',
  ),
  'no last block': (
    without('layers.1.blocks.1.'),
    r'has no layers\.1\.blocks\.1\.…, and the blocks of a Swin come in pairs',
  ),
  'no merging': (
    without('layers.0.downsample'),
    r"has no 'layers\.0\.downsample\.norm\.weight'",
  ),
  'a transposed merging': (
    changed(REDUCTION, np.transpose),
    rf"'{REDUCTION}' .* shape \(64, 32\), not \(32, 64\): four tokens",
  ),
  'no patches': (without('patch_embed.'), "has no 'patch_embed.proj.weight'"),
  'absolute positions': (
    lambda a: a | {'absolute_pos_embed': np.ones((1, 784, 16), 'f4')},
    r"'absolute_pos_embed' .* are absolute positions.*\(ape=False\)",
  ),
  'tables of windows over frames': (
    lambda a: without('layers.0.blocks.0.attn.relative_position_index')(
      a | {FIRST: RELATIVE}
    ),
    rf"'{FIRST}' .* holds 15 tables that differ, as windows over frames have",
  ),
  'a table cut by one row': (
    changed(FIRST, lambda x: x[1:]),
    rf"'{FIRST}' .* has 168 rows, and square windows",
  ),
  'a table of another window': (
    changed(LAST, lambda x: x[:121]),
    rf"'{LAST}' .* for windows of 6 tokens a side, .* first block has 7",
  ),
  'a mask of another map': (
    changed('layers.0.blocks.1.attn_mask', lambda x: x[:15]),
    r"'layers\.0\.blocks\.1\.attn_mask' .* no mask of a square map",
  ),
  'a key too many': (
    lambda a: a | {'layers.0.blocks.0.attn.lora': np.ones(2, 'f4')},
    r'has 1 keys that the model lacks: layers\.0\.blocks\.0\.attn\.lora',
  ),
  'norms of several stages': (
    lambda a: a | {'norm0.weight': np.ones(16, 'f4')},
    r'has 1 keys that the model lacks: norm0\.weight',
  ),
  'patches of no pixels': (
    changed('patch_embed.proj.weight', lambda x: x[..., :0]),
    r"'patch_embed.proj.weight' .* shape \(16, 3, 4, 0\), not 4 axes",
  ),
  'a number for a layer': (
    lambda a: a | {'layers.1.blocks.0.attn.qkv.bias': np.float32(1)},
    r"'layers\.1\.blocks\.0\.attn\.qkv\.weight' .* not hold q, k and v",
  ),
  'a patch of three axes': (
    changed('patch_embed.proj.weight', lambda x: x[..., 0]),
    r"'patch_embed.proj.weight' .* shape \(16, 3, 4\), not 4 axes",
  ),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_files_are_refused_with_the_key(microsoft, case):
  change, error = WRONG[case]
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(change(microsoft[0]))


CONFIGS = {
  'window': (
    dict(window_size=5),
    rf'{"swin.*table"}.* of 3 .* config states 5',
  ),
  'stages': (dict(depths=[2, 2, 2]), r"has no 'swin\.encoder\.layers\.2\."),
  'blocks': (dict(depths=[2, 4]), r"has no '.*layers\.1\.blocks\.2\."),
  'activation': (dict(hidden_act='relu'), "hidden_act in .* is 'relu'"),
  'positions': (dict(use_absolute_embeddings=True), 'no absolute positions'),
  'text': (dict(depths='2, 2'), "depths in the config of .* is '2, 2'"),
  'image': (dict(image_size=0), 'image_size in .* is 0; it can be an integer'),
}


@pytest.mark.parametrize('case', CONFIGS)
def test_a_config_that_contradicts_the_arrays_is_refused(
  golden, tmp_path, case
):
  change, error = CONFIGS[case]
  folder = shutil.copytree(golden / HUB, tmp_path / HUB)
  config = json.loads((folder / 'config.json').read_text('utf-8'))
  (folder / 'config.json').write_text(json.dumps(config | change), 'utf-8')
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(folder)
