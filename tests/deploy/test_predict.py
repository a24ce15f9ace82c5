"""`i2v`: named actions for people's own clips, and models that travel."""

import dataclasses
import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from i2v_jax import cli
from i2v_jax.data.clips.clips import ClipSpec
from i2v_jax.deploy import export, predict, trained
from i2v_jax.deploy.export import export_merged, merge_trained
from i2v_jax.models.build import merge


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as end:
    cli.main([str(a) for a in args])
  return end.value.code


def test_predict_prints_names_and_probabilities(smoke_run, videos, capsys):
  clips = [videos / 'arm_wrestling.mp4', videos / 'flipping_pancake.mkv']
  assert i2v('predict', '--workdir', smoke_run, *clips) == 0
  text = capsys.readouterr().out
  assert text.count('moves left') == 2 and text.count('%') == 8
  assert all(clip.name in text for clip in clips)


def test_json_is_one_object_per_clip(smoke_run, videos, capsys):
  clip = videos / 'arm_wrestling.mp4'
  assert i2v('predict', '--workdir', smoke_run, '--json', clip, clip) == 0
  one, two = map(json.loads, capsys.readouterr().out.splitlines())
  assert one == two and one['file'] == str(clip)
  shares = [entry['probability'] for entry in one['top']]
  assert shares == sorted(shares, reverse=True)
  assert sum(shares) == pytest.approx(1, abs=1e-5)
  model = trained.load(smoke_run)
  assert {entry['name'] for entry in one['top']} == set(model.class_names)
  assert one['top'][0]['name'] == model.top(clip)[0][0]


def test_a_bad_clip_does_not_stop_the_others(smoke_run, videos, capsys):
  clips = [videos / 'none.mp4', videos / 'README.md', videos / 'h265.mp4']
  assert i2v('predict', '--workdir', smoke_run, '--json', *clips) == 1
  done = capsys.readouterr()
  assert json.loads(done.out)['file'] == str(clips[2])
  assert 'none.mp4' in done.err and 'README.md' in done.err


@pytest.mark.parametrize('views', ['²x1', '٣x1', '0x1', '1x2', '1x', 'x'])
def test_views_that_are_none_are_refused(views):
  with pytest.raises(ValueError, match=r'--views is|can be'):
    predict.set_views(ClipSpec(8, 32), views)


def test_a_window_sees_its_own_frames_only(smoke_run, videos):
  model = trained.load(smoke_run)
  clip = videos / 'arm_wrestling.mp4'
  (result,) = model.predict(clip, window=4.0)
  assert [(w.start, w.end) for w in result.windows] == [
    (0.0, 4.0),
    (2.0, 6.0),
    (4.0, 8.0),
    (6.0, 10.0),
  ]
  alone = model.probabilities(clip, model.spec, span=(56, 168))
  np.testing.assert_allclose(
    result.windows[1].probabilities, model.calibrate(alone), atol=1e-6
  )


def test_views_can_be_chosen(smoke_run, videos, capsys):
  model = trained.load(smoke_run)
  spec = predict.set_views(model.spec, '2x3')
  assert (spec.clips, spec.crops) == (2, 3)
  clip = videos / 'arm_wrestling.mp4'
  assert i2v('predict', '--workdir', smoke_run, '--views', '2*3', clip) == 1
  assert 'CLIPSxCROPS' in capsys.readouterr().err


def test_an_export_predicts_and_evaluates_alone(
  smoke_run, videos, digits, tmp_path, capsys
):
  workdir = tmp_path / 'run'
  shutil.copytree(smoke_run, workdir)
  out = tmp_path / 'export'
  assert i2v('export', '--workdir', workdir, '--out', out) == 0
  assert 'max |logit difference|' in capsys.readouterr().out
  shutil.rmtree(workdir)
  exported, original = trained.load(out), trained.load(smoke_run)
  assert 'adapters' not in exported.params
  assert exported.model.adapter['offsets'] == original.model.adapter['offsets']
  clip = videos / 'flipping_pancake.mkv'
  np.testing.assert_allclose(
    exported.probabilities(clip), original.probabilities(clip), atol=1e-6
  )
  assert i2v('eval', '--workdir', out) == 1
  assert 'give --root' in capsys.readouterr().err
  assert i2v('eval', '--workdir', out, '--root', digits) == 0
  assert '12 of 12 videos' in capsys.readouterr().out
  report = (out / 'eval' / 'report.json').read_text(encoding='utf-8')
  assert json.loads(report)['decoded'] == 12


