"""Every key of a config refuses invalid values, in one sentence."""

import copy
import math

import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from configs import common, miniature
from i2v_jax import adapters, weights
from i2v_jax.adapters import operators
from i2v_jax.backbones import image_model
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.training import config_ranges, experiment

WRONG = (math.nan, math.inf, -math.inf, -1, -1.5, 0, 0.5, 1e308, 10**400)
WRONG += (True, None, 'x', '²', [], [1], [math.nan, 1], {}, {'x': -1})
SIZES = dict(width=32, depth=2, num_heads=4, patch_size=4, image_size=16)
SIZES |= dict(family='clip', variant='', mlp_dim=64, registers=0)
SIZES |= dict(norm_eps=1e-5, class_token=True, pool='cls', pre_norm=True)
SIZES |= dict(layer_scale=False, patch_bias=False, activation='gelu')


def base():
  config = experiment.to_plain(miniature.shrink(common.base()))
  config['model'] |= dict(backbone=SIZES)
  config['optimizer'] |= dict(b1=0.9, b2=0.99, eps=1e-8)
  return config


def flat(config):
  return flatten_dict(config, sep='.', keep_empty_nodes=True)


def check(key, value, config=None):
  values = flat(copy.deepcopy(config or base()))
  values[key] = value
  return experiment.check_config(unflatten_dict(values, sep='.'))


def refused(key, value, config=None):
  """Whether a value is refused; anything but a named ValueError fails."""
  try:
    check(key, value, config)
  except ValueError as error:
    above, _, leaf = key.rpartition('.')
    assert key in str(error) or (above in str(error) and leaf in str(error))
    assert len(str(error)) < 400
    return True
  return False


@pytest.mark.parametrize('key', flat(base()))
def test_every_key_refuses_or_takes_each_value(key):
  leaf = key.removeprefix('model.backbone.')
  sizes = {'family', 'variant', *image_model.RANGES[ViTConfig]}
  assert key in config_ranges.KEYS or (leaf != key and leaf in sizes)
  assert sum(refused(key, value) for value in WRONG) >= 2


@pytest.mark.parametrize('key', ['mean_first', 'head_std', 'projection'])
def test_so_does_every_field_of_a_classifier(key):
  assert sum(refused(f'model.{key}', value) for value in WRONG) >= 7


@pytest.mark.parametrize(
  ('key', 'value'),
  [
    ('optimizer.clip_norm', -1),
    ('label_smoothing', 1.5),
    ('optimizer.lr', -1e-3),
    ('optimizer.lr', math.nan),
    ('optimizer.lr_multipliers', {'head': -1.0}),
    ('optimizer.decay_multipliers', {'head': math.nan}),
    ('optimizer.first_channels', {'head/kernel': (0, -1)}),
    ('optimizer.weight_decay', -1),
    ('optimizer.momentum', 2),
    ('eval_every', -2),
    ('data.max_bad_share', 7),
    ('epochs', math.inf),
    ('epochs', math.nan),
    ('batch_size', 8.5),
    ('model.dropout', 1.5),
    ('model.backbone.image_size', 17),
    ('clip.crop_area', (0.5, 0.1)),
    ('trainable', 'head'),
    ('seed', 2**32),
  ],
)
def test_values_that_were_taken_are_refused(key, value):
  assert refused(key, value)


SPECS = {
  'model.adapter': adapters.METHODS,
  'model.temporal_operator': operators.OPERATORS,
}
WHOLE = ('dualpath', 'evl', 'attentive_probe', 'step_probe')
NEEDED = {
  'dualpath': dict(grid=(2, 2), spatial_frames=4),
  'evl': dict(layers=1),
  'head_relocation': dict(offsets=(1,)),
}
OPTIONS = [
  (part, name, option)
  for part, known in SPECS.items()
  for name in known
  for option in known[name].options
]


