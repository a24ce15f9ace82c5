"""Places of names beside dots, so that nothing covers anything.

A box is its left, lower, right and upper edge; a leader, the line from dots to
their label, is a few points along it.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_RADII = 9, 14, 20, 28, 36, 46, 58, 72, 88, 106, 126, 148
_TURNS = np.arange(24) / 3  # eighths of a circle
_DOT = 5  # pixels kept free around a dot
_GAP = 1.5  # pixels between labels
_STRIDE = 3  # pixels between points of a line that no label covers
_POINTS = 16  # of a leader
_STEPS = 200  # of placing a label, perhaps in place of others
_EVICTED = 60  # pixels of a leader that are better than evicting another label


class _Places(NamedTuple):
  """Where a label could be: boxes, leaders, and what a place costs."""

  boxes: np.ndarray
  leaders: np.ndarray
  costs: np.ndarray


def group_dots(
  dots: Sequence[tuple[float, float]], distance: float
) -> list[list[int]]:
  """Groups dots so near to each other that one label names them all."""
  groups: list[list[int]] = []
  for index in sorted(range(len(dots)), key=lambda i: dots[i]):
    for group in groups:
      first = np.array(dots[group[0]])
      if np.hypot(*(first - dots[index])) <= distance:
        group.append(index)
        break
    else:
      groups.append([index])
  return groups


def place_labels(
  groups: Sequence[Sequence[tuple[float, float]]],
  sizes: Sequence[tuple[float, float]],
  area: tuple[float, float],
  lines: Sequence[Sequence[tuple[float, float]]] = (),
  unnamed: Sequence[tuple[float, float]] = (),
) -> list[tuple[float, float] | None]:
  """Finds the lower left corner of each label, in pixels.

  A label without a free place evicts others, which look for another one; those
  that were evicted often cost more.

  Args:
    groups: where the dots are that each label names.
    sizes: width and height of the labels.
    area: width and height, within which labels are.
    lines: corners of each line that no label covers.
    unnamed: dots without a label, which none covers either.

  Returns:
    A corner per label; None where there is no room.
  """
  along = _follow(lines)
  known = [
    _list_places(index, groups, size, area, along, unnamed)
    for index, size in enumerate(sizes)
  ]
  chosen = _choose(known)
  for index in [*chosen] * 2:  # places may have become free
    others = {i: place for i, place in chosen.items() if i != index}
    free = ~_find_clashes(known, index, others).any(1)
    chosen[index] = int(np.argmin(np.where(free, known[index].costs, np.inf)))
  corners = {
    i: known[i].boxes[place, :2].tolist() for i, place in chosen.items()
  }
  return [
    corners.get(index) and tuple(corners[index]) for index in range(len(groups))
  ]


def _choose(known: Sequence[_Places]) -> dict[int, int]:
  """Chooses a place of each label that has one."""
  waiting = [i for i, places in enumerate(known) if len(places.costs)]
  waiting.sort(key=lambda i: len(known[i].costs))
  chosen: dict[int, int] = {}
  evicted = np.zeros(len(known))
  for _ in range(_STEPS):
    if not waiting:
      break
    index = waiting.pop(0)
    clashes = _find_clashes(known, index, chosen)
    others = [*chosen]
    fines = _EVICTED * clashes @ (1 + evicted[others])
    best = int(np.argmin(known[index].costs + fines))
    for other in itertools.compress(others, clashes[best]):
      del chosen[other]
      waiting.append(other)
      evicted[other] += 1
    chosen[index] = best
  return chosen


def _find_clashes(known, index: int, chosen: dict[int, int]) -> np.ndarray:
  """Which places clash with labels that have one: [places, others]."""
  places = known[index]
  if not chosen:
    return np.zeros((len(places.costs), 0), bool)
  boxes = np.stack([known[i].boxes[place] for i, place in chosen.items()])
  leaders = np.stack([known[i].leaders[place] for i, place in chosen.items()])
  return (
    _overlap(places.boxes, boxes)
    | _enter(places.leaders, boxes)
    | _enter(leaders, places.boxes).T
    | _meet(places.leaders, leaders)
  )


def _list_places(index: int, groups, size, area, along, unnamed) -> _Places:
  """All places of a label that are free of dots and of lines."""
  middle = np.mean(groups[index], 0)
  boxes, leaders = _surround(middle, np.array(size))
  dots = [dot for i, group in enumerate(groups) for dot in group if i != index]
  others = np.array([*map(_around, [*dots, *unnamed])]).reshape(-1, 4)
  own = np.array([*map(_around, groups[index])])
  free = (boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] <= area).all(1)
  free &= ~_overlap(boxes, np.concatenate([others, own])).any(1)
  free &= ~_enter(leaders, others).any(1)
  free &= ~_enter(along[None], boxes)[0]
  ends = leaders[:, -1]
  lengths = np.hypot(*(ends - middle).T)
  # Places aslant of the dots are not as clear as others.
  aslant = 6 * (ends != middle).all(1) + np.tile(_TURNS % 2 > 0, len(_RADII))
  return _Places(boxes[free], leaders[free], (lengths + aslant)[free])


def _follow(lines) -> np.ndarray:
  """Points along lines, no further apart than `_STRIDE`: [points, 2]."""
  found = [np.zeros((0, 2))]
  parts = [itertools.pairwise(np.array(line)) for line in lines]
  for start, end in itertools.chain(*parts):
    count = int(np.hypot(*(end - start)) / _STRIDE) + 2
    found.append(start + np.linspace(0, 1, count)[:, None] * (end - start))
  return np.concatenate(found)


def _surround(middle, size) -> tuple[np.ndarray, np.ndarray]:
  """Boxes of a label at all places around its dots, and leaders to them."""
  angles = _TURNS * np.pi / 4
  toward = np.stack([np.cos(angles), np.sin(angles)], 1)
  radii = np.array(_RADII)[:, None, None]
  # The side or corner of the label that faces the dots is at the radius.
  corners = middle + radii * toward + (np.round(toward) - 1) / 2 * size
  corners = corners.reshape(-1, 2)
  boxes = np.concatenate([corners, corners + size], 1)
  ends = np.clip(middle, boxes[:, :2], boxes[:, 2:])
  steps = np.linspace(0, 1, _POINTS)[:, None]
  return boxes, middle + steps * (ends - middle)[:, None]


def _around(dot) -> tuple[float, ...]:
  x, y = dot
  return x - _DOT, y - _DOT, x + _DOT, y + _DOT


def _overlap(boxes, others) -> np.ndarray:
  """Whether boxes overlap others: [boxes, others]."""
  one, other = boxes[:, None], others[None]
  return (
    (one[..., :2] < other[..., 2:] + _GAP)
    & (other[..., :2] < one[..., 2:] + _GAP)
  ).all(2)


def _enter(leaders, boxes) -> np.ndarray:
  """Whether leaders have points within boxes: [leaders, boxes]."""
  points = leaders[:, None]
  low, high = boxes[None, :, None, :2], boxes[None, :, None, 2:]
  return ((points > low) & (points < high)).all(3).any(2)


def _meet(leaders, others) -> np.ndarray:
  """Whether leaders cross others between their ends: [leaders, others]."""
  a, b = leaders[:, None, 0], leaders[:, None, -1]
  c, d = others[None, :, 0], others[None, :, -1]
  apart = [_turn(a, b, c) * _turn(a, b, d), _turn(c, d, a) * _turn(c, d, b)]
  return np.maximum(*apart) < 0


def _turn(start, end, point) -> np.ndarray:
  """On which side of a line a point is: -1, 0 or 1."""
  along, to = end - start, point - start
  return np.sign(along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0])
