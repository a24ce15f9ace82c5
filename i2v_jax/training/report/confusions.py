"""Which classes are taken for which: their order, and the commonest pairs."""

from typing import NamedTuple

import numpy as np

from i2v_jax.training.evaluation.metrics import count_confusions
from i2v_jax.training.report.evaluations import Scores


class Pair(NamedTuple):
  """Examples of a class that are taken for another: `count` of `examples`."""

  name: str
  other: str
  count: int
  examples: int


def count(scores: Scores) -> np.ndarray | None:
  """Counts examples by label and best class; None with several labels."""
  if scores.targets is not None:
    return None
  return count_confusions(scores.probabilities, scores.labels)


def order_classes(counts_CxC: np.ndarray) -> list[int]:
  """Orders classes so that those which are confused are neighbours.

  Groups of classes are joined pair by pair, the most often confused first (mean
  share of mistakes between their members), each way round that brings the
  closest ends together.

  Returns:
    Class numbers.
  """
  share = counts_CxC / np.maximum(counts_CxC.sum(axis=1, keepdims=True), 1)
  close = share + share.T
  groups = [[number] for number in range(len(close))]
  while len(groups) > 1:
    one, two = _find_closest(groups, close)
    joined = _join(groups[one], groups[two], close)
    groups = [g for n, g in enumerate(groups) if n not in (one, two)]
    groups.insert(one, joined)
  return groups[0]


def _find_closest(groups, close: np.ndarray) -> tuple[int, int]:
  member = np.zeros((len(groups), len(close)))
  for number, group in enumerate(groups):
    member[number, group] = 1 / len(group)
  means = member @ close @ member.T
  means[np.tril_indices(len(groups))] = -1
  return divmod(int(means.argmax()), len(groups))


def _join(one: list[int], two: list[int], close: np.ndarray) -> list[int]:
  ways = [(a, b) for a in (one, one[::-1]) for b in (two, two[::-1])]
  first, second = max(ways, key=lambda way: close[way[0][-1], way[1][0]])
  return first + second


def list_pairs(
  counts_CxC: np.ndarray, names: list[str], most: int
) -> list[Pair]:
  """Lists the pairs that are confused most often, in one direction each."""
  wrong = counts_CxC.copy()
  np.fill_diagonal(wrong, 0)
  order = np.argsort(-wrong, axis=None, kind='stable')[:most]
  totals = counts_CxC.sum(axis=1)
  rows = (divmod(int(place), len(names)) for place in order)
  return [
    Pair(names[a], names[b], int(wrong[a, b]), int(totals[a]))
    for a, b in rows
    if wrong[a, b]
  ]
