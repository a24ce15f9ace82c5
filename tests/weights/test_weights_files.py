"""Files of weights: recognised by what is in them, and safely opened."""

import json
import pathlib
import pickle

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights import download, files

ARRAYS = {
  'a.weight': np.arange(6, dtype='f4').reshape(2, 3),
  'b': np.ones(2, 'f2'),
}


def check(weights, wanted=ARRAYS):
  assert set(weights.arrays) == set(wanted)
  for key, value in wanted.items():
    np.testing.assert_array_equal(weights.arrays[key], value)


def write_npz(path):
  with path.open('wb') as file:
    np.savez(file, **ARRAYS)


def write_torch(path, wrap=lambda state: state, **options):
  torch = pytest.importorskip('torch')
  state = {key: torch.tensor(value) for key, value in ARRAYS.items()}
  torch.save(wrap(state), path, **options)


def write_script(path):
  torch = pytest.importorskip('torch')

  class Model(torch.nn.Module):
    def __init__(self):
      super().__init__()
      self.a = torch.nn.Linear(3, 2, bias=False)
      self.b = torch.nn.Parameter(torch.ones(2, dtype=torch.float16))

    def forward(self, x):
      return self.a(x)

  model = Model()
  model.a.weight.data = torch.tensor(ARRAYS['a.weight'])
  torch.jit.script(model).save(str(path))


WRITERS = {
  'safetensors': lambda path: save_file(ARRAYS, path),
  'npz': write_npz,
  'torch': write_torch,
  'torch, before 1.6': lambda path: write_torch(
    path, _use_new_zipfile_serialization=False
  ),
  'torch, of mmengine': lambda path: write_torch(
    path, lambda state: {'meta': {'epoch': 40}, 'state_dict': state}
  ),
  'torch, wrapped twice': lambda path: write_torch(
    path, lambda state: {'model': {'module': state}, 'epoch': 3}
  ),
  'TorchScript': write_script,
}


@pytest.mark.filterwarnings('ignore:`torch.jit')  # of the writer
@pytest.mark.parametrize('kind', WRITERS)
def test_the_name_of_a_file_says_nothing(tmp_path, kind):
  path = tmp_path / 'weights.of-some-kind'
  WRITERS[kind](path)
  check(files.open_weights(path))
  check(files.open_weights(str(path)))


def test_a_mapping_is_taken_as_it_is():
  check(files.open_weights(ARRAYS))


def test_metadata_and_config_come_along(tmp_path):
  path = tmp_path / 'model.safetensors'
  save_file(ARRAYS, path, metadata={'sizes': '[1, 2]', 'format': 'pt'})
  (tmp_path / 'config.json').write_text('{"hidden_size": 48}', encoding='utf-8')
  for source in (path, tmp_path):
    found = files.open_weights(source)
    assert found.metadata == {'sizes': [1, 2], 'format': 'pt'}
    assert found.config == {'hidden_size': 48}


def test_shards_are_one(tmp_path):
  names = {}
  for i, (key, value) in enumerate(ARRAYS.items()):
    names[key] = f'model-0000{i}.safetensors'
    save_file({key: value}, tmp_path / names[key])
  index = tmp_path / 'model.safetensors.index.json'
  index.write_text(json.dumps({'weight_map': names}), encoding='utf-8')
  check(files.open_weights(tmp_path))
  (tmp_path / names['b']).unlink()
  with pytest.raises(FileNotFoundError, match=r'names .*00001.* do not exist'):
    files.open_weights(tmp_path)


def test_bfloat16_is_read(tmp_path):
  path = tmp_path / 'half'
  save_file({'x': np.array([1.5], ml_dtypes.bfloat16)}, path)
  assert files.open_weights(path).arrays['x'].astype('f4') == 1.5
  torch = pytest.importorskip('torch')
  torch.save({'x': torch.tensor([1.5], dtype=torch.bfloat16)}, path)
  assert files.open_weights(path).arrays['x'] == np.float32(1.5)


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
  """Of a file whose header promises what is not in it."""
  path = tmp_path / 'model.safetensors'
  save_file(ARRAYS, path)
  arrays = files.open_weights(path).arrays
  assert len(arrays) == 2 and 'c' not in arrays
  path.unlink()
  assert 'b' in arrays and set(arrays) == set(ARRAYS)
  with pytest.raises(FileNotFoundError):
    arrays['b']
  with pytest.raises(ValueError, match="has no 'c'"):
    arrays['c']


