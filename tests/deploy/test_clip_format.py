"""A merged model in Hugging Face's keys is the same model in PyTorch."""

import dataclasses
import json

import documented
import numpy as np
import pytest
import small
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from i2v_jax import params as params_lib
from i2v_jax import weights
from i2v_jax.deploy import clip_format, trained
from i2v_jax.models.build import build, merge

STDHA = dict(name='head_relocation', offsets=(-1, 1, -2, 0))
LORA = dict(name='lora', rank=4, on=('q', 'v', 'fc2'))


def merged(model):
  if model.model.adapter is None:
    return model.model, model.params
  return merge(model.model, model.params)


def documented_logits(folder, clips):
  """As the function of the docs has them, in PyTorch."""
  torch, logits = pytest.importorskip('torch'), documented_function(1)
  pixels = torch.from_numpy(np.array(clips).transpose(0, 1, 4, 2, 3))
  return logits['logits'](str(folder), pixels).numpy()


def documented_function(which):
  """With the transformers library (0), or without (1)."""
  scope = {}
  exec(documented.code('weights_out.md', '`clip`', which, of=2), scope)
  return scope


@pytest.mark.parametrize(
  ('adapter', 'options', 'offsets'),
  [
    (dict(name='zeroi2v', offsets=(-1, 1, -2, 0)), {}, [-1, 1, -2, 0]),
    (dict(name='zeroi2v', offsets=(3,)), {}, [3, 0, 0, 0]),
    (dict(name='zeroi2v', heads='quarter'), {}, [-1, 0, 0, 0]),
    (LORA, dict(temporal_operator=STDHA), [-1, 1, -2, 0]),
    (None, dict(temporal_embedding=False), [0, 0, 0, 0]),
  ],
)
def test_the_documented_function_gives_our_logits(
  tmp_path, adapter, options, offsets
):
  model = small.trained(adapter, tmp_path, **options)
  clip_format.export_clip(model, tmp_path / 'out')
  found = json.loads(
    (tmp_path / 'out' / 'config.json').read_text(encoding='utf-8')
  )['i2v']
  assert found['offsets'] == offsets and found['num_frames'] == 4
  (clips,) = small.clips(model.model, batch=3)
  wanted = small.apply(model.model, model.params, clips)
  assert np.ptp(wanted, axis=0).min() > 0.1
  backwards = small.apply(model.model, model.params, clips[:, ::-1])
  in_time = any(offsets) or 'temporal_embedding' in model.params
  assert (np.abs(backwards - wanted).max() > 0.01) == in_time
  logits = documented_logits(tmp_path / 'out', clips)
  np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-4)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # of the library
def test_the_documented_hooks_give_our_logits(tmp_path):
  torch = pytest.importorskip('torch')
  pytest.importorskip('transformers')
  adapter = dict(name='zeroi2v', offsets=(-1, 1, -2, 0))
  model = small.trained(adapter, tmp_path)
  clip_format.export_clip(model, tmp_path / 'out')
  (clips,) = small.clips(model.model, batch=3)
  wanted = small.apply(model.model, model.params, clips)
  classify = documented_function(0)['classifier'](str(tmp_path / 'out'))
  pixels = torch.from_numpy(np.array(clips).transpose(0, 1, 4, 2, 3))
  with torch.no_grad():
    logits = classify(pixels).numpy()
  np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-4)


def test_the_documented_function_knows_both_activations(tmp_path):
  model = small.trained(None, tmp_path)
  (clips,) = small.clips(model.model)
  quick = small.apply(model.model, model.params, clips)
  vit = dataclasses.replace(model.model.image_model, activation='gelu')
  model = dataclasses.replace(model, model=model.model.clone(image_model=vit))
  clip_format.export_clip(model, tmp_path / 'out')
  wanted = small.apply(model.model, model.params, clips)
  assert np.abs(wanted - quick).max() > 1e-3
  logits = documented_logits(tmp_path / 'out', clips)
  np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-4)


def test_our_reader_reads_the_tower_back(tmp_path):
  model = small.trained(dict(name='zeroi2v', offsets=(1,)), tmp_path)
  clip_format.export_clip(model, tmp_path)
  arrays = load_file(tmp_path / 'model.safetensors')
  extra = {key for key in arrays if not key.startswith('vision_model.')}
  assert extra == {
    'temporal_embedding',
    'classifier.weight',
    'classifier.bias',
  }
  tower = {k: x for k, x in arrays.items() if k not in extra}
  save_file(tower, tmp_path / 'model.safetensors')
  found = weights.load_backbone(str(tmp_path), model.model.image_model)
  wanted = merged(model)[1]['backbone']
  assert params_lib.sha256(found) == params_lib.sha256(wanted)


