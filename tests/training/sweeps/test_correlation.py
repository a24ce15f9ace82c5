"""The rank correlation of a sweep with the numbers of a paper."""

import pytest

from i2v_jax.training.sweeps.correlation import describe_correlation


def make_rows(ours, papers):
  return [
    {'name': str(i), 'error': None, 'top1': top1, 'reported': reported}
    for i, (top1, reported) in enumerate(zip(ours, papers, strict=True))
  ]


@pytest.mark.parametrize(
  'ours, text',
  [
    ((0.1, 0.2, 0.9, 0.91), '+1.00, over 4 rows'),
    ((0.9, 0.3, 0.2, 0.1), '-1.00, over 4 rows'),
    ((0.2, 0.1, 0.3, 0.4), '+0.80, over 4 rows'),  # 1 - 6 * 2 / (4 * 15)
  ],
)
def test_it_is_that_of_ranks_not_of_numbers(ours, text):
  assert text in describe_correlation(make_rows(ours, (20.0, 60.0, 64.5, 66.0)))


def test_ties_have_their_mean_rank():
  rows = make_rows((0.1, 0.2, 0.3), (60.0, 60.0, 66.0))
  # Of the ranks 1, 2, 3 and 1.5, 1.5, 3: 1.5 over the root of 2 * 1.5.
  assert '+0.87' in describe_correlation(rows)


def test_rows_without_both_numbers_do_not_count():
  rows = make_rows((0.1, 0.2, 0.3, 0.4), (60.0, 0.0, 64.0, 66.0))
  assert 'over 3 rows' in describe_correlation(rows)
  rows[0] |= {'error': 'no memory', 'top1': None}
  assert describe_correlation(rows) == ''


def test_equal_accuracies_have_no_order():
  assert describe_correlation(make_rows((0.5,) * 3, (60.0, 61.0, 62.0))) == ''
