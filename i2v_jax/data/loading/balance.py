"""An order in which every class is drawn equally often.

It is arithmetic on the number of a turn, as the plain order is: a run resumes
anywhere, and hosts need not talk.
"""

from collections.abc import Callable

import grain
import numpy as np

from i2v_jax.data.sets.sources import Split
from i2v_jax.data.sets.subsets import group_by_class

_SEEDS = 2**32


def make_balanced_order(
  split: Split, seed: int
) -> Callable[[int], tuple[int, int]]:
  """Makes the map from a turn to an example and its number of earlier turns.

  Turns go through the classes in cycles, each shuffled, and within a class
  through its examples in the same way. Examples without any label count as a
  class, and those with several belong to each of theirs.

  Raises:
    UserError: the split has key frames.
  """
  groups = list_groups(split)
  classes = _shuffle(len(groups), seed)
  orders = [
    _shuffle(len(group), (seed + number) % _SEEDS)
    for number, group in enumerate(groups, start=1)
  ]

  def turn_at(turn: int) -> tuple[int, int]:
    group, place = classes[turn], turn // len(groups)
    index = groups[group][orders[group][place]]
    return int(index), place // len(groups[group])

  return turn_at


def list_groups(split: Split) -> list[np.ndarray]:
  """Lists the examples of each class that has any, and those without a label.

  Returns:
    int64 [n] for each of them.
  """
  groups = group_by_class(split)
  if split.targets is not None:
    groups.append(np.flatnonzero(~split.targets.any(1)))
  return [group for group in groups if len(group)]


def _shuffle(count: int, seed: int):
  return grain.MapDataset.range(count).shuffle(seed=seed).repeat()
