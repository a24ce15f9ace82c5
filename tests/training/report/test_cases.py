"""Which examples are shown."""

import numpy as np
from scored import make

from i2v_jax.training.report import cases
from i2v_jax.training.report.frames import Footage

P = [[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.4, 0.35, 0.25], [0.8, 0.1, 0.1]]


def test_mistakes_begin_with_the_surest_and_hits_with_the_least_sure():
  scores = make(P, [1, 2, 0, 0])
  assert cases.find_mistakes(scores).tolist() == [1, 0]
  assert cases.find_hits(scores).tolist() == [2, 3]


def test_what_has_no_label_is_neither():
  scores = make(P, [-1, 2, -1, 0])
  assert cases.find_mistakes(scores).tolist() == [1]
  assert cases.find_hits(scores).tolist() == [3]


def test_with_several_labels_any_of_them_is_right():
  targets = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]], bool)
  scores = make(P, targets=targets)
  assert cases.find_mistakes(scores).tolist() == [1, 3]
  case = cases.make_case(scores, 1, Footage(''))
  assert case.labels == ['b', 'c']
  assert [(name, right) for name, _, right in case.guesses] == [
    ('a', False),
    ('b', True),
    ('c', True),
  ]
  assert case.strip.problem
