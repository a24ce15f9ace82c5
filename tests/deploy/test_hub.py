"""Exports go to a hub and come back; cards say what was measured."""

import json
import pathlib
import shutil

import pytest
from huggingface_hub import errors

from i2v_jax import cli
from i2v_jax import params as params_lib
from i2v_jax.cli.trained import EXPORT_FORMATS
from i2v_jax.deploy import evaluation, hub, model_card, trained
from i2v_jax.deploy.export import export_adapter, export_merged, native
from i2v_jax.training import facts
from i2v_jax.training.evaluation import evaluate

NAME = 'someone/digits-of_2.0'


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as end:
    cli.main([str(a) for a in args])
  return end.value.code


@pytest.fixture
def remote(monkeypatch, tmp_path):
  """A folder in the hub's place: a subfolder per repository."""
  root = tmp_path / 'hub'

  class HfApi:
    def create_repo(self, name, exist_ok):
      assert exist_ok
      (root / name).mkdir(parents=True, exist_ok=True)
      return f'https://hub/{name}'

    def create_commit(self, name, files, commit_message):
      for file in files:
        content = file.path_or_fileobj
        if not isinstance(content, bytes):
          content = pathlib.Path(content).read_bytes()
        (root / name / file.path_in_repo).write_bytes(content)

    def snapshot_download(self, name, revision, local_dir, allow_patterns):
      folder = root / (f'{name}@{revision}' if revision else name)
      found = [p for glob in allow_patterns for p in folder.glob(glob)]
      local_dir.mkdir()
      for path in found:
        shutil.copy(path, local_dir)

  monkeypatch.setattr(hub, 'HfApi', HfApi)
  return root


@pytest.fixture(scope='module')
def exports(smoke_run, tmp_path_factory):
  root = tmp_path_factory.mktemp('exports')
  for name in EXPORT_FORMATS:
    out = ('--out', root / name, '--format', name)
    assert i2v('export', '--workdir', smoke_run, *out) == 0
  return root


@pytest.mark.parametrize('name', ['merged', 'full', 'adapter'])
def test_what_comes_back_is_what_went(remote, exports, tmp_path, name):
  assert i2v('push', exports / name, f'hf:{NAME}') == 0
  assert i2v('pull', f'hf:{NAME}', '--out', tmp_path / 'back') == 0
  wanted, found = trained.load(exports / name), trained.load(tmp_path / 'back')
  assert params_lib.sha256(found.params) == params_lib.sha256(wanted.params)
  assert found.config['data']['root'] == ''
  assert (
    facts.collect_facts(found)['evaluations']
    == facts.collect_facts(wanted)['evaluations']
  )
  with pytest.raises(ValueError, match='give --root'):
    evaluation.evaluate_trained(found)


FILES = {
  'clip': {'model.safetensors'},
  'stablehlo': {'model.safetensors', 'model.stablehlo'},
}


@pytest.mark.parametrize('name', FILES)
def test_files_for_others_are_all_there(remote, exports, name):
  hub.push(exports / name, f'hf:{NAME}')
  found = {path.name: path for path in (remote / NAME).iterdir()}
  both = {'README.md', 'config.json', 'facts.json'}
  assert found.keys() == FILES[name] | both
  for path in (exports / name).iterdir():
    assert found[path.name].read_bytes() == path.read_bytes()
  assert f'`{name}`' in found['README.md'].read_text(encoding='utf-8')


def test_a_revision_is_asked_for(remote, exports, tmp_path):
  shutil.copytree(exports / 'merged', remote / f'{NAME}@v1')
  hub.pull(f'hf:{NAME}@v1', tmp_path / 'back')
  assert trained.load(tmp_path / 'back').class_names
  with pytest.raises(ValueError, match='has a revision'):
    hub.push(tmp_path / 'back', f'hf:{NAME}@v1')


def test_scores_and_paths_of_the_data_stay_at_home(
  remote, exports, digits, tmp_path
):
  folder = tmp_path / 'merged'
  shutil.copytree(exports / 'merged', folder)
  model = trained.load(folder, root=str(digits))
  split, found = evaluation.evaluate_trained(model)
  evaluate.write_evaluation(found, split, folder / 'eval')
  (folder / 'other.json').write_text('{}', encoding='utf-8')
  hub.push(folder, f'hf:{NAME}')
  sent = list((remote / NAME).rglob('*'))
  assert {path.name for path in sent} == {
    'README.md',
    'classes.json',
    'config.json',
    'facts.json',
    'model.safetensors',
  }
  assert not any(str(digits).encode() in path.read_bytes() for path in sent)
  card = (remote / NAME / 'README.md').read_text(encoding='utf-8')
  assert 'exported |' in card and 'run, step' not in card


def test_the_card_says_what_is_known(exports):
  known = facts.read_facts(exports / 'adapter')
  card = model_card.make_card(NAME, known)
  (report,) = known['evaluations']
  for said in (
    '# digits-of_2.0',
    'of 4 classes',
    f'{known["trained_parameters"]:,} of {known["parameters"]:,}',
    f'{report["accuracy"]["top1"]:.2%}',
    '| 12 of 12 | 1 clips x 1 crops |',
    known['base']['sha256'],
    'zeroi2v (dropout 0.0, offsets [-1, 1])',
    'i2v pull hf:someone/digits-of_2.0',
    'minus [0.5, 0.5, 0.5]',
    '8 frames, dense\nsampling,',
  ):
    assert said in card, said
  assert 'base_model' not in card and 'merging' not in card
  known['base']['weights'] = 'hf:openai/clip-vit-base-patch16@main'
  card = model_card.make_card(NAME, known)
  assert '\nbase_model: openai/clip-vit-base-patch16\n---' in card
  merged = model_card.make_card(NAME, facts.read_facts(exports / 'merged'))
  assert 'merging changed | logits of noise by ' in merged


