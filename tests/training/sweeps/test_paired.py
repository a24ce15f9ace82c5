"""Differences to a baseline: paired by seed and example, with an interval."""

import numpy as np
import pytest

from i2v_jax.runtime.errors import UserError
from i2v_jax.training.sweeps import paired, sweep


def make_right(rng, share, shape=(5, 400)):
  return rng.random(shape) < share


def test_equal_methods_differ_by_nothing_exactly():
  right = make_right(np.random.default_rng(0), 0.6)
  assert paired.compare_pairs(right, right) == (0, 0, 0)


def test_what_is_hard_for_both_cancels():
  rng = np.random.default_rng(0)
  other = make_right(rng, 0.5)
  better = other | make_right(rng, 0.1)  # the same, and some more
  alone = make_right(rng, better.mean())
  found, unpaired = (
    paired.compare_pairs(right, other) for right in (better, alone)
  )
  assert found.mean == pytest.approx(better.mean() - other.mean())
  assert 0 < found.low < found.mean < found.high
  width = found.high - found.low
  assert width < 0.7 * (unpaired.high - unpaired.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
  rng, covered = np.random.default_rng(1), 0
  for _ in range(40):
    a, b = make_right(rng, 0.7, (8, 200)), make_right(rng, 0.6, (8, 200))
    found = paired.compare_pairs(a, b)
    covered += found.low <= 0.1 <= found.high
  assert 33 <= covered <= 40


def test_seeds_that_disagree_widen_it():
  other = np.zeros((4, 300), bool)
  steady, shaky = other.copy(), other.copy()
  steady[:, :150] = True
  shaky[:2] = True  # two seeds learn it, two do not
  widths = [
    found.high - found.low
    for found in (paired.compare_pairs(x, other) for x in (steady, shaky))
  ]
  assert widths[1] > 4 * widths[0]


def write_run(workdir, name, right, **more):
  folder = workdir / name / 'eval'
  folder.mkdir(parents=True)
  labels = np.zeros(len(right), int)
  scores = np.where(np.array(right)[:, None], [0.9, 0.1], [0.1, 0.9])
  np.savez(folder / 'scores.npz', scores=scores, labels=labels, **more)
  return {'name': name, 'error': None, 'top1': float(np.mean(right))}


def test_rows_get_their_difference(tmp_path):
  rows = [
    write_run(tmp_path, 'probe', [1, 0, 0, 0]),
    write_run(tmp_path, 'AIM', [1, 1, 1, 0]),
    {'name': 'lost', 'error': 'no memory'},
  ]
  probe, aim, lost = paired.add_differences(rows, tmp_path, 'probe')
  assert probe == rows[0] and lost == rows[2]
  assert aim['difference'] == 0.5
  assert sweep.format_difference(aim).startswith('+50.0 (')
  assert sweep.format_difference(lost) == '-'


def test_what_cannot_be_paired_is_refused(tmp_path):
  rows = [
    write_run(tmp_path, 'probe', [1, 0]),
    write_run(tmp_path, 'longer', [1, 0, 1]),
  ]
  with pytest.raises(UserError, match='longer was evaluated on other examples'):
    paired.add_differences(rows, tmp_path, 'probe')
  labels = [write_run(tmp_path, 'multi', [1, 0], targets=np.ones((2, 2)))]
  with pytest.raises(UserError, match='examples of one label'):
    paired.add_differences(labels, tmp_path, 'multi')
  with pytest.raises(UserError, match="no variant 'prob' to compare with"):
    paired.check_baseline(['probe', 'AIM'], 'prob')
