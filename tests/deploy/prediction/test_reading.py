"""How many threads or processes read videos."""

import pytest

from i2v_jax.deploy.prediction.reading import change_parallelism


@pytest.mark.parametrize(
  ('given', 'wanted'),
  [
    ((None, None), (3, 8)),
    ((4, None), (4, 0)),  # threads beside workers would be idle
    ((None, 2), (3, 2)),
    ((4, 2), (4, 2)),
  ],
)
def test_threads_alone_replace_workers(given, wanted):
  found = change_parallelism({'threads': 3, 'workers': 8}, *given)
  assert (found.threads, found.workers) == wanted
