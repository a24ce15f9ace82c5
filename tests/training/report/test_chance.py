"""What answering without looking would reach."""

import numpy as np
from scored import make

from i2v_jax.training.report import chance
from i2v_jax.training.report.evaluations import Evaluation


def find(scores):
  return chance.find_of_evaluation(
    Evaluation('eval', {}, scores, ([], []), {}, {})
  )


def test_it_is_the_share_of_the_largest_class():
  p = np.full((5, 3), 1 / 3)
  assert find(make(p, [0, 0, 1, 2, -1])) == (0.5, False)
  assert find(make(p, [0, 1, 2, -1, -1])) == (1 / 3, True)


def test_with_several_labels_or_none_there_is_none():
  p = np.full((2, 3), 1 / 3)
  assert find(make(p, targets=np.ones((2, 3), bool))) is None
  assert find(make(p)) is None
  assert chance.find_of_evaluation(None) is None
  assert chance.measure([]) is None
