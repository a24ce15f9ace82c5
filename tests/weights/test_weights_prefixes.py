"""Models under prefixes, in wrappers, and next to their averages."""

import json

import jax
import numpy as np
import pytest
from references import arrays_of
from renamed import as_timm
from safetensors.numpy import save_file

from i2v_jax import weights
from i2v_jax.deploy.release import load_release

TOLD = dict(num_heads=6)
STACKS = (
  'module.',
  '_orig_mod.',
  'module._orig_mod.',
  'model.',
  'net.',
  'base_model.model.',
  'module.backbone.',
  'teacher.backbone.',
  'student.backbone.',
  'state_dict.model.',
  '_forward_module.vision_encoder.',
)


@pytest.fixture
def vit(golden):
  return arrays_of(golden / 'hf_vit')


def below(prefix, arrays):
  return {prefix + key: value for key, value in arrays.items()}


def same(found, wanted):
  jax.tree.map(np.testing.assert_array_equal, found.params, wanted.params)


def write_npz(path, arrays):
  with path.open('wb') as file:
    np.savez(file, **arrays)


def write_torch(path, arrays):
  torch = pytest.importorskip('torch')
  tensors = lambda tree: {
    k: tensors(v) if isinstance(v, dict) else torch.tensor(v)
    for k, v in tree.items()
  }
  torch.save(tensors(arrays), path)


CONTAINERS = {
  'safetensors': lambda path, arrays: save_file(arrays, path),
  'npz': write_npz,
  'torch': write_torch,
}


@pytest.mark.parametrize('prefix', STACKS)
def test_prefixes_are_found_and_reported(vit, prefix):
  found = weights.load_image_model(below(prefix, vit), **TOLD)
  same(found, weights.load_image_model(vit, **TOLD))
  (line,) = found.report.taken_from
  assert line == f'keys that begin with {prefix}'


@pytest.mark.parametrize('container', CONTAINERS)
def test_prefixes_in_every_container(vit, tmp_path, container):
  path = tmp_path / 'weights'
  CONTAINERS[container](path, below('module._orig_mod.', vit))
  found = weights.load_image_model(path, **TOLD)
  same(found, weights.load_image_model(vit, **TOLD))


def test_other_parts_are_ignored_and_counted(vit):
  arrays = below('module.backbone.', vit)
  arrays['module.head.mlp.0.weight'] = np.ones(2, 'f4')
  report = weights.load_image_model(arrays, **TOLD).report
  assert 'module.head.mlp.0.weight' in report.ignored


def halved(arrays):
  return {key: value / 2 for key, value in arrays.items()}


FLAT = {  # averaged, raw
  'student and teacher': ('teacher.backbone.', 'student.backbone.'),
  'in a module': ('module.teacher.', 'module.student.'),
  'ema and model': ('ema.', 'model.'),
  'ema among the raw keys': ('model_ema.', ''),
  'a prefix of one word': ('ema_backbone.', 'backbone.'),
  'any name with such a word': ('averaged_model.module.', 'module.'),
  'with such a word at its end': ('net_ema.', 'net.'),
}


@pytest.mark.parametrize('case', FLAT)
def test_averages_come_before_raw_weights(vit, case):
  averaged, raw = FLAT[case]
  both = below(raw, vit) | below(averaged, halved(vit))
  found = weights.load_image_model(both, **TOLD)
  same(found, weights.load_image_model(halved(vit), **TOLD))
  assert 'averaged (EMA); which=raw takes' in found.report.taken_from[-1]
  found = weights.load_image_model(both, which='raw', **TOLD)
  same(found, weights.load_image_model(vit, **TOLD))
  assert 'raw; which=ema takes' in found.report.taken_from[-1]


WRAPPED = {  # how averaged and raw weights are saved together
  'timm': lambda ema, raw: {'state_dict': raw, 'state_dict_ema': ema},
  'EVA': lambda ema, raw: {'model': raw, 'model_ema': ema},
  'BasicSR': lambda ema, raw: {'params': raw, 'params_ema': ema},
  'a shadow': lambda ema, raw: {'state_dict': raw, 'ema': {'shadow': ema}},
  'a long name': lambda ema, raw: {
    'model_state_dict': raw,
    'model_ema_state_dict': below('module.', ema),
    'ema_optimizer': {'x': raw},
  },
  'DINO': lambda ema, raw: {
    'student': below('module.backbone.', raw),
    'teacher': below('backbone.', ema),
  },
  'DINOv2': lambda ema, raw: {
    'model': below('student.backbone.', raw) | below('teacher.backbone.', ema)
  },
  'mmengine': lambda ema, raw: {  # which swaps the two
    'state_dict': ema,
    'ema_state_dict': below('module.', raw) | {'steps': np.ones((), 'i8')},
  },
  'mmcv': lambda ema, raw: {  # likewise
    'state_dict': ema
    | {'ema_' + k.replace('.', '_'): v for k, v in raw.items()}
  },
  'PyTorch, alone': lambda ema, raw: {
    'model': below('module.', ema) | {'n_averaged': np.ones((), 'i8')}
  },
}


