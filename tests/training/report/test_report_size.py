"""The page of hundreds of classes and thousands of examples stays small."""

import pytest
from reported import make_run

from i2v_jax.training import report


@pytest.mark.slow
def test_400_classes_of_20_000_examples_stay_below_3_mb(tmp_path):
  names = [f'a class with quite a long name, number {n}' for n in range(400)]
  make_run(tmp_path / 'run', names, examples=20_000)
  path = report.write_report(tmp_path / 'run')
  text = path.read_text(encoding='utf-8')
  assert path.stat().st_size < 3e6
  assert all(text.count(name) for name in names)
