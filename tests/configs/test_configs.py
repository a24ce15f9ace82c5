"""Configs read like the paper's table, build at full size, and all run."""

import importlib
import json
import subprocess
import sys
import types

import pytest
from building import check_builds
from flax.traverse_util import flatten_dict
from paths import ROOT

from configs import common
from i2v_jax import params as params_lib
from i2v_jax.adapters import operators, zeroi2v
from i2v_jax.bench import compare
from i2v_jax.data.sets import digits
from i2v_jax.data.videos import decode
from i2v_jax.deploy import trained
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import experiment, features, loop
from i2v_jax.training.run import split_params

PARTS = ('common', 'comparison', 'datasets', 'heads', 'methods', 'published')
PARTS += ('graded_tables', 'miniature', 'probes', 'trained_parts')
NAMES = sorted(
  path.stem
  for path in (ROOT / 'configs').glob('*.py')
  if path.stem not in PARTS
)
# These make their data.
DEMOS = ('quickstart', 'detection_quickstart', 'footage_quickstart')
DEMOS += ('graded', 'stream_quickstart', 'stream_footage')
SWEEPS = sorted(
  f'ablations.{path.stem}' for path in (ROOT / 'configs/ablations').glob('*.py')
)
# Arguments that change what is built, beyond the defaults.
ARGUMENTS = [
  ('aim_k400', 'variant=L/14,frames=32,preset=release'),
  ('aim_k400', 'family=imagenet'),
  ('aim_k400', 'family=imagenet21k'),
  ('aim_k700', 'frames=8,preset=release'),
  ('aim_ssv2', 'variant=L/14,frames=32,preset=release'),
  ('aim_ssv2', 'family=imagenet'),
  ('aim_diving48', 'variant=L/14'),
  ('dualpath_k400', 'variant=L/14,frames=32,preset=release,quirks'),
  ('dualpath_hmdb51', 'preset=release,quirks'),
  ('st_adapter_k400', 'variant=L/14,frames=32'),
  ('evl_k400', 'variant=L/14,frames=16'),
  ('aim_k400', 'variant=Swin-B,preset=release'),
  ('aim_ssv2', 'variant=Swin-B'),
  ('dualpath_ssv2', 'variant=Swin-B'),
  ('finetune_folder', 'family=swin'),
  ('zeroi2v_ssv2', 'variant=Swin-B'),
  ('zeroi2v_ssv2', 'variant=Swin-B,method=full'),
  ('zeroi2v_ssv2', 'variant=Swin-L,bias=shared,frames=16'),
  ('zeroi2v_k400', 'family=imagenet21k'),
  ('zeroi2v_ssv2', 'family=imagenet21k'),
]


def get(name, arg=''):
  return importlib.import_module(f'configs.{name}').get_config(arg)


@pytest.mark.parametrize('name', NAMES)
def test_every_config_builds_at_full_size(name):
  check_builds(get(name))


@pytest.mark.parametrize(('name', 'arg'), ARGUMENTS)
def test_arguments_build_at_full_size(name, arg):
  check_builds(get(name, arg))


@pytest.mark.parametrize('name', SWEEPS)
def test_a_sweep_of_reported_numbers_takes_no_other_arguments(name):
  module = importlib.import_module(f'configs.{name}')
  with pytest.raises(common.ArgumentError, match="no argument 'variant'"):
    list(module.sweep('variant=L/14'))


@pytest.mark.parametrize('name', [*SWEEPS, 'quickstart', 'objects'])
def test_every_sweep_has_a_smoke_test(name):
  module = importlib.import_module(f'configs.{name}')
  variants = list(module.sweep('smoke'))
  names = [name for name, _ in module.sweep('')]
  assert names == [name for name, _ in variants]
  assert len(set(names)) == len(names) > 3
  for _, config in variants:
    assert config.data.format == 'digits' and config.steps == 3
    assert not config.reported  # on digits it would mislead
    check_builds(config)


@pytest.mark.parametrize('name', [*SWEEPS, 'quickstart', 'objects'])
def test_operators_of_a_sweep_fit_its_models_at_full_size(name):
  module = importlib.import_module(f'configs.{name}')
  for _, config in module.sweep(''):
    cfg = experiment.build_model(config, 10).image_model
    for sizes in {cfg.block(i) for i in range(cfg.num_blocks)}:
      block = types.SimpleNamespace(cfg=sizes)
      if operator := config.model.temporal_operator:
        moved = operators.make_operator(operators.resolve(operator))(block)
        assert moved.cfg is sizes  # and its channels fit, or it had raised