@pytest.mark.parametrize(
  ('name', 'arg', 'said'),
  [
    ('dualpath_k400', 'smoke', 'dualpath cannot be merged into the'),
    ('evl_k400', 'smoke', 'evl cannot be merged into the'),
    ('finetune_folder', 'method=lora,smoke', 'lora merged, max |logit'),
    ('finetune_folder', 'method=bitfit,smoke', 'no adapter to merge'),
  ],
)
def test_other_methods_are_exported_and_predict(
  smoke_runs, digits, tmp_path, capsys, name, arg, said
):
  run, _ = smoke_runs(name, arg)
  capsys.readouterr()
  out = tmp_path / 'out'
  assert i2v('export', '--workdir', run, '--out', out) == 0
  assert said in ' '.join(capsys.readouterr().out.split())
  clip = sorted(digits.glob('val/*/*.mp4'))[0]
  before, after = (
    trained.load(folder).probabilities(clip) for folder in (run, out)
  )
  np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)
  assert i2v('predict', '--workdir', out, clip) == 0


def test_a_merge_that_changes_the_model_is_refused(
  smoke_run, tmp_path, monkeypatch
):
  model = trained.load(smoke_run)

  def broken(model, params):
    merged, params = merge(model, params)
    head = {k: v + 0.01 for k, v in params['head'].items()}
    return merged, params | {'head': head}

  monkeypatch.setattr(export, 'merge', broken)
  with pytest.raises(ValueError, match='nothing was exported'):
    export_merged(model, tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


def test_a_bfloat16_model_merges_in_float32(smoke_run):
  model = trained.load(smoke_run)
  vit = dataclasses.replace(model.model.image_model, dtype=jnp.bfloat16)
  rounded = dataclasses.replace(model, model=model.model.clone(image_model=vit))
  assert merge_trained(rounded)[2] == merge_trained(model)[2] < 1e-5


def test_an_export_does_not_overwrite_a_run(smoke_run, capsys):
  before = (smoke_run / 'config.json').read_text(encoding='utf-8')
  assert i2v('export', '--workdir', smoke_run, '--out', smoke_run) == 1
  assert 'choose another --out' in capsys.readouterr().err
  assert (smoke_run / 'config.json').read_text(encoding='utf-8') == before
  assert not (smoke_run / 'model.safetensors').exists()


def test_names_with_brackets_are_printed_as_they_are(
  smoke_run, videos, tmp_path, capsys
):
  clip = tmp_path / 'Fun [b]x [dQw4w9WgXcQ].mp4'
  shutil.copy(videos / 'h265.mp4', clip)
  assert i2v('predict', '--workdir', smoke_run, clip) == 0
  assert clip.name in capsys.readouterr().out


@pytest.mark.parametrize('command', ['predict', 'eval', 'export'])
def test_a_folder_without_a_model_is_named(command, tmp_path, capsys):
  last = {'predict': ['clip.mp4'], 'eval': [], 'export': ['--out', 'x']}
  assert i2v(command, '--workdir', tmp_path, *last[command]) == 1
  error = capsys.readouterr().err
  assert f'{tmp_path} is neither the workdir of a run' in error


def test_bench_prints_a_table(capsys, monkeypatch):
  from i2v_jax.backbones import vit_config

  monkeypatch.setitem(vit_config.SIZES, 'B', (32, 2, 4, 64))
  code = i2v('bench', '--rounds', 1)
  text = capsys.readouterr().out
  assert code == 0
  assert 'zeroi2v, merged' in text and 'GFLOP/s' in text