@pytest.mark.parametrize(('part', 'name', 'option'), OPTIONS)
def test_every_option_of_a_method_does_so_too(part, name, option):
  config = base()
  config['model']['temporal_embedding'] = name not in WHOLE
  spec = dict(name=name) | NEEDED.get(name, {})
  config['model'] |= {part.partition('.')[2]: spec}
  if name == 'dualpath':
    config['model']['dropout'] = 0.0
  experiment.check_config(config)
  wrong = [v for v in WRONG if v is not None]  # which is the default
  refuses = lambda v: refused(f'{part}.{option}', v, config)
  assert sum(map(refuses, wrong)) >= 9


@pytest.mark.parametrize(
  ('spec', 'key'),
  [
    (dict(name='zeroi2v', offsets=(True, -1)), 'offsets'),
    (dict(name='zeroi2v', offsets=(-8, 1)), 'offsets'),
    (dict(name='zeroi2v', offsets=(1, 1, 1, 1, 1, 1, 1, 1, 1)), 'offsets'),
    (dict(name='zeroi2v', blocks=(99,)), 'blocks'),
    (dict(name='zeroi2v', rank=-0.5), 'rank'),
    (dict(name='zeroi2v', rank=64.5), 'rank'),
    (dict(name='adaptformer', dropout=1.5), 'dropout'),
    (dict(name='evl', layers=3), 'layers'),
    (dict(name='zero', rank=1), 'name'),
    (7, 'adapter'),
  ],
)
def test_what_does_not_fit_the_model_is_named(spec, key):
  config = base()
  config['model'] |= dict(adapter=spec, temporal_embedding=False, dropout=0.0)
  with pytest.raises(ValueError, match=rf'model\.adapter.*{key}|adapter is'):
    experiment.check_config(config)


@pytest.mark.parametrize('share', [2.5, 9, 1])
def test_a_share_is_whole_and_leaves_channels(share):
  spec = dict(name='channel_shift', share=share)
  assert refused('model.temporal_operator', spec)


@pytest.mark.parametrize('name', adapters.METHODS)
def test_whole_floats_are_whole_numbers(name):
  """As `--config.model.adapter.rank=64` gives them beside a rank of 0.25."""
  options = adapters.METHODS[name].options
  spec = {'name': name} | {k: 4.0 for k in ('rank', 'prompts') if k in options}
  found = adapters.resolve(spec)
  kinds = {type(v) for k, v in found.items() if k != 'name'}
  assert kinds <= {int} and bool(kinds) == (len(spec) > 1)


def test_runs_of_version_0_1_can_keep_their_weights():
  assert check('weights_which', weights.OLDER)['weights_which'] == '0.1'


def test_whole_floats_of_other_keys_become_numbers():
  found = check('batch_size', 8.0)['batch_size']
  assert (found, type(found)) == (8, int)


@pytest.mark.parametrize(
  ('key', 'good', 'bad'),
  [
    ('clip.scale_crop', (1.1, 1.4), (0.9, 1.4)),
    ('clip.scale_crop', 1.15, (1.4, 1.1)),
    ('clip.hsv_jitter', (10, 26, 26), (10, 26)),
    ('clip.hsv_jitter', (), (10, 26.5, 26)),
  ],
)
def test_ranges_of_crops_and_colours(key, good, bad):
  check(key, good)
  assert refused(key, bad)


def test_keys_of_boxes_reach_the_clips():
  config = base()
  config['model']['detection'] = dict(boxes=5)
  config['clip'] |= dict(
    sampling='key_frame',
    scale_crop=[1.1, 1.4],
    box_jitter=[0.2, 0.1, 0.1, 0.05],
    box_extend=[0.1, 0.05],
  )
  spec = experiment.make_clip_spec(config_ranges.check_ranges(config))
  assert (spec.boxes, spec.pad_to) == (5, SIZES['patch_size'])
  assert spec.test_frame == 'padded' and spec.scales == (1.1, 1.4)
  assert spec.box_jitter == (0.2, 0.1, 0.1, 0.05)
  assert spec.box_extend == (0.1, 0.05)
  config['views']['frame'] = 'squashed'
  assert experiment.make_clip_spec(config).test_frame == 'squashed'
  for none in (None, {}, dict(boxes=0)):
    config['model']['detection'] = none
    with pytest.raises(ValueError, match="'key_frame' with boxes=0"):
      experiment.make_clip_spec(config)