def test_the_card_leaves_out_what_is_not_known(exports):
  known = facts.read_facts(exports / 'merged') | {'evaluations': []}
  for key in ('base', 'trained_parameters', 'step', 'merge_max_diff', 'data'):
    del known[key]
  card = model_card.make_card(NAME, known)
  for word in ('Evaluation', 'sha256', 'trained |', 'steps', 'None', 'top-1'):
    assert word not in card


def test_a_card_of_the_users_own_is_kept(remote, exports, tmp_path):
  shutil.copytree(exports / 'adapter', tmp_path / 'own')
  (tmp_path / 'own' / 'README.md').write_text('my words', encoding='utf-8')
  hub.push(tmp_path / 'own', f'hf:{NAME}')
  assert (remote / NAME / 'README.md').read_text(encoding='utf-8') == 'my words'


def test_image_weights_that_nobody_else_has_are_not_shared(
  remote, exports, tmp_path
):
  moved = tmp_path / 'vit.safetensors'
  backbone = trained.load(exports / 'full').params['backbone']
  native.write(moved, backbone)
  model = trained.load(exports / 'adapter', weights=str(moved))
  export_adapter(model, tmp_path / 'out')
  with pytest.raises(ValueError, match=r'by a local path.*--weights hf:'):
    hub.push(tmp_path / 'out', f'hf:{NAME}')
  assert not remote.exists()
  export_merged(model, tmp_path / 'merged')
  hub.push(tmp_path / 'merged', f'hf:{NAME}')
  sent = (remote / NAME).iterdir()
  assert not any(str(tmp_path).encode() in path.read_bytes() for path in sent)


@pytest.mark.parametrize(
  'name', ['x', 'hf:x', 'hf:a/b/c', 'a/b', 'hf:a/b@', 'hf:-a/b..c']
)
def test_names_that_are_none(name, exports, tmp_path, capsys):
  for command in (
    ('push', exports / 'merged', name),
    ('pull', name, '--out', tmp_path / 'new'),
  ):
    assert i2v(*command) == 1
    assert 'write hf:ORG/NAME' in capsys.readouterr().err


def test_folders_that_do_not_fit(remote, exports, smoke_run, tmp_path):
  for folder in (tmp_path / 'none', smoke_run):
    with pytest.raises(ValueError, match='write it with i2v export'):
      hub.push(folder, f'hf:{NAME}')
  with pytest.raises(ValueError, match='is not empty; choose another --out'):
    hub.pull(f'hf:{NAME}', exports / 'merged')
  (remote / NAME).mkdir(parents=True)
  (remote / NAME / 'config.json').write_text(
    json.dumps({'model_type': 'x'}), encoding='utf-8'
  )
  with pytest.raises(ValueError, match=f'weights=hf:{NAME} instead'):
    hub.pull(f'hf:{NAME}', tmp_path / 'new')


def test_a_file_as_out_is_refused(tmp_path):
  (tmp_path / 'file').touch()
  with pytest.raises(ValueError, match='file is not a folder; choose another'):
    hub.pull(f'hf:{NAME}', tmp_path / 'file')


@pytest.mark.parametrize('key', ['weights_sha256', 'evaluations'])
def test_damaged_facts_are_refused_before_they_are_sent(remote, tmp_path, key):
  known = {'format': 'merged', 'weights_sha256': '', 'evaluations': []}
  del known[key]
  (tmp_path / 'facts.json').write_text(json.dumps(known), encoding='utf-8')
  with pytest.raises(ValueError, match=rf'facts\.json has no {key}: it is dam'):
    hub.push(tmp_path, f'hf:{NAME}')
  assert not remote.exists()


class Refusing:
  def __init__(self, error):
    self.error = error

  def __getattr__(self, name):
    raise self.error


@pytest.mark.parametrize(
  'error',
  [
    errors.HTTPError('Name or service not known'),
    errors.LocalTokenNotFoundError('no token.\nLog in first.'),
    ConnectionError('offline mode is enabled.'),
  ],
)
def test_a_hub_that_does_not_answer_is_one_sentence(
  exports, tmp_path, monkeypatch, capsys, error
):
  monkeypatch.setattr(hub, 'HfApi', lambda: Refusing(error))
  for command in (
    ('push', exports / 'merged', f'hf:{NAME}'),
    ('pull', f'hf:{NAME}', '--out', tmp_path / 'new'),
  ):
    assert i2v(*command) == 1
    sentence, hint = capsys.readouterr().err.splitlines()
    reason = str(error).splitlines()[0].rstrip('.')
    assert f'{type(error).__name__}: {reason}); check the name' in sentence
    assert 'hf auth login' in sentence and 'I2V_TRACEBACK' in hint
  assert not (tmp_path / 'new').exists()
  assert not (exports / 'merged' / 'README.md').exists()
