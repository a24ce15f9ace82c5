"""Formats of `i2v export` that this library reads back itself."""

import json
import shutil

import numpy as np
import older
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from i2v_jax import cli
from i2v_jax import params as params_lib
from i2v_jax.deploy import trained
from i2v_jax.deploy.export import export_adapter, export_full, export_merged
from i2v_jax.training import facts, loop
from i2v_jax.training.workdir import checkpoint_files
from i2v_jax.weights import adapter_file
from i2v_jax.weights.formats import native


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as end:
    cli.main([str(a) for a in args])
  return end.value.code


@pytest.fixture(scope='module')
def model(smoke_run):
  return trained.load(smoke_run)


@pytest.fixture(scope='module')
def written(model, tmp_path_factory):
  """Folders of the smoke run in our three formats."""
  root = tmp_path_factory.mktemp('exports')
  export_merged(model, root / 'merged')
  export_full(model, root / 'full')
  export_adapter(model, root / 'adapter')
  return root


@pytest.fixture
def clip(digits):
  return min(digits.glob('val/*/*.mp4'))


def test_full_keeps_the_adapters_as_they_are(model, written, clip):
  found = trained.load(written / 'full')
  assert params_lib.sha256(found.params) == params_lib.sha256(model.params)
  assert found.model == model.model
  assert (found.probabilities(clip) == model.probabilities(clip)).all()


def test_an_adapter_file_and_its_weights_are_the_model(model, written, clip):
  for path in (written / 'adapter', written / 'adapter/adapter.safetensors'):
    found = trained.load(path)
    assert params_lib.sha256(found.params) == params_lib.sha256(model.params)
    assert found.class_names == model.class_names and found.spec == model.spec
    assert (found.probabilities(clip) == model.probabilities(clip)).all()


def test_an_adapter_file_holds_all_but_frozen_image_weights(model, written):
  file = written / 'adapter' / 'adapter.safetensors'
  assert [path.name for path in file.parent.iterdir()] == [file.name]
  parts = {path.split('/')[0] for path in load_file(file)}
  assert parts == {'adapters', 'temporal_embedding', 'head', 'backbone'}
  in_backbone = {p for p in load_file(file) if p.startswith('backbone')}
  assert in_backbone == {'backbone/ln_post/scale', 'backbone/ln_post/bias'}
  count = sum(x.size for x in load_file(file).values())
  facts_ = facts.read_facts(file)
  assert count == facts_['trained_parameters']
  assert facts_['parameters'] == params_lib.count(model.params) > count


def test_what_an_adapter_file_says(model, written):
  with safe_open(written / 'adapter/adapter.safetensors', 'numpy') as file:
    said = {key: json.loads(v) for key, v in file.metadata().items()}
  assert said['class_names'] == list(model.class_names)
  assert said['config']['data']['root'] == ''
  assert said['preprocessing']['normalization'] == {
    'name': 'half',
    'mean': [0.5] * 3,
    'std': [0.5] * 3,
  }
  assert said['preprocessing']['clip']['num_frames'] == 8
  assert said['base']['weights'] == 'random' == said['config']['weights']
  assert said['base']['sha256'] == model.identity['frozen_sha256']
  (report,) = said['evaluations']
  assert report['decoded'] == 12 and report['step'] == 3


def other_seed(folder, out):
  """The adapter file, sure of other random image weights."""
  tree, said = adapter_file.read_adapter(folder / 'adapter.safetensors')
  said['config']['seed'] = 1
  out.mkdir()
  native.write(out / 'adapter.safetensors', tree, **said)
  return said['base']['sha256'][:12]


def test_other_image_weights_are_refused_with_both_hashes(
  written, tmp_path, capsys
):
  sha256 = other_seed(written / 'adapter', tmp_path / 'other')
  assert i2v('predict', '--workdir', tmp_path / 'other', 'clip.mp4') == 1
  sentence, _ = capsys.readouterr().err.splitlines()
  assert f'sha256 {sha256}, found ' in sentence and '--weights' in sentence
  with pytest.raises(FileNotFoundError, match='No weights at'):
    trained.load(written / 'adapter', weights='no/such/folder')


def test_image_weights_that_moved_are_found_by_their_hash(
  model, written, tmp_path
):
  moved = tmp_path / 'vit.safetensors'
  native.write(moved, trained.load(written / 'full').params['backbone'])
  with pytest.raises(FileNotFoundError):
    trained.load(written / 'adapter', weights=str(tmp_path / 'gone'))
  found = trained.load(written / 'adapter', weights=str(moved))
  assert params_lib.sha256(found.params) == params_lib.sha256(model.params)
  assert facts.collect_facts(found)['base']['weights'] == 'vit.safetensors'