@pytest.mark.parametrize('name', [n for n in NAMES if n != 'quickstart'])
def test_every_config_runs_its_smoke_test(name, smoke_config, smoke_runs):
  config, (_, result) = smoke_config(name), smoke_runs(name)
  views = f'{config.views.clips} clips x {config.views.crops} crops'
  assert result.fingerprint['views'] == views
  several = result.fingerprint['unit'] == 'segments'  # and spans of background
  spans = 5 if config.data.options.get('most') == 1 else 9
  count = spans * (1 + config.data.background) if several else 12
  assert result.fingerprint['decoded'] == count


@pytest.mark.parametrize('name', ['quickstart', 'detection_quickstart'])
def test_what_a_config_compares_can_be_trained(name):
  """At full size; features are kept only where they are constant."""
  module = importlib.import_module(f'configs.{name}')
  config = experiment.to_plain(module.get_config())
  for changes in config.pop('compare').values():
    given = compare.with_overrides(config | {'compare': {}}, changes)
    given = experiment.check_config(given)
    model = experiment.build_model(given, 4)
    given, mine, _ = split_params(given, model, param_shapes(model))
    features.check(given, model, mine)


def test_quickstart_ends_with_its_table(smoke_config, tmp_path, capsys):
  compare.compare_overrides(smoke_config('quickstart'), tmp_path)
  rows = json.loads((tmp_path / 'results.json').read_text(encoding='utf-8'))
  by_method = {row['method']: row for row in rows}
  names = ['linear_probe', 'no_relocation', 'zeroi2v', 'zeroi2v_merged']
  assert list(by_method) == names
  assert all(0 <= row['top1'] <= 1 for row in rows)
  assert all(row['seconds_per_clip'] > 0 for row in rows)
  probe, linear, adapted, merged = rows
  assert merged['merge_max_diff'] < 1e-4 and merged['top1'] == adapted['top1']
  assert probe['merge_max_diff'] is None
  assert probe['tunable_params'] == 32 * 4 + 4
  assert linear['tunable_params'] == adapted['tunable_params']
  assert merged['tunable_params'] < adapted['tunable_params']
  text = capsys.readouterr().out
  assert 'max merge difference' in text and 'zeroi2v_merged' in text


@pytest.mark.parametrize('variant', ['B/16', 'L/14'])
@pytest.mark.parametrize('preset', ['paper', 'release'])
@pytest.mark.parametrize('frames', [8, 16, 32])
@pytest.mark.parametrize('dataset', ['k400', 'ssv2'])
def test_presets_by_argument(dataset, frames, preset, variant):
  name = f'{dataset}_{variant[0]}_{frames}f_{preset}'
  config = get(
    f'zeroi2v_{dataset}', f'variant={variant},frames={frames},preset={preset}'
  )
  if name not in zeroi2v.OFFSETS:  # the release has six of these twelve
    with pytest.raises(ValueError, match='was published'):
      experiment.build_model(config, 10)
    return
  model = experiment.build_model(config, 10)
  assert model.adapter['offsets'] == zeroi2v.OFFSETS[name]
  assert model.num_frames == frames
  slow = config.optimizer.lr_multipliers.get('adapters', 1.0)
  assert slow == (0.1 if name.endswith('L_' + f'{frames}f_release') else 1.0)
  erasing = (config.clip.erasing, config.clip.erasing_mode)
  if dataset == 'ssv2':
    assert erasing == (0.25, 'const') and config.label_smoothing == 0.1
    assert config.clip.flip_labels and config.clip.randaugment == 'after_crop'
  else:
    assert config.clip.stride * frames == 128
    assert erasing[0] == (0.25 if name == 'k400_L_32f_release' else 0)


@pytest.mark.parametrize('name', [n for n in NAMES if n not in DEMOS])
def test_missing_data_is_said_with_what_is_needed(name, tmp_path):
  config = get(name)
  config.data.root = str(tmp_path / 'nowhere')
  with pytest.raises(FileNotFoundError) as error:
    loop.train_and_evaluate(config, tmp_path / 'run')
  assert 'nowhere is not a folder' in str(error.value)
  assert 'This config needs' in str(error.value)


