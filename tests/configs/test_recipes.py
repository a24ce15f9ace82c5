"""Recipes are the tables of the papers and their releases."""

import importlib

import pytest

from configs import methods
from i2v_jax import params as params_lib
from i2v_jax.models.inputs import param_shapes
from i2v_jax.training import experiment, optimizer


def get(name, arg=''):
  return importlib.import_module(f'configs.{name}').get_config(arg)


@pytest.mark.parametrize(
  ('variant', 'preset', 'num_adapters', 'rate'),
  [
    ('B/16', 'paper', 4, 1.0),
    ('B/16', 'release', 4, 1.0),
    ('L/14', 'paper', 4, 0.1),
    ('L/14', 'release', 3, 0.1),
  ],
)
def test_aim_on_ssv2_is_the_table_of_its_configurations(
  variant, preset, num_adapters, rate
):
  config = get('aim_ssv2', f'variant={variant},preset={preset}')
  adapter = config.model.adapter
  assert (adapter.num_adapters, adapter.scale) == (num_adapters, 1.0)
  axis = 'release' if preset == 'release' else 'sample'
  assert (adapter.drop_path, adapter.drop_path_axis) == (0.2, axis)
  rates = config.optimizer.lr_multipliers
  assert rates.get('adapters', 1.0) == rates.get('backbone', 1.0) == rate
  assert 'head' not in rates
  decays = config.optimizer.decay_multipliers
  assert decays.get('backbone/ln_post', 1.0) == (0 if rate == 1.0 else 1.0)
  assert decays.get('temporal_embedding', 1.0) == 1.0  # unlike ZeroI2V's
  assert config.clip.flip == 0 and config.clip.erasing == 0.25
  assert (config.label_smoothing, config.views.crops) == (0.1, 3)


@pytest.mark.parametrize(
  ('name', 'arg', 'frames', 'stride', 'views', 'lighting'),
  [
    ('aim_k400', 'frames=32', 32, 4, (3, 1), 0.0),
    ('aim_k400', 'variant=L/14,frames=32', 32, 4, (3, 1), 0.1),
    ('aim_k700', 'frames=8,preset=release', 8, 16, (3, 3), 0.0),
    ('aim_k700', 'variant=L/14', 32, 4, (3, 3), 0.0),
    ('aim_diving48', '', 32, None, (1, 1), 0.0),
    ('aim_diving48', 'preset=release', 32, None, (1, 3), 0.0),
    ('evl_k400', '', 8, 16, (3, 1), 0.0),
    ('evl_k400', 'frames=32', 32, 8, (1, 3), 0.0),
  ],
)
def test_clips_and_views_are_those_of_the_tables(
  name, arg, frames, stride, views, lighting
):
  spec = experiment.make_clip_spec(get(name, arg))
  assert (spec.num_frames, (spec.clips, spec.crops)) == (frames, views)
  assert spec.lighting == lighting
  if stride:
    assert (spec.sampling, spec.stride) == ('dense', stride)
  else:
    assert spec.sampling == 'uniform'
  rule = 'mmaction0' if name.startswith('aim') else 'mmaction1'
  assert spec.test_sampling == rule


@pytest.mark.parametrize(
  ('name', 'lr', 'erasing', 'flip', 'views'),
  [
    ('dualpath_ssv2', 3.5e-4 * 88 / 256, 0.1, 0.0, (1, 3)),
    ('dualpath_hmdb51', 3.5e-4 * 96 / 256, 0.5, 0.5, (3, 1)),
    ('dualpath_hmdb51:quirks', 1.125e-2, 0.5, 0.5, (3, 1)),
    ('dualpath_diving48', 3.5e-4, 0.1, 0.5, (3, 1)),
    ('dualpath_k400', 3.5e-4 * 88 / 256, 0.0, 0.5, (3, 1)),
  ],
)
def test_dualpath_is_the_table_of_its_commands(name, lr, erasing, flip, views):
  name, _, arg = name.partition(':')
  config = get(name, arg)
  spec = experiment.make_clip_spec(config)
  assert config.optimizer.lr == pytest.approx(lr, rel=1e-12)
  assert (spec.erasing, spec.flip) == (erasing, flip)
  assert (spec.clips, spec.crops) == views
  assert (spec.grid, spec.spatial_frames) == ((4, 4), 8)
  assert (spec.sampling, spec.stride) == ('random_stride', 4)
  assert spec.release_quirks == (arg == 'quirks')
  normalization = 'imagenet' if arg else 'clip'
  assert config.data.normalization == normalization


ADAPTED = {  # Table 3: parameters of the adapters, or of the heads in time
  'temporal heads only': 4_718_592,
  'ST-Adapter 192, QKVO12': 14_238_720,
  'ST-Adapter 384, QKV1': 14_220_288,
  'LoRA 192, QV': 7_077_888,
  'LoRA 192, QKVO': 14_155_776,
  'LoRA 192, QV12': 24_772_608,
  'LoRA 128, QV12': 16_515_072,
  'LoRA 192, QKVO12': 31_850_496,
  'LoRA 128, QKVO12': 21_233_664,
  'GELU adapters 96, QKVO12': 7_119_360,
  'GELU adapters 192, QKV1': 7_100_928,
  'GELU adapters 192, QKVO1': 10_651_392,
  'GELU adapters 192, QKVO12': 14_201_856,
  'linear adapters 96, QKVO12': 7_119_360,
  'linear adapters 192, QKV1': 7_100_928,
  'linear adapters 192, QKVO1': 10_651_392,
  'linear adapters 192, QKVO12': 14_201_856,
  'six linear adapters 192': 21_302_784,
  'six linear adapters 128': 14_220_288,
}


def test_table_3_trains_as_many_parameters_as_its_rows_say():
  module = importlib.import_module('configs.ablations.strategies_ssv2')
  found = {}
  for name, config in module.sweep(''):
    shapes = param_shapes(experiment.build_model(config, 174))
    mine, _ = params_lib.split(shapes, config.trainable)
    channels = dict(config.optimizer.first_channels)
    count = optimizer.count_trained(mine, channels)
    rest = {
      k: v for k, v in mine.items() if k in ('head', 'temporal_embedding')
    }
    found[name] = count - params_lib.count(rest) - 2 * 768  # the final norm
    assert config.model.temporal_operator.to_dict() == methods.STDHA
  assert ADAPTED.items() <= found.items()
  assert set(found) - set(ADAPTED) == {'full fine-tuning', 'linear probe'}


@pytest.mark.parametrize(
  ('name', 'lr', 'epochs', 'batch', 'decay'),
  [
    ('st_adapter_k400', 7.5e-4, 12, 192, 0.01),
    ('st_adapter_ssv2', 1e-3, 50, 256, 0.01),
    ('evl_k400', 4e-4, None, 256, 0.05),
    ('aim_k400', 3e-4, 30, 64, 0.05),
    ('aim_ssv2', 3e-4, 50, 64, 0.05),
    ('zeroi2v_ssv2', 3e-4, 50, 64, 0.05),
  ],
)
def test_rates_are_those_of_the_recipes(name, lr, epochs, batch, decay):
  config = get(name)
  assert config.optimizer.lr == pytest.approx(lr, rel=1e-12)
  assert (config.batch_size, config.optimizer.weight_decay) == (batch, decay)
  if epochs:
    assert (config.epochs, config.steps) == (epochs, 0)
  else:
    assert config.steps == 50_000


def test_scales_do_not_decay_to_zero():
  config = get('finetune_folder', 'method=ssf')
  assert config.optimizer.decay_multipliers.adapters == 0.0
