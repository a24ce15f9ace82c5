"""Accuracy against the length of clips."""

import dataclasses

import numpy as np
import pytest
from scored import make

from i2v_jax.training.report import lengths


def scored(seconds, right):
  p = [[0.9, 0.1, 0.0]] * len(seconds)
  labels = [0 if good else 1 for good in right]
  return dataclasses.replace(make(p, labels), seconds=np.array(seconds))


def test_groups_are_about_equal_and_count_what_is_right():
  seconds = np.arange(60.0)
  rows = lengths.group(scored(seconds, seconds < 30))
  assert [row.count for row in rows] == [10] * 6
  assert [row.value for row in rows] == pytest.approx([1, 1, 1, 0, 0, 0])
  assert rows[0].label == '0 to 9 s'
  assert all(row.low <= row.value <= row.high for row in rows)


def test_equal_lengths_stay_together():
  rows = lengths.group(scored([2.0] * 40 + [5.0] * 20, [True] * 60))
  assert [(row.label, row.count) for row in rows] == [('2 s', 40), ('5 s', 20)]


def test_nothing_is_drawn_of_one_length_or_of_none():
  assert lengths.draw(scored([2.0] * 60, [True] * 60)) == ''
  assert lengths.draw(scored([np.nan] * 60, [True] * 60)) == ''