@pytest.mark.parametrize(
  ('arg', 'error'),
  [
    ('varant=B/16', "no argument 'varant'"),
    ('variant=S/16', r'variant \(of clip\) is one of'),
    ('smoke=maybe', 'true or false'),
    ('frames=eight', 'is an integer'),
    ('frames=12', 'frames is one of 8, 16, 32'),
  ],
)
def test_wrong_arguments_are_named(arg, error):
  with pytest.raises(common.ArgumentError, match=error):
    get('zeroi2v_k400', arg)


def test_an_unknown_key_is_rejected_with_a_suggestion(tmp_path):
  done = subprocess.run(
    [
      sys.executable,
      '-m',
      'i2v_jax.main',
      '--config=configs/quickstart.py:smoke',
      '--config.optimizr.lr=1',
      f'--workdir={tmp_path}',
    ],
    cwd=ROOT,
    capture_output=True,
    text=True,
  )
  assert done.returncode != 0
  assert "the config has no key 'optimizr'. Did you mean" in done.stderr
  assert '"optimizer"' in done.stderr


@pytest.mark.parametrize('method', ['zeroi2v', 'dualpath', 'full'])
@pytest.mark.parametrize(
  'family', ['imagenet', 'imagenet21k', 'dinov2', 'siglip']
)
def test_a_folder_takes_other_image_models(family, method):
  config = get('finetune_folder', f'family={family},method={method},smoke')
  check_builds(config)
  config = get('finetune_folder', f'family={family},method={method}')
  usual = 'half' if family in ('imagenet21k', 'siglip') else 'imagenet'
  assert config.data.normalization == usual
  model = experiment.build_model(config, 10)
  size = config.model.backbone.variant
  assert (model.image_model.width, model.image_model.patch_size) == (
    768,
    int(size[2:]),
  )


@pytest.mark.parametrize(
  ('method', 'tunable'),
  [('zeroi2v', 14_217_226), ('linear_probe', 7_690), ('full', 85_813_258)],
)
def test_a_folder_trains_what_the_method_says(method, tunable):
  config = get('finetune_folder', f'method={method}')
  model = experiment.build_model(config, 10)
  mine, _ = params_lib.split(param_shapes(model), config.trainable)
  assert params_lib.count(mine) == tunable
  decay = params_lib.labels(mine, dict(config.optimizer.decay_multipliers), 1.0)
  flat = flatten_dict(decay, sep='/')
  still = {p for p, m in flat.items() if m == 0}
  assert all(
    ('ln' in p) == (p in still) for p in flat if 'backbone/blocks' in p
  )


def test_options_can_be_changed_on_the_command_line(digits, tmp_path):
  done = subprocess.run(
    [
      sys.executable,
      '-m',
      'i2v_jax.main',
      '--config=configs/zeroi2v_k400.py:smoke',
      '--config.model.adapter.scale=0.25',
      '--config.model.adapter.offsets=(-1,1,2)',
      f'--config.data.root={digits}',
      f'--workdir={tmp_path}',
    ],
    cwd=ROOT,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  adapter = trained.load(tmp_path).model.adapter
  assert adapter['scale'] == 0.25 and adapter['offsets'] == (-1, 1, 2)
  assert adapter['num_adapters'] == 4  # as the preset says


def test_a_folder_of_real_clips_trains_end_to_end(
  smoke_config, videos, tmp_path
):
  root = tmp_path / 'clips'
  for name, file in (
    ('arm wrestling', 'arm_wrestling.mp4'),
    ('flipping pancake', 'flipping_pancake.mkv'),
  ):
    (root / name).mkdir(parents=True)
    frames = decode.read_frames(videos / file, range(0, 200, 2))
    frames = frames[:, : frames.shape[1] // 2 * 2]
    for i in range(5):
      part = frames[20 * i : 20 * (i + 1)]
      digits.write_video(root / name / f'part {i}.mp4', part, 14)
  config = smoke_config('finetune_folder')
  with config.unlocked():
    config.data.format, config.data.root = 'folder', str(root)
  loop.train_and_evaluate(config, tmp_path / 'run')
  model = trained.load(tmp_path / 'run')
  assert model.class_names == ('arm wrestling', 'flipping pancake')
  top = model.top(videos / 'arm_wrestling.mp4')
  assert {name for name, _ in top} == set(model.class_names)
