"""A model on Swin is deployed as one on a ViT is."""

import json

import numpy as np
import pytest
import small
from test_predict import i2v
from test_stablehlo import run_elsewhere

from i2v_jax import params as params_lib
from i2v_jax.deploy import trained
from i2v_jax.models.inputs import normalize_clips


@pytest.fixture(scope='module')
def run(smoke_runs):
  """ZeroI2V on Swin with a table for each frame, as the authors' code."""
  return smoke_runs('zeroi2v_ssv2', 'variant=Swin-B,smoke')[0]


@pytest.fixture
def clip(digits):
  return min(digits.glob('val/*/*.mp4'))


@pytest.mark.parametrize('format', ['merged', 'full', 'adapter'])
def test_an_export_predicts_what_the_run_does(run, format, clip, tmp_path):
  out = tmp_path / format
  assert i2v('export', '--workdir', run, '--format', format, '--out', out) == 0
  model, found = trained.load(run), trained.load(out)
  np.testing.assert_allclose(
    found.probabilities(clip), model.probabilities(clip), rtol=0, atol=1e-5
  )
  if format == 'merged':
    assert 'adapters' not in found.params
    backbone = params_lib.count(found.params['backbone'])
    assert backbone == params_lib.count(model.params['backbone'])
    assert found.model.adapter['offsets'] == 'quarter'


def test_a_program_gives_its_logits_where_we_are_not(run, tmp_path):
  out, model = tmp_path / 'out', trained.load(run)
  command = ('export', '--workdir', run, '--format', 'stablehlo', '--out', out)
  assert i2v(*command) == 0
  rng, wanted = np.random.default_rng(0), {}
  for batch in (1, 3):
    (shape,) = model.model.input_shapes
    clips = rng.integers(0, 256, (batch, *shape), dtype=np.uint8)
    np.savez(out / f'clips{batch}.npz', video=clips)
    pixels = normalize_clips({'video': clips}, 'imagenet')
    wanted[batch] = small.apply(model.model, model.params, *pixels)
  run_elsewhere(out)
  for batch, logits in wanted.items():
    found = np.load(out / f'logits{batch}.npy')
    np.testing.assert_allclose(found, logits, rtol=0, atol=1e-5)


def test_predict_and_eval(run, clip, digits, capsys):
  assert i2v('predict', '--workdir', run, '--json', clip) == 0
  found = json.loads(capsys.readouterr().out)
  shares = [x['probability'] for x in found['top']]
  assert sum(shares) == pytest.approx(1, abs=2.1e-6)  # four, of 6 digits each
  assert i2v('eval', '--workdir', run) == 0
  assert 'counted exactly 12 of 12 videos' in capsys.readouterr().out


def test_formats_of_other_models_are_refused(run, tmp_path, capsys):
  command = ('export', '--workdir', run, '--format', 'clip', '--out')
  assert i2v(*command, tmp_path / 'out') != 0
  assert 'not built as CLIP; use --format merged' in capsys.readouterr().err
