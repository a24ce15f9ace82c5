"""Nearest vectors and pairs of similar ones, exactly, by blocks.

Similarities are cosines rounded to 6 decimals, so that equal ones stay equal
whatever the blocks; they are ordered by row then.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from i2v_jax.runtime.errors import UserError

Excluded = Callable[[int], np.ndarray]  # row -> rows it is not compared with
BLOCK = 2**25  # similarities in memory, 128 MB
MOST = 1_000_000  # pairs
_DECIMALS = 6


class Pair(NamedTuple):
  """Two rows and their similarity."""

  one: int
  other: int
  similarity: float


def find_nearest(
  queries: np.ndarray, vectors: np.ndarray, count: int, excluded: Excluded
) -> Iterator[list[Pair]]:
  """Finds the nearest vectors of each query, the nearest first.

  Args:
    queries: float32 [m, D], of length 1.
    vectors: float32 [n, D], of length 1.
    count: of vectors for a query; there are fewer where fewer are left.
    excluded: rows of `vectors` that are no neighbours of a query.
  """
  size = max(BLOCK // len(vectors), 1)
  for first in range(0, len(queries), size):
    block = _compare(queries[first : first + size], vectors)
    for row, similarities in enumerate(block, start=first):
      similarities[excluded(row)] = -np.inf
      yield [
        Pair(row, int(n), float(similarities[n]))
        for n in _choose_largest(similarities, count)
      ]


def _compare(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
  found = queries @ vectors.T
  return np.round(found, _DECIMALS, out=found)


def _choose_largest(values: np.ndarray, count: int) -> np.ndarray:
  """Chooses the indices of the largest finite values, in order."""
  count = min(count, len(values))
  least = np.partition(values, -count)[-count]
  rows = np.flatnonzero((values >= least) & np.isfinite(values))
  return rows[np.argsort(-values[rows], kind='stable')][:count]


def find_pairs(
  vectors: np.ndarray, least: float, excluded: Excluded
) -> list[Pair]:
  """Finds all pairs of rows that are similar enough, the most similar first.

  Args:
    vectors: float32 [n, D], of length 1.
    least: similarity that is enough.
    excluded: rows that are no pair with a row.

  Raises:
    UserError: there are more than a million.
  """
  found, size = [], max(BLOCK // len(vectors), 1)
  for first in range(0, len(vectors), size):
    block = _compare(vectors[first : first + size], vectors[first:])
    for row, similarities in enumerate(block, start=first):
      later = similarities[row - first + 1 :]
      others = np.flatnonzero(later >= least) + row + 1
      if not len(others):
        continue
      others = np.setdiff1d(others, excluded(row), assume_unique=True)
      found += [
        Pair(row, int(n), float(similarities[n - first])) for n in others
      ]
      _check_count(len(found), least)
  return sorted(found, key=lambda pair: -pair.similarity)


def _check_count(count: int, least: float) -> None:
  if count > MOST:
    raise UserError(
      f'More than {MOST:,} pairs have a similarity of {least:g} or more; give '
      'a larger one to --duplicates.'
    )
