"""How well found spans agree with those listed."""

import pytest

from i2v_jax.training.report import timelines


def test_agreement_is_time_in_both_by_time_in_either():
  one = [(0, 4, 'a'), (2, 6, 'a'), (8, 10, 'b')]  # a: 0 to 6
  two = [(3, 9, 'a'), (8, 10, 'b')]
  assert timelines.measure_agreement(one, two) == pytest.approx(5 / 11)


def test_another_class_does_not_agree():
  assert timelines.measure_agreement([(0, 4, 'a')], [(0, 4, 'b')]) == 0
  assert timelines.measure_agreement([], []) == 1
