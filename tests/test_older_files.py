"""Files on disk of commit 44cb18a load, and give what they gave there."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from ml_collections import ConfigDict

import i2v_jax
from i2v_jax.data.check import all_videos
from i2v_jax.data.loading import workers
from i2v_jax.data.sets import sources
from i2v_jax.deploy import trained
from i2v_jax.training import loop
from i2v_jax.training.workdir import claim, status
from i2v_jax.weights import load_image_model

OLDER = pathlib.Path(__file__).parent / 'golden' / 'from_44cb18a'
THERE = '/tmp/older_files'  # where they were written
WEIGHTS = 'image_model/model.safetensors'
EXPECTED = json.loads((OLDER / 'probabilities.json').read_text())


@pytest.fixture
def older(tmp_path, monkeypatch):
  """A copy of the files, as the working directory."""
  folder = shutil.copytree(OLDER, tmp_path / 'older')
  monkeypatch.chdir(folder)
  return folder


def check_predictions(model, data, videos):
  split = sources.load_split(data, data, 'val')
  assert list(split.ids) == list(EXPECTED[data])
  found = [model.probabilities(video) for video in videos(split)]
  np.testing.assert_allclose(found, list(EXPECTED[data].values()), atol=1e-5)


@pytest.mark.parametrize('folder', ['run', 'merged', 'full', 'adapter'])
def test_a_trained_model_predicts_what_it_did(older, folder):
  weights = WEIGHTS if folder in ('run', 'adapter') else ''
  model = trained.load(folder, weights=weights)
  assert list(model.class_names) == json.loads(
    (older / 'run/classes.json').read_text()
  )
  check_predictions(model, 'digits', lambda split: split.paths)


def test_the_frozen_weights_load(older):
  _, params, report = load_image_model(WEIGHTS)
  assert report.format == 'i2v_jax' and report.normalization == 'clip'
  assert params['blocks_1']['attn']['q']['kernel'].shape == (48, 48)


def test_shards_are_read(older):
  model = trained.load('merged')
  read = lambda split: [split.records[i] for i in range(4)]
  check_predictions(model, 'prepared', read)


def read_steps(older):
  lines = (older / 'run/metrics.jsonl').read_text().splitlines()
  return [entry for entry in map(json.loads, lines) if 'loss' in entry]


def test_training_resumes_and_takes_the_steps_that_it_took(older):
  stored = json.loads((older / 'run/config.json').read_text())
  before = read_steps(older)
  loop.train_and_evaluate(ConfigDict(claim.complete_config(stored)), 'run')
  after = read_steps(older)
  assert [entry['step'] for entry in after] == [1, 2, 3, 4]
  assert after[:2] == before[:2] and after[2] != before[2]  # trained again
  for old, new in zip(before, after, strict=True):
    for name in ('loss', 'grad_norm', 'lr', 'accuracy'):
      assert new[name] == pytest.approx(old[name], rel=1e-4)
  assert pathlib.Path('run/checkpoints/4').is_dir()


def test_the_status_of_the_run_is_shown(older):
  lines = '\n'.join(status.make_report('run'))
  assert '4/4' in lines and 'newest checkpoint: step 2' in lines


def test_the_journal_of_a_check_is_used(older, monkeypatch):
  here = list_as_checked(older)

  def refuse(*args):
    raise AssertionError('a video is decoded again')

  monkeypatch.setattr(workers, 'Pool', refuse)
  assert all_videos.run(here, 'checked')


def test_a_journal_of_another_decoder_is_begun_again(older):
  here = list_as_checked(older, decoder='PyAV 1')
  assert all_videos.run(here, 'checked')
  with open('checked/checked.jsonl') as journal:
    header, *records = map(json.loads, journal)
  assert header['decoder'] == all_videos.one_video.DECODER
  assert len(records) == 4 and all(record['ok'] for record in records)


def list_as_checked(older, decoder=''):
  """The clips, with the paths and times that the journal has for them."""
  journal = older / 'checked/checked.jsonl'
  header, *records = map(json.loads, journal.read_text().splitlines())
  header['decoder'] = decoder or all_videos.one_video.DECODER
  header['i2v_jax'] = i2v_jax.__version__
  for record in records:
    record['path'] = record['path'].replace(THERE, str(older))
    time = record['mtime_ns']
    os.utime(record['path'], ns=(time, time))
  lines = [json.dumps(line) + '\n' for line in (header, *records)]
  journal.write_text(''.join(lines))
  return all_videos.list_source('digits', 'digits', {}, ('val',))
