"""DualPath with the recipes of boxes: on AVA, and in the comparison."""

import dataclasses

import boxed
import pytest

from configs import detection_quickstart, zeroi2v_ava
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment, loop
from i2v_jax.training import run as run_lib


@pytest.mark.parametrize('arg', ['frames=16', 'frames=8,head=aligned'])
def test_the_recipe_of_boxes_wins_over_that_of_the_method(arg):
  c = zeroi2v_ava.get_config(f'method=dualpath,{arg}')
  spec = experiment.make_clip_spec(experiment.check_config(c))
  model = experiment.build_model(c, 80)
  shapes = *spec.shapes.values(), (spec.boxes, 4)
  assert shapes == model.input_shapes
  assert (spec.sampling, spec.stride) == ('key_frame', 64 // spec.num_frames)
  assert spec.randaugment == 'off' and spec.hsv_jitter == (10, 26, 26)
  assert spec.test_shape(480, 640) == (224, 224)
  assert model.projection == 512 and model.sampler == c.model.detection.head


def test_the_config_trains_and_evaluates(tmp_path):
  c = zeroi2v_ava.get_config('method=dualpath,frames=8,smoke')
  c.data.root, c.steps = str(tmp_path / 'data'), 1
  result = loop.train_and_evaluate(c, tmp_path / 'run')
  assert 0 < result.accuracy['mAP'] <= 1
  assert result.fingerprint['decoded'] == 12


def test_frames_that_cannot_be_tiled_are_named_before_training(
  tmp_path, monkeypatch
):
  c = zeroi2v_ava.get_config('method=dualpath,frames=8,smoke')
  c.data.root, c.views.frame = str(tmp_path / 'data'), 'padded'
  load = experiment.load_split
  film = boxed.write_film(tmp_path / 'film.mp4')

  def load_wide(config, name):
    found = load(config, name)
    return dataclasses.replace(found, paths=(str(film),) * len(found))

  monkeypatch.setattr(experiment, 'load_split', load_wide)
  with pytest.raises(UserError, match='96 x 128 video are 64 x 96 pixels'):
    run_lib.prepare_run(c, tmp_path / 'run')


def test_it_is_in_the_comparison():
  rows = dict(detection_quickstart.sweep())
  config = rows['DualPath, paper']
  model = experiment.build_model(experiment.check_config(config), 4)
  shapes = experiment.make_clip_spec(config).shapes.values()
  assert (*shapes, (3, 4)) == model.input_shapes
