"""Configs with boxes: the methods they take, and what they refuse."""

import importlib

import pytest
from building import check_builds

from configs import common, methods
from i2v_jax.data.sets import digit_boxes
from i2v_jax.models.inputs import param_shapes
from i2v_jax.params import count, split
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.run import prepare_run

NO_BOXES = ('evl', 'attentive_probe', 'step_probe')
READ_BOXES = [name for name in methods.METHODS if name not in NO_BOXES]


def get(name, arg=''):
  return importlib.import_module(f'configs.{name}').get_config(arg)


@pytest.mark.parametrize('method', READ_BOXES)
def test_methods_that_read_boxes_build_in_small(method):
  config = get('zeroi2v_ava', f'method={method},smoke')
  mine = check_builds(config, 80)
  assert 'head' in mine and config.model.detection.boxes == 4
  experiment.check_config(config)


@pytest.mark.parametrize(
  'arg',
  [
    '',
    'variant=L/14,frames=16',
    'method=full',
    'method=linear_probe',
    'method=dualpath,frames=16',
    'method=dualpath,variant=L/14',
    'method=dualpath,data=boxes',
  ],
)
def test_they_build_at_full_size(arg):
  config = get('zeroi2v_ava', arg)
  check_builds(config, 80)
  experiment.check_config(config)


@pytest.mark.parametrize('method', NO_BOXES)
@pytest.mark.parametrize('smoke', ['', ',smoke'])
def test_methods_that_read_complete_frames_are_refused(method, smoke):
  config = get('zeroi2v_ava', f'method={method}{smoke}')
  with pytest.raises(UserError, match='go with model') as e:
    experiment.check_config(config)
  found = str(e.value)
  assert found.startswith(f'{method} does not go with model.detection: its')
  assert 'choose a method' in found and '\n' not in found


@pytest.mark.parametrize(
  ('arg', 'reported'),
  [
    ('', 26.4),
    ('method=linear_probe', 18.3),
    ('method=aim', 0.0),
    ('frames=16', 0.0),
    ('variant=L/14', 0.0),
    ('head=aligned', 0.0),
    ('smoke', 0.0),
    ('method=linear_probe,smoke', 0.0),
  ],
)
def test_numbers_are_reported_for_what_was_published(arg, reported):
  assert get('zeroi2v_ava', arg).reported == reported


@pytest.mark.parametrize(
  ('arg', 'stride'), [('', 8), ('frames=16', 4), ('frames=32', 2)]
)
def test_clips_and_boxes_are_those_of_videomae(arg, stride):
  spec = experiment.make_clip_spec(get('zeroi2v_ava', arg))
  assert spec.num_frames * spec.stride == 64 and spec.stride == stride
  assert spec.scales == (256 / 224, 256 / 224)
  assert spec.hsv_jitter == (10, 26, 26)
  assert spec.box_jitter == (0.2, 0.1, 0.1, 0.05)
  assert spec.box_extend == (0.1, 0.05) and spec.flip == 0.5
  assert (spec.test_frame, spec.test_short_side, spec.pad_to) == (
    'padded',
    256,
    16,
  )


@pytest.mark.parametrize(
  ('arg', 'decay'),
  [('method=full', 0.75), ('method=full,variant=L/14', 0.8), ('', 1.0)],
)
def test_full_fine_tuning_has_the_layer_decay_of_videomae(arg, decay):
  config = get('zeroi2v_ava', arg)
  assert config.optimizer.layer_decay == decay
  shapes = param_shapes(experiment.build_model(config, 80))
  _, frozen = split(shapes, config.trainable)
  assert (count(frozen) == 0) == (decay < 1)


@pytest.mark.parametrize('arg', ['', 'boxes=proposals', 'smoke'])
def test_the_quickstart_of_boxes_builds(arg):
  config = get('detection_quickstart', arg)
  check_builds(config, 9)
  experiment.check_config(config)
  assert ('proposals' in config.data.options) == (arg == 'boxes=proposals')


def test_the_small_quickstart_keeps_its_proposals():
  config = get('detection_quickstart', 'boxes=proposals,smoke')
  assert config.data.options.to_dict() == {
    'proposals': 'val_proposals.csv',
    'min_score': 0.2,
  }