class Evil:
  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, zipped):
  torch = pytest.importorskip('torch')
  path, ran = tmp_path / 'evil.pth', tmp_path / 'ran'
  state = {'x': torch.ones(2), 'evil': Evil(ran)}
  torch.save(state, path, _use_new_zipfile_serialization=zipped)
  with pytest.raises(ValueError, match='run code') as caught:
    files.open_weights(path)
  assert not ran.exists()
  assert '\n' not in str(caught.value)
  assert 'pathlib' in str(caught.value)


def test_a_plain_pickle_with_code_is_refused(tmp_path):
  pytest.importorskip('torch')
  path, ran = tmp_path / 'evil.pkl', tmp_path / 'ran'
  path.write_bytes(pickle.dumps(Evil(ran), protocol=2))
  with pytest.raises(ValueError, match='run code'):
    files.open_weights(path)
  assert not ran.exists()


def test_what_trainers_note_beside_their_weights_is_dropped(tmp_path):
  import argparse

  def wrap(state):
    arguments = argparse.Namespace(lr=0.1, model=np.float64(2.0))
    return {'model': state, 'args': arguments, 'history': np.arange(3)}

  path = tmp_path / 'checkpoint.pth'
  write_torch(path, wrap)
  check(files.open_weights(path))


def test_without_torch_its_files_say_what_to_install(tmp_path, monkeypatch):
  path = tmp_path / 'model.pt'
  path.write_bytes(b'\x80\x02}q\x00.')
  monkeypatch.setitem(__import__('sys').modules, 'torch', None)
  with pytest.raises(ModuleNotFoundError, match=r"'i2v_jax\[torch\]'"):
    files.open_weights(path)


@pytest.mark.parametrize(
  ('content', 'error'),
  [
    (b'not weights at all', 'is not a file of weights'),
    (b'', 'is empty; copy or download'),
    (b'\x99\x00\x00\x00\x00\x00\x00\x00{"a"', 'not a safetensors file'),
    (b'PK\x03\x04 torn', 'is incomplete'),
  ],
)
def test_what_is_no_weights_is_named(tmp_path, content, error):
  path = tmp_path / 'model.safetensors'
  path.write_bytes(content)
  with pytest.raises(ValueError, match=error):
    files.open_weights(path)


def test_a_torn_checkpoint_is_named(tmp_path):
  path = tmp_path / 'model.pt'
  WRITERS['torch, before 1.6'](path)
  path.write_bytes(path.read_bytes()[:-10])
  with pytest.raises(ValueError, match='incomplete'):
    files.open_weights(path)


def test_a_checkpoint_without_tensors_is_named(tmp_path):
  path = tmp_path / 'model.pt'
  write_torch(path, lambda state: {'epoch': 3})
  with pytest.raises(ValueError, match='holds no named tensors'):
    files.open_weights(path)


def test_nothing_there_and_nothing_in_it(tmp_path):
  with pytest.raises(FileNotFoundError, match='No weights at'):
    files.open_weights(tmp_path / 'nothing')
  with pytest.raises(FileNotFoundError, match=r'holds none of model\.safe'):
    files.open_weights(tmp_path)


@pytest.fixture
def snapshots(tmp_path, monkeypatch):
  """A hub with one repository; the patterns that were asked for."""
  asked, remote = [], {}

  def snapshot(repo, revision, allow_patterns):
    asked.append((repo, revision, allow_patterns))
    for name in set(remote) & set(allow_patterns):
      remote[name](tmp_path / name)
    return str(tmp_path)

  monkeypatch.setattr(download, 'snapshot_download', snapshot)
  return remote, asked


def test_the_hub_gives_the_best_kind_it_has(snapshots, tmp_path):
  remote, asked = snapshots
  remote['open_clip_model.safetensors'] = WRITERS['safetensors']
  remote['pytorch_model.bin'] = write_npz
  assert download.download('org/name@v1') == tmp_path
  assert [p.name for p in tmp_path.iterdir()] == ['open_clip_model.safetensors']
  assert {(repo, revision) for repo, revision, _ in asked} == {
    ('org/name', 'v1')
  }


def test_a_repository_without_weights_is_named(snapshots):
  with pytest.raises(FileNotFoundError, match='org/name on the Hugging Face'):
    download.download('org/name')


@pytest.mark.parametrize('name', ['', 'a/b/c', '-a/b..c', '@main'])
def test_a_name_of_no_repository_is_refused(name):
  with pytest.raises(
    UserError, match=r"'hf:.*' is not a repository; write hf:O"
  ):
    download.download(name)


def test_the_hub_out_of_reach_says_what_to_do(monkeypatch, tmp_path):
  monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
  monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
  with pytest.raises(FileNotFoundError, match='to a folder elsewhere'):
    download.download('no-one/nothing')