def test_the_commands_take_an_adapter_file(
  written, digits, clip, tmp_path, capsys
):
  file = tmp_path / 'shared.safetensors'
  shutil.copy(written / 'adapter' / 'adapter.safetensors', file)
  assert i2v('predict', '--workdir', file, clip) == 0
  assert i2v('eval', '--workdir', file) == 1
  assert 'give --root' in capsys.readouterr().err
  assert i2v('eval', '--workdir', file, '--root', digits) == 0
  assert '12 of 12 videos' in capsys.readouterr().out
  assert (tmp_path / 'eval' / 'report.json').is_file()
  for name, again in (('merged', 'model'), ('adapter', 'adapter')):
    out = tmp_path / name
    command = ('export', '--workdir', file, '--out', out, '--format', name)
    assert i2v(*command) == 0
    found = load_file(out / f'{again}.safetensors')
    for path, x in load_file(written / name / f'{again}.safetensors').items():
      np.testing.assert_array_equal(found[path], x)


def test_an_export_has_no_adapter_file(written, tmp_path, capsys):
  for name in ('merged', 'full'):
    command = ('export', '--workdir', written / name, '--out', tmp_path / 'x')
    assert i2v(*command, '--format', 'adapter') == 1
    assert 'from the workdir of the run' in capsys.readouterr().err
  assert i2v(*command, '--format', 'full') == 0
  merged = trained.load(written / 'merged')
  with pytest.raises(ValueError, match='is merged already'):
    export_full(merged, tmp_path / 'y')
  assert not (tmp_path / 'y').exists()


def test_a_fully_trained_model_has_no_adapter_file(smoke_config, tmp_path):
  config = smoke_config('finetune_folder', 'method=full,smoke')
  loop.train_and_evaluate(config, tmp_path / 'run')
  model = trained.load(tmp_path / 'run')
  with pytest.raises(ValueError, match='use --format full'):
    export_adapter(model, tmp_path / 'out')
  assert not (tmp_path / 'out').exists()
  assert 'sha256' not in facts.collect_facts(model)['base']


def test_an_adapter_file_of_two_paths(smoke_runs, tmp_path, clip):
  model = trained.load(smoke_runs('dualpath_k400')[0])
  export_adapter(model, tmp_path / 'out')
  arrays = load_file(tmp_path / 'out' / 'adapter.safetensors')
  assert {'backbone/cls', 'backbone/pos'} == {
    path for path in arrays if path.startswith('backbone')
  }
  found = trained.load(tmp_path / 'out').probabilities(clip)
  assert (found == model.probabilities(clip)).all()


def test_formats_do_not_share_a_folder(model, written, tmp_path):
  shutil.copytree(written / 'merged', tmp_path / 'merged')
  with pytest.raises(ValueError, match='choose another --out'):
    export_adapter(model, tmp_path / 'merged')
  (tmp_path / 'merged' / 'facts.json').unlink()
  with pytest.raises(ValueError, match='choose another --out'):
    export_full(model, tmp_path / 'merged')
  with pytest.raises(ValueError, match='choose another --out'):
    export_merged(model, written / 'adapter')
  with pytest.raises(ValueError, match='is not a folder; choose another'):
    export_merged(model, written / 'merged' / 'config.json')


def test_a_file_that_is_no_adapter_file_is_named(written, tmp_path):
  with pytest.raises(ValueError, match=r'not an adapter file.*folder'):
    trained.load(written / 'merged' / 'model.safetensors')
  (tmp_path / 'text').write_text('not weights', encoding='utf-8')
  with pytest.raises(ValueError, match='not a file of weights'):
    trained.load(tmp_path / 'text')


def edit_config(path, change):
  """Changes the config that a workdir, an export or an adapter file keeps."""
  if path.suffix == '.safetensors':
    tree, known = adapter_file.read_adapter(path)
    change(known['config'])
    native.write(path, tree, **known)
  elif (path / 'checkpoints').is_dir():
    (file,) = path.glob('checkpoints/*/metadata/metadata')
    saved = json.loads(file.read_text(encoding='utf-8'))
    change(saved['config'])
    file.write_text(json.dumps(saved), encoding='utf-8')
    checkpoint_files.seal(file.parents[1])
  else:
    file = path / 'config.json'
    change(config := json.loads(file.read_text(encoding='utf-8')))
    file.write_text(json.dumps(config), encoding='utf-8')


@pytest.mark.parametrize('kind', ['run', 'merged', 'full', 'adapter'])
def test_what_an_older_version_has_stored_is_used_as_ever(
  kind, smoke_run, written, model, clip, tmp_path, capsys
):
  source = smoke_run if kind == 'run' else written / kind
  path = shutil.copytree(source, tmp_path / kind)
  if kind == 'adapter':
    path = path / adapter_file.FILE
  edit_config(path, older.strip)
  found = trained.load(path)
  before = trained.load(source)
  assert (found.probabilities(clip) == before.probabilities(clip)).all()
  root = model.config['data']['root']
  assert i2v('eval', '--workdir', path, '--root', root) == 0
  assert '12 of 12 videos' in capsys.readouterr().out
  assert i2v('predict', '--workdir', path, clip) == 0
  assert i2v('export', '--workdir', path, '--out', tmp_path / 'out') == 0
