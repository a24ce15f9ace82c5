"""Parts of a split with some examples of each class, drawn by seed.

An example is in or out by a hash of seed and id alone, whatever reads it.
"""

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np

from i2v_jax.data.sets.split import Split
from i2v_jax.runtime.errors import UserError


def choose_shots(split: Split, shots: int, seed: int) -> Split:
  """Chooses a number of examples of each class.

  With several labels an example counts for each of its classes, so that there
  may be more of some.

  Raises:
    UserError: a class has fewer, or the split has key frames.
  """
  members = group_by_class(split)
  few = [
    f'{name} ({len(mine)})'
    for name, mine in zip(split.class_names, members, strict=True)
    if len(mine) < shots
  ]
  if few:
    shown = ', '.join(few[:3]) + ', ...' * (len(few) > 3)
    raise UserError(
      f'data.shots={shots} is more than the examples of {len(few)} of '
      f'{len(members)} classes: {shown}; set it lower, or label more'
    )
  return _choose(split, seed, lambda count: shots)


def choose_share(split: Split, share: float, seed: int) -> Split:
  """Chooses a share of the examples of each class, at least one.

  Raises:
    UserError: the split has key frames.
  """
  return _choose(split, seed, lambda count: max(1, round(share * count)))


def group_by_class(split: Split) -> list[np.ndarray]:
  """Groups the numbers of examples by class: int64 [n] for each.

  With several labels an example is in several groups.

  Raises:
    UserError: the split has key frames.
  """
  if split.key_frames is not None:
    raise UserError(
      'data.shots, data.share and data.balanced need labels of examples, and '
      'do not go with boxes: leave them out'
    )
  classes = range(len(split.class_names))
  if split.targets is not None:
    return [np.flatnonzero(split.targets[:, label]) for label in classes]
  return [np.flatnonzero(split.labels == label) for label in classes]


def _choose(split: Split, seed: int, count: Callable[[int], int]) -> Split:
  key = lambda n: hashlib.sha256(
    f'{seed}/{split.ids[n]}'.encode(errors='surrogateescape')
  ).digest()
  chosen = set()
  for mine in group_by_class(split):
    in_order = sorted(mine.tolist(), key=key)
    chosen.update(in_order[: count(len(mine))])
  note = (
    f'chosen by seed {seed}: {len(chosen):,} of {len(split):,} {split.unit}'
  )
  found = split.choose(sorted(chosen))
  return dataclasses.replace(found, notes=(*split.notes, note))
