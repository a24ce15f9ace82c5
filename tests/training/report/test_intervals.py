"""Wilson's interval of a share."""

import pytest

from i2v_jax.training.report import intervals


@pytest.mark.parametrize(
  ('hits', 'count', 'low', 'high'),
  [
    (395, 400, 0.971076, 0.994649),
    (5, 10, 0.236593, 0.763407),
    (0, 20, 0.0, 0.161125),
    (20, 20, 0.838875, 1.0),
  ],
)
def test_known_intervals(hits, count, low, high):
  found = intervals.make_share(hits, count)
  assert found.low == pytest.approx(low, abs=1e-5)
  assert found.high == pytest.approx(high, abs=1e-5)
  assert found.low <= found.value <= found.high


def test_a_share_keeps_its_digits():
  value = 0.9875000000000001
  assert intervals.bound(value, 400).value == value
  assert intervals.bound(value, 400).count == 400