def test_its_comparison_has_the_methods_that_read_boxes():
  module = importlib.import_module('configs.detection_quickstart')
  found = dict(module.sweep('smoke'))
  assert len(found) > 15 and 'ZeroI2V' in found
  for name, config in found.items():
    assert config.model.detection and config.data.format == 'digit_boxes', name
    experiment.check_config(config)


@pytest.mark.parametrize(
  ('name', 'arg', 'error'),
  [
    ('zeroi2v_ava', 'method=zero', 'method is one of'),
    ('zeroi2v_ava', 'variant=S/16', r'variant \(of clip\) is one of'),
    ('zeroi2v_ava', 'proposals=x', "no argument 'proposals'"),
    ('detection_quickstart', 'boxes=detected', 'boxes is one of annotated'),
  ],
)
def test_wrong_arguments_of_detection_are_named(name, arg, error):
  with pytest.raises(common.ArgumentError, match=error):
    get(name, arg)


@pytest.fixture(scope='module')
def boxed(tmp_path_factory):
  root = tmp_path_factory.mktemp('data') / 'boxes'
  digit_boxes.generate(str(root), num_train=4, num_val=3)
  return root


def refuse(config, changes, tmp_path):
  with config.ignore_type():
    config.update_from_flattened_dict(changes)
  with pytest.raises(UserError) as error:
    prepare_run(config, tmp_path / 'run')
  assert '\n' not in str(error.value)
  assert not [*(tmp_path / 'run').glob('*')]
  return str(error.value)


@pytest.mark.parametrize(
  ('changes', 'error'),
  [
    ({'label_smoothing': 0.1}, 'label_smoothing is for the labels of'),
    ({'mixup': 0.8}, 'mixup is for the labels of complete clips'),
    ({'cutmix': 1.0}, 'cutmix is for the labels of complete clips'),
    ({'drop_patches': 0.5}, 'drop_patches: boxes are read from the map'),
    ({'cache_gb': 1.0}, 'cache_gb does not go with model.detection; set'),
    ({'clip.randaugment': 'before_crop'}, "randaugment is 'before_crop'"),
    ({'views.clips': 2}, 'clips is 2 with boxes; a key frame has one view'),
    ({'views.crops': 3}, 'crops is 3 with boxes; a key frame has one view'),
    ({'clip.sampling': 'dense'}, "sampling is 'dense' with boxes=4; boxes"),
    ({'model.detection.boxes': 0}, 'boxes is 0; it can be an integer from 1'),
    ({'model.detection.head': 'new'}, "model.detection.head is 'new'"),
    ({'model.detection.cells': 7}, 'cells'),
    (
      {'views.frame': 'squashed', 'views.short_side': 64},
      'test_short_side is 64, but squashed',
    ),
    ({'views.evaluator': 'coco'}, "views.evaluator is 'coco'"),
    ({'clip.box_jitter': (0.1,)}, 'clip.box_jitter is [0.1]; it can be a list'),
    ({'model.detection': None}, "sampling is 'key_frame' with boxes=0"),
  ],
)
def test_what_does_not_go_with_boxes_is_said(boxed, tmp_path, changes, error):
  config = get('zeroi2v_ava', 'smoke')
  config.data.root = str(boxed)
  found = refuse(config, changes, tmp_path)
  assert error in found


def test_data_without_boxes_is_refused(digits, tmp_path):
  config = get('zeroi2v_ava', 'smoke')
  changes = {'data.format': 'folder', 'data.root': str(digits)}
  found = refuse(config, changes, tmp_path)
  assert 'has labels of videos instead of key frames; set data.format' in found


def test_a_config_without_boxes_refuses_data_with_them(boxed, tmp_path):
  config = get('quickstart', 'smoke')
  changes = {'data.format': 'digit_boxes', 'data.root': str(boxed)}
  found = refuse(config, changes, tmp_path)
  assert 'The data has key frames with boxes, but the clips have none' in found
  assert "set model.detection, and clip.sampling='key_frame'" in found