@pytest.mark.parametrize('case', WRAPPED)
def test_checkpoints_with_averages(vit, tmp_path, case):
  path = tmp_path / 'checkpoint.pth.tar'
  write_torch(path, WRAPPED[case](halved(vit), vit))
  found = weights.load_image_model(path, **TOLD)
  same(found, weights.load_image_model(halved(vit), **TOLD))
  if 'alone' not in case:
    found = weights.load_image_model(path, which='raw', **TOLD)
    same(found, weights.load_image_model(vit, **TOLD))


@pytest.mark.parametrize(
  'name', ['module', 'model', 'state_dict', 'teacher', 'net', 'weights']
)
def test_wrappers(vit, tmp_path, name):
  path = tmp_path / 'x.pt'
  write_torch(path, {name: vit})
  found = weights.load_image_model(path, **TOLD)
  same(found, weights.load_image_model(vit, **TOLD))
  assert found.report.taken_from[0].startswith(name)


def test_shards_of_torch_are_one(vit, tmp_path):
  names = {}
  for i, key in enumerate(sorted(vit)):
    names[key] = f'pytorch_model-0000{i % 2}-of-2.bin'
  for name in set(names.values()):
    part = {key: vit[key] for key in vit if names[key] == name}
    write_torch(tmp_path / name, part)
  index = tmp_path / 'pytorch_model.bin.index.json'
  index.write_text(json.dumps({'weight_map': names}), encoding='utf-8')
  same(
    weights.load_image_model(tmp_path, **TOLD),
    weights.load_image_model(vit, **TOLD),
  )


@pytest.mark.parametrize(
  ('prefixes', 'which', 'error'),
  [
    (['a.'], '', 'in no known format'),
    (['model.', 'net.'], '', "holds several models, under 'net.', 'model.'"),
    ([''], 'ema', r'holds no averaged weights \(EMA\); leave which out'),
    (['teacher.'], 'raw', r'holds averaged weights \(EMA\) only'),
    ([''], 'best', "which is 'best'; it can be one of"),
  ],
)
def test_what_cannot_be_chosen_is_named(vit, prefixes, which, error):
  arrays = {k: v for p in prefixes for k, v in below(p, vit).items()}
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(arrays, which=which, **TOLD)


def test_releases_lose_the_prefixes_of_trainers_too(golden):
  file = np.load(golden / 'aim_clip_3adapters.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  given = dict(adapter_scale=0.5, num_heads=6)
  wanted = load_release(state, **given)
  found = load_release(below('module.', state), **given)
  same(found, wanted)
  assert found.report.taken_from == ('keys that begin with module.',)


def test_dinos_teacher_is_read_and_its_head_ignored(vit, tmp_path):
  """The full checkpoint of DINO: plain ViTs with heads, in timm's names."""
  head = {'head.last_layer.weight_v': np.ones(2, 'f4')}
  ema = below('backbone.', as_timm(halved(vit))) | head
  raw = below('module.', below('backbone.', as_timm(vit)) | head)
  path = tmp_path / 'checkpoint.pth'
  write_torch(path, {'student': raw, 'teacher': ema, 'epoch': {}})
  found = weights.load_image_model(path, **TOLD)
  same(found, weights.load_image_model(as_timm(halved(vit)), **TOLD))
  assert found.report.normalization == 'imagenet'
  assert found.report.ignored == ('head.last_layer.weight_v',)


@pytest.mark.parametrize('wrapper', ['_orig_mod', '_fsdp_wrapped_module'])
def test_wrappers_of_single_blocks_are_taken_out_of_keys(vit, wrapper):
  arrays = {
    k.replace('layer.0', f'layer.0.{wrapper}'): v for k, v in vit.items()
  }
  found = weights.load_image_model(below('module.', arrays), **TOLD)
  same(found, weights.load_image_model(vit, **TOLD))
  same(weights.load_image_model(arrays, **TOLD), found)
