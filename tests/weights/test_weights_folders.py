"""Which file of a folder is read, and files that are something else."""

import json

import numpy as np
import pytest
from references import arrays_of
from safetensors.numpy import save_file

from i2v_jax import weights
from i2v_jax.weights import files, folders

ARRAYS = {'x': np.ones(3, 'f4')}


def fill(folder, *names):
  for name in names:
    save_file(ARRAYS, folder / name)
  return folder


def test_the_best_of_usual_names_is_taken_and_said(tmp_path):
  fill(tmp_path, 'pytorch_model.bin', 'model.safetensors')
  found = files.open_weights(tmp_path)
  assert found.what.endswith('model.safetensors')
  assert found.taken_from == ('model.safetensors; pytorch_model.bin ignored',)


@pytest.mark.parametrize(
  'name', ['checkpoint.pth', 'model_best.pth.tar', 'a.pt']
)
def test_the_only_file_is_taken_whatever_its_name(tmp_path, name):
  fill(tmp_path, name, 'truth.npz')
  found = files.open_weights(tmp_path)
  assert found.what.endswith(name)


def test_of_several_one_has_to_be_named(tmp_path):
  fill(tmp_path, 'a.pth', 'b.safetensors')
  with pytest.raises(
    FileNotFoundError, match=r'holds a\.pth, b\.safetensors; '
  ):
    files.open_weights(tmp_path)


CONTENTS = {
  b'': 'is empty; copy or download it again',
  b'\0' * 600: 'begins with zeros only',
  b'version https://git-lfs.github.com/spec/v1\n': 'is a git-lfs pointer; run',
  b'<!DOCTYPE html><html>': 'is a web page',
  b'\n <HTML><body>': 'is a web page',
  b'<?xml version="1.0"?><Error>': 'is the error message of a server',
  b'{"error":"Entry not found"}': 'is JSON',
  b'\x1f\x8b\x08\x00': 'is gzip; unpack it',
  b'\x89HDF\r\n': 'is HDF5',
}


@pytest.mark.parametrize('content', CONTENTS)
@pytest.mark.parametrize('sharded', [False, True])
def test_what_is_no_weights_is_named_in_one_sentence(
  tmp_path, content, sharded
):
  path = tmp_path / 'model-1.safetensors'
  path.write_bytes(content)
  if sharded:
    index = {'weight_map': {'x': path.name}}
    path = tmp_path / 'model.safetensors.index.json'
    path.write_text(json.dumps(index), encoding='utf-8')
  with pytest.raises(ValueError, match=CONTENTS[content]) as error:
    files.open_weights(path)
  assert 'model-1.safetensors' in str(error.value)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize('size', [80, 240])
def test_a_header_of_any_length_is_safetensors(tmp_path, size):
  """Also of 123 bytes, which begins as JSON does."""
  name = 'x' * size
  save_file({name: ARRAYS['x']}, tmp_path / 'a')
  assert [*files.open_weights(tmp_path / 'a').arrays] == [name]
  content = (tmp_path / 'a').read_bytes()
  length = (123).to_bytes(8, 'little')
  header = content[8 : 8 + int.from_bytes(content[:8], 'little')].rstrip()
  if len(header) <= 123:
    data = length + header.ljust(123) + ARRAYS['x'].tobytes()
    (tmp_path / 'b').write_bytes(data)
    assert [*files.open_weights(tmp_path / 'b').arrays] == [name]


@pytest.mark.parametrize('share', [0.02, 0.5, 0.99])
def test_a_part_of_a_file_is_not_all_of_it(golden, tmp_path, share):
  content = (golden / 'hf_vit' / 'model.safetensors').read_bytes()
  path = tmp_path / 'model.safetensors'
  path.write_bytes(content[: int(share * len(content))])
  with pytest.raises(ValueError, match='copy or download it again'):
    files.open_weights(path)