def test_keys_shapes_and_config_are_hugging_faces(golden, tmp_path):
  sizes = dict(width=48, depth=2, num_heads=6, patch_size=8, image_size=24)
  vit = dict(family='clip', **sizes)
  spec = dict(backbone=vit, num_frames=2, adapter=None)
  params = small.random(build(spec, 3))
  theirs = golden / 'hf_clip_vision'
  shapes = lambda arrays: {
    key.removeprefix('vision_model.'): x.shape for key, x in arrays.items()
  }
  wanted = shapes(load_file(theirs / 'model.safetensors'))
  ours = shapes(clip_format.convert_params(params))
  assert wanted == {k: s for k, s in ours.items() if k in wanted}
  assert len(ours) == len(wanted) + 3

  config = json.loads((theirs / 'config.json').read_text(encoding='utf-8'))
  found = clip_format.make_vision_config(build(spec, 3).image_model)
  assert found == {key: config[key] for key in found}


def test_a_swin_is_refused(tmp_path):
  sizes = dict(embed_dim=8, depths=(1, 1), num_heads=(2, 2), image_size=16)
  spec = dict(backbone=dict(family='swin', window=2, **sizes), num_frames=2)
  model = build(spec | dict(adapter=dict(name='zeroi2v')), 3)
  found = dataclasses.replace(small.trained(None, tmp_path), model=model)
  with pytest.raises(ValueError, match='no place for an image model that is'):
    clip_format.export_clip(found, tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


def test_what_a_user_of_it_finds(tmp_path):
  model = small.trained(None, tmp_path)
  clip_format.export_clip(model, tmp_path / 'out')
  found = json.loads(
    (tmp_path / 'out' / 'config.json').read_text(encoding='utf-8')
  )['i2v']
  assert found['id2label'] == {'0': 'left', '1': 'right', '2': 'up'}
  assert found['preprocessing']['normalization']['mean'] == [0.5] * 3
  with safe_open(tmp_path / 'out' / 'model.safetensors', 'numpy') as file:
    assert file.metadata() == {'format': 'pt'}
  with pytest.raises(ValueError, match='exported for other programs'):
    trained.load(tmp_path / 'out')


HALVES = dict(name='head_relocation', offsets=((-1, 4), (1, 4)))
SHIFT = dict(name='channel_shift', share=4)
GRID = dict(name='dualpath', preset='release', grid=(2, 2), spatial_frames=2)
ON_QKV = dict(name='head_relocation', offsets=(1,), on='qkv')


@pytest.mark.parametrize(
  ('adapter', 'options', 'named'),
  [
    (dict(name='aim'), {}, 'the adapters of aim'),
    (dict(name='gelu_adapters'), {}, 'the adapters of gelu_adapters'),
    (GRID, dict(temporal_embedding=False), 'dualpath'),
    (dict(name='evl', layers=1), dict(temporal_embedding=False), 'evl'),
    (dict(name='step_probe'), dict(temporal_embedding=False), 'step_probe'),
    (None, dict(temporal_operator=SHIFT), 'channel_shift'),
    (None, dict(temporal_operator=ON_QKV), 'head_relocation, other than'),
    (None, dict(temporal_operator=HALVES), 'half heads'),
    (dict(name='zeroi2v', offsets=((-1, 4),)), {}, 'half heads'),
    (None, dict(mean_first=True), 'mean_first'),
    (None, dict(family='imagenet'), 'not built as CLIP'),
  ],
)
def test_what_the_format_cannot_express_is_refused(
  tmp_path, adapter, options, named
):
  family = {'family': options.pop('family', 'clip')}
  if adapter and adapter['name'] == 'dualpath':
    options = options | {'dropout': 0.0}
  model = small.trained(adapter, tmp_path, **options, **family)
  with pytest.raises(ValueError, match='no place for') as error:
    clip_format.export_clip(model, tmp_path / 'out')
  assert named in str(error.value) and '--format' in str(error.value)
  assert not (tmp_path / 'out').exists()
