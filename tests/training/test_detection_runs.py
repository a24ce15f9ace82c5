"""A detector from AVA's files to its mAP: trained, resumed, and shipped."""

import json
import shutil
import sys

import ava_shaped
import jax
import numpy as np
import pytest
import small
from flax.traverse_util import flatten_dict
from safetensors.numpy import load_file
from test_processes import start_two

from i2v_jax import cli
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.deploy import evaluation, stablehlo, trained
from i2v_jax.deploy.export import export_adapter, export_merged
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, experiment, loop
from i2v_jax.training.evaluation import box_scores
from i2v_jax.training.evaluation.detection_tables import read_ava_csv

CONFIG = """
from configs import zeroi2v_ava


def get_config(arg=''):
  c = zeroi2v_ava.get_config('smoke')
  c.model.backbone.depth = 1
  c.data.format, c.data.root = 'ava', {root!r}
  c.data.options = dict(proposals=arg, min_score=0.3)
  c.batch_size, c.steps, c.checkpoint_every = 2, 2, 1
  return c
"""
(MOVIE,) = ava_shaped.MOVIES['val']


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  return ava_shaped.make(tmp_path_factory.mktemp('data') / 'ava')


@pytest.fixture(scope='module')
def file(root):
  """A config of the data set, whose argument are the proposals."""
  path = root.parent / 'of_ava.py'
  path.write_text(CONFIG.format(root=str(root)), encoding='utf-8')
  return path


def train(file, workdir, arg='proposals.csv'):
  return loop.train_and_evaluate(
    config_files.load_config(f'{file}:{arg}'), workdir
  )


@pytest.fixture(scope='module')
def workdir(file, tmp_path_factory):
  path = tmp_path_factory.mktemp('run') / 'run'
  train(file, path)
  return path


@pytest.fixture(scope='module')
def model(workdir):
  return trained.load(workdir)


@pytest.fixture(scope='module')
def scores(workdir):
  """Of both proposals, [2 x 80], as the run has written them."""
  return read(workdir).scores.reshape(2, 80)


def read(workdir):
  return read_ava_csv(workdir / 'eval' / 'detections.csv', range(1, 81))


def report(workdir, name='eval'):
  return json.loads((workdir / name / 'report.json').read_text('utf-8'))


def test_two_steps_train_and_every_proposal_is_scored(workdir, scores):
  found = read(workdir)
  # Those of 902 are missed, and those of 903 excluded.
  assert set(found.keys) == {(MOVIE, '0901')}
  assert found.labels.tolist() == [*range(80)] * 2
  np.testing.assert_allclose(scores[0], 0.95 / 2, atol=0.01)  # at the start
  np.testing.assert_allclose(scores[1], 0.5 / 2, atol=0.01)
  # Either action of the first is right there and missed in 902; the second
  # is right, behind the first.
  facts = report(workdir)
  assert facts['accuracy']['mAP'] == pytest.approx(0.5)
  wanted = dict(listed=1, decoded=1, boxes=2, step=2, missing=0)
  assert wanted.items() <= facts.items()
  assert facts['boxes_from'] == 'proposals.csv'
  lines = (workdir / 'metrics.jsonl').read_text('utf-8').splitlines()
  losses = [r['loss'] for r in map(json.loads, lines) if 'loss' in r]
  assert len(losses) == 2 and all(0.5 < loss < 2 for loss in losses)


def test_what_is_trained_has_moved(model):
  arrays = flatten_dict(model.params['adapters'], sep='/')
  ups = [x for path, x in arrays.items() if path.endswith('up/kernel')]
  assert ups and all(np.abs(x).max() > 0 for x in ups)  # these start at 0


def test_a_resumed_run_is_the_same(workdir, file, tmp_path, capsys):
  again = shutil.copytree(workdir, tmp_path / 'again')
  shutil.rmtree(again / 'checkpoints' / '2')
  shutil.rmtree(again / 'eval')
  train(file, again)
  assert 'resumed at step 1 of 2' in capsys.readouterr().out
  name = 'eval/detections.csv'
  assert (again / name).read_bytes() == (workdir / name).read_bytes()
  found, wanted = (trained.load(path).params for path in (again, workdir))
  jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_the_command_repeats_the_evaluation(workdir, root, tmp_path, capsys):
  moved = shutil.copytree(workdir, tmp_path / 'moved')
  shutil.rmtree(moved / 'eval')
  data = shutil.copytree(root, tmp_path / 'ava')
  with pytest.raises(SystemExit) as end:
    cli.main(['eval', '--workdir', str(moved), '--root', str(data)])
  assert not end.value.code
  said = ' '.join(capsys.readouterr().out.split())
  assert 'watch (a person) 1 50.00%' in said  # of every class
  assert 'mAP 50.00% at IoU 0.5 over 3 classes' in said
  assert 'exactly 1 of 1 key frames with boxes (0 unreadable; 2 are' in said
  found, wanted = report(moved), report(workdir)
  assert found['accuracy'] == wanted['accuracy']
  assert found['split_sha256'] == wanted['split_sha256']
  name = 'eval/detections.csv'
  assert (moved / name).read_bytes() == (workdir / name).read_bytes()