def test_a_part_of_an_npz_is_not_all_of_it(golden, tmp_path):
  content = (golden / 'augreg_vit.npz').read_bytes()
  path = tmp_path / 'vit.npz'
  path.write_bytes(content[: len(content) // 2])
  with pytest.raises(ValueError, match='is incomplete'):
    files.open_weights(path)


def test_configs_with_a_byte_order_mark_are_read(tmp_path):
  (tmp_path / 'config.json').write_bytes(b'\xef\xbb\xbf{"hidden_size": 48}')
  assert folders.read_configs(tmp_path) == {'hidden_size': 48}


@pytest.mark.parametrize(
  ('tower', 'heads', 'more'),
  [
    (dict(head_width=8), 6, {}),
    (dict(head_width=16), 3, {}),
    (dict(head_width=16, norm_kwargs=dict(eps=1e-3)), 3, {}),
    (dict(head_width=8), 6, dict(quick_gelu=True)),
  ],
)
def test_openclips_config_tells_heads(golden, tmp_path, tower, heads, more):
  file = np.load(golden / 'openai_clip_visual.npz')
  state = {k[6:]: file[k] for k in file.files if k.startswith('state/')}
  save_file(state, tmp_path / 'open_clip_model.safetensors')
  config = {'model_cfg': {'vision_cfg': tower} | more}
  (tmp_path / 'open_clip_config.json').write_text(
    json.dumps(config), encoding='utf-8'
  )
  loaded = weights.load_image_model(tmp_path)
  cfg = loaded.model.cfg
  assert cfg.num_heads == heads and not loaded.report.assumed
  assert cfg.activation == ('quick_gelu' if more else 'gelu')
  assert cfg.norm_eps == tower.get('norm_kwargs', {}).get('eps', 1e-5)
  assert loaded.report.resampling == 'antialiased'


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision_is_read_from_every_container(golden, tmp_path, dtype):
  torch = pytest.importorskip('torch')
  wanted = arrays_of(golden / 'hf_vit')
  half = {
    k: torch.tensor(v).to(getattr(torch, dtype)) for k, v in wanted.items()
  }
  torch.save(half, tmp_path / 'a.pt')
  found = weights.load_image_model(tmp_path / 'a.pt', num_heads=6)
  assert found.params['pos'].dtype == np.float32
  name = 'embeddings.position_embeddings'
  np.testing.assert_array_equal(
    found.params['pos'], half[name][0].float().numpy()
  )


def test_a_damaged_array_is_named(golden, tmp_path):
  content = bytearray((golden / 'augreg_vit.npz').read_bytes())
  content[5000:6000] = bytes(1000)
  path = tmp_path / 'vit.npz'
  path.write_bytes(content)
  with pytest.raises(ValueError, match=r"'Trans.*vit\.npz cannot be read"):
    weights.load_image_model(path)


@pytest.mark.parametrize(
  ('name', 'text', 'error'),
  [
    ('config.json', '{"model_args": [1]}', r'has model_args \[1\]; it can be'),
    ('config.json', '{"vision_config": "x"}', "has vision_config 'x'"),
    ('config.json', '{"mean": "x", "std": [1]}', 'each can be three numbers'),
    (folders.NAMES[1], '{"weight_map": ["a"]}', 'has no weight_map that names'),
    (folders.NAMES[1], '{"weight_map": {"a": 3}}', 'has no weight_map that na'),
  ],
)
def test_json_of_another_kind_is_named(golden, tmp_path, name, text, error):
  if name == 'config.json':
    save_file(arrays_of(golden / 'hf_vit'), tmp_path / 'model.safetensors')
  (tmp_path / name).write_text(text)
  with pytest.raises(ValueError, match=error):
    weights.load_image_model(tmp_path, num_heads=6)


def test_null_is_not_said(tmp_path):
  (tmp_path / 'config.json').write_text('{"a": null, "model_cfg": {"b": null}}')
  assert folders.read_configs(tmp_path) == {'model_cfg': {}}
