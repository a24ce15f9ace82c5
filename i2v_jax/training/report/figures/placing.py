"""Places of names beside dots, so that nothing covers anything."""

import itertools
from collections.abc import Sequence

import numpy as np

_RADII = 9, 14, 22, 32, 44, 58, 74, 92, 112, 134, 158, 184
_TURNS = (0, 4, 2, 6, 1, 3, 5, 7, 0.5, 3.5, 1.5, 2.5, 1.75, 2.25, 4.5, 7.5)
_ANGLES = [eighths * np.pi / 4 for eighths in _TURNS]
_DOT = 5  # pixels kept free around a dot
_ROUNDS = 8  # of placing, in another order


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
  first: Sequence[bool],
  line: Sequence[tuple[float, float]] = (),
) -> list[tuple[float, float] | None]:
  """Finds the lower left corner of each label, in pixels.

  Args:
    groups: where the dots are that each label names.
    sizes: width and height of the labels.
    area: width and height, within which labels are.
    first: whose places are found before those of the others.
    line: corners of a line that no label covers.

  Returns:
    A corner per label, as near as is free; None where there is no room.
  """
  drawn = [_divide(*ends) for ends in itertools.pairwise(np.array(line))]
  order = sorted(
    range(len(groups)), key=lambda i: (not first[i], -len(groups[i]))
  )
  best: list = [None] * len(groups)
  for _ in range(_ROUNDS):
    found = _place_in_order(order, groups, np.array(sizes), area, drawn)
    if found.count(None) < best.count(None):
      best = found
    if None not in found:
      break
    # Those that found no room choose before the others.
    order.sort(key=lambda i: found[i] is not None)
  return best


def _place_in_order(order, groups, sizes, area, drawn) -> list:
  dots = [_around(dot) for group in groups for dot in group]
  owners = [i for i, group in enumerate(groups) for _ in group]
  placed, leaders, found = [], list(drawn), [None] * len(groups)
  for index in order:
    middle = np.mean(groups[index], 0)
    others = np.array(dots + placed)
    # A leader starts in the boxes of its own dots.
    own = np.array([owner == index for owner in owners] + [False] * len(placed))
    for corner in _candidates(middle, sizes[index]):
      box = np.r_[corner, corner + sizes[index]]
      if not _inside(box, area) or _overlap(box, others, 1.5):
        continue
      leader = _divide(middle, np.clip(middle, box[:2], box[2:]))
      if not _cross(leader, others[~own]) and not any(
        _cross(each, box[None]) for each in leaders
      ):
        found[index] = float(corner[0]), float(corner[1])
        placed.append(box)
        leaders.append(leader)
        break
  return found


def _around(dot) -> np.ndarray:
  return np.array([*(np.array(dot) - _DOT), *(np.array(dot) + _DOT)])


def _candidates(dot, size):
  """Corners of labels around a dot, the nearest first."""
  for radius in _RADII:
    for angle in _ANGLES:
      toward = np.array([np.cos(angle), np.sin(angle)])
      # The point of the label that faces the dot is at the radius.
      yield dot + radius * toward + (toward - 1) / 2 * size


def _divide(start, end) -> np.ndarray:
  """Points along a line, four pixels apart."""
  steps = np.linspace(0, 1, max(int(np.hypot(*(end - start)) // 4), 2))
  return start + steps[:, None] * (end - start)


def _inside(box, area) -> bool:
  return bool(box[:2].min() >= 0 and box[2] <= area[0] and box[3] <= area[1])


def _overlap(box, others, gap: float) -> bool:
  apart = (
    (others[:, 2] + gap <= box[0])
    | (box[2] + gap <= others[:, 0])
    | (others[:, 3] + gap <= box[1])
    | (box[3] + gap <= others[:, 1])
  )
  return not apart.all()


def _cross(points, boxes) -> bool:
  """Whether any of the points along a line is in any of the boxes."""
  above = points[:, None] > boxes[None, :, :2]
  below = points[:, None] < boxes[None, :, 2:]
  return bool((above & below).all(2).any())
