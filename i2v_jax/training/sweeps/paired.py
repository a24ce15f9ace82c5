"""Differences of the rows of a sweep to one of them, with intervals.

Rows are compared seed by seed on the same examples, so that what is hard for
both cancels. Interval: a bootstrap over seeds and examples (our design).
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.runtime.errors import UserError, suggest
from i2v_jax.training.sweeps.folders import name_folder

DRAWS = 4000
LEVEL = 0.95


class Difference(NamedTuple):
  """A difference of top-1 in -1..1, and its 95 % interval."""

  mean: float
  low: float
  high: float


def compare_pairs(right_SxN: np.ndarray, other_SxN: np.ndarray) -> Difference:
  """Compares two methods by what they get right.

  Args:
    right_SxN: bool, whether each of S seeds gets each of N examples right.
    other_SxN: the same of the method compared with.

  Returns:
    How much larger the first mean is. With one seed the interval is of its
    examples alone, and knows nothing of other seeds.
  """
  gain_SxN = right_SxN.astype(np.float64) - other_SxN
  seeds, count = gain_SxN.shape
  rng = np.random.default_rng(0)
  drawn_DxN = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
  mean_DxS = drawn_DxN @ gain_SxN.T / count
  chosen_DxS = rng.integers(seeds, size=(DRAWS, seeds))
  means_D = np.take_along_axis(mean_DxS, chosen_DxS, axis=1).mean(axis=1)
  tail = (1 - LEVEL) / 2
  low, high = np.quantile(means_D, (tail, 1 - tail))
  return Difference(float(gain_SxN.mean()), float(low), float(high))


def check_baseline(names: Sequence[str], baseline: str) -> None:
  """Raises UserError if a sweep has no variant of that name."""
  if baseline not in names:
    near = suggest(baseline, names) or '.'
    raise UserError(
      f'The sweep has no variant {baseline!r} to compare with; it has '
      f'{", ".join(names)}{near}'
    )


def add_differences(
  rows: Sequence[dict[str, Any]], workdir, baseline: str
) -> list[dict[str, Any]]:
  """Adds to each row its difference to that of the name `baseline`.

  Args:
    rows: of `sweep.train_all`, finished or failed.
    workdir: of the sweep, whose runs have left `eval/scores.npz`.
    baseline: name of a row.

  Returns:
    The rows with `difference`, `difference_low` and `difference_high` in -1..1
    where both have finished.

  Raises:
    UserError: examples have any number of labels.
  """
  named = {row['name']: row for row in rows}
  if named[baseline].get('error'):
    return list(rows)
  other = _read_right(named[baseline], workdir)
  return [
    row
    if row.get('error') or row['name'] == baseline
    else row | _describe(compare_pairs(*_match(row, workdir, other)))
    for row in rows
  ]


def _match(row, workdir, other_SxN) -> tuple[np.ndarray, np.ndarray]:
  right_SxN = _read_right(row, workdir)
  if right_SxN.shape != other_SxN.shape:
    raise UserError(
      f'{row["name"]} was evaluated on other examples or seeds than the '
      'baseline, so that there are no pairs; leave --baseline out.'
    )
  return right_SxN, other_SxN


def _describe(found: Difference) -> dict[str, float]:
  mean, low, high = found
  return {
    'difference': mean,
    'difference_low': low,
    'difference_high': high,
  }


def _read_right(row: Mapping[str, Any], workdir) -> np.ndarray:
  """Reads which examples each seed of a row gets right, [seeds, examples]."""
  found = []
  for each in row.get('seeds', [row]):
    folder = pathlib.Path(workdir, name_folder(each['name']))
    with np.load(folder / 'eval' / 'scores.npz') as file:
      if 'targets' in file:
        raise UserError(
          '--baseline compares examples of one label; leave it out where they '
          'have several.'
        )
      scores, labels = file['scores'], file['labels']
    # What could not be read is wrong, whatever the method.
    read = np.isfinite(scores).all(axis=1)
    found.append(read & (np.nan_to_num(scores).argmax(axis=1) == labels))
  return np.array(found)
