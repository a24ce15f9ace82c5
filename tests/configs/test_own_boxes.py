"""The config of AVA with `data=boxes`: a table of the user in place of AVA."""

import inspect

import pytest

from configs import common, zeroi2v_ava
from i2v_jax.data.sets import ava, boxes
from i2v_jax.training import experiment


@pytest.mark.parametrize(
  ('data', 'reader'), [('ava', ava.read_ava), ('boxes', boxes.read_boxes)]
)
def test_options_are_those_of_the_format(data, reader):
  config = zeroi2v_ava.get_config(f'data={data}')
  assert config.data.format == data
  known = {*inspect.signature(reader).parameters, 'on_missing'}
  assert {*config.data.options} <= known


def test_no_number_is_reported_for_your_boxes():
  assert zeroi2v_ava.get_config().reported == 26.4
  assert zeroi2v_ava.get_config('data=boxes').reported == 0.0


def test_clips_and_boxes_are_the_same():
  specs = [
    experiment.make_clip_spec(zeroi2v_ava.get_config(arg))
    for arg in ('data=ava', 'data=boxes')
  ]
  assert specs[0] == specs[1] and specs[0].boxes == 16


def test_an_unknown_source_is_named():
  with pytest.raises(common.ArgumentError, match='ava, boxes, not kinetics'):
    zeroi2v_ava.get_config('data=kinetics')