def test_boxes_of_another_file_are_evaluated(workdir, root, tmp_path, capsys):
  """One proposal in place of two, in a folder of its own."""
  moved = shutil.copytree(workdir, tmp_path / 'moved')
  data = shutil.copytree(root, tmp_path / 'ava')
  lines = (data / 'proposals.csv').read_text(encoding='utf-8').splitlines()
  first = [line for line in lines if ',0901,' in line or ',901,' in line][:1]
  (data / 'fewer.csv').write_text('\n'.join([*first, '']), encoding='utf-8')
  flags = ['--workdir', str(moved), '--root', str(data)]
  with pytest.raises(SystemExit) as end:
    cli.main(['eval', *flags, '--proposals', 'fewer.csv'])
  assert not end.value.code and '1 boxes from fewer.csv' in ' '.join(
    capsys.readouterr().out.split()
  )
  text = (moved / 'eval-fewer' / 'report.json').read_text(encoding='utf-8')
  found = json.loads(text)
  assert (found['boxes'], found['boxes_from']) == (1, 'fewer.csv')
  assert report(moved) == report(workdir)  # that of the run stays


def test_a_classifier_has_no_use_for_proposals(tmp_path):
  classifier = small.trained(None, tmp_path)
  with pytest.raises(UserError, match='leave --proposals'):
    evaluation.evaluate_trained(classifier, proposals='some.csv')


@pytest.mark.parametrize('write', [export_merged, export_adapter])
def test_an_export_scores_the_same(model, scores, root, tmp_path, write):
  write(model, tmp_path / 'out')
  found = trained.load(tmp_path / 'out', root=str(root))
  assert found.class_names == model.class_names
  _, again = evaluation.evaluate_trained(found)
  np.testing.assert_allclose(
    again.detections.scores.reshape(2, 80), scores, rtol=0, atol=1e-5
  )
  assert again.accuracy['mAP'] == pytest.approx(0.5)


def test_a_program_gives_the_scores_of_the_model(model, tmp_path):
  stablehlo.export_program(model, tmp_path / 'out')
  said = json.loads((tmp_path / 'out' / 'config.json').read_text('utf-8'))
  video, edges = said['inputs']
  assert edges == {'name': 'boxes', 'dtype': 'float32', 'shape': ['b', 'n', 4]}
  rng = np.random.default_rng(0)
  clips = rng.integers(0, 256, (3, *video['shape'][1:]), np.uint8)
  corners = np.sort(rng.uniform(0, 63, (3, 5, 2, 2)), axis=2)
  batch = {'video': clips, 'boxes': corners.reshape(3, 5, 4).astype('f4')}
  name = model.config['data']['normalization']
  wanted = box_scores.compute_box_scores(model.model, name, model.params, batch)
  data = (tmp_path / 'out' / 'model.stablehlo').read_bytes()
  weights = load_file(tmp_path / 'out' / 'model.safetensors')
  program = jax.export.deserialize(bytearray(data))
  logits = program.call(weights, batch['video'], batch['boxes'])
  assert logits.shape == (3, 5, 80)
  np.testing.assert_allclose(jax.nn.sigmoid(logits), wanted, rtol=0, atol=1e-5)


def test_hosts_share_each_shape_evenly(model, monkeypatch):
  """They compute together, so that both have as many batches of a shape."""
  split = experiment.load_split(model.config, 'train')
  loader = experiment.make_loader(model.config, split, model.spec)
  of_second = lambda self, index: (96, 64) if index > 2 else (64, 96)
  video = lambda self: np.zeros((1, 1, *self.test_shape, 3), np.uint8)
  load = lambda self, index: {'index': np.int64(index), 'video': video(self)}
  monkeypatch.setattr(Loader, 'find_test_shape', of_second)
  monkeypatch.setattr(Loader, 'load_views', load)
  hosts = [Parallelism(1, shard=i, num_shards=2) for i in range(2)]
  turns = iter([host for host in hosts for _ in range(2)])  # of two shapes each
  monkeypatch.setattr(
    experiment, 'make_parallelism', lambda config: next(turns)
  )
  # Four frames of these shapes have the pixels of six squares.
  config = dict(model.config) | dict(batch_size=6, accumulate=1)
  first, second = (
    [*box_scores._load_batches(loader, config, 2)] for _ in hosts
  )
  shapes = [batch['video'].shape for batch in first]
  assert shapes == [batch['video'].shape for batch in second]
  assert shapes == [(2, 1, 1, 64, 96, 3), (2, 1, 1, 96, 64, 3)]
  indices = [batch['index'] for batch in (*first, *second)]
  indices = np.sort(np.concatenate(indices)).tolist()
  assert indices == [PADDING] * 2 + [*range(6)]


@pytest.mark.slow
def test_two_processes_equal_one(file, tmp_path):
  """Of two key frames with annotated boxes each has one."""
  alone, pair = tmp_path / 'alone', tmp_path / 'pair'
  train(file, alone, arg='')
  argv = [sys.executable, '-m', 'i2v_jax.main', f'--config={file}']
  processes = start_two([*argv, f'--workdir={pair}'])
  (said, error), _ = [process.communicate() for process in processes]
  assert [process.returncode for process in processes] == [0, 0], error
  assert 'on 2 cpu device(s)' in said and 'exactly 2 of 2 key frames' in said
  found, wanted = read(pair), read(alone)
  assert found.keys == wanted.keys and len(found.labels) == 80 * 3
  np.testing.assert_allclose(found.scores, wanted.scores, rtol=0, atol=2e-5)
  assert report(pair)['accuracy'] == report(alone)['accuracy']
