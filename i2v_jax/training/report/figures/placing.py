"""Places of names beside dots, so that nothing covers anything."""

from collections.abc import Sequence

import numpy as np

_RADII = 9, 14, 22, 32, 44, 58, 74, 92, 112, 134, 158, 184
_ANGLES = np.pi * np.array([0, 1, 0.5, 1.5, 0.25, 0.75, 1.75, 1.25, 0.12, 0.88])
_DOT = 5  # pixels kept free around a dot


def place_labels(
  dots: Sequence[tuple[float, float]],
  sizes: Sequence[tuple[float, float]],
  area: tuple[float, float],
) -> list[tuple[float, float] | None]:
  """Finds the lower left corner of each label, in pixels.

  Args:
    dots: where the dots are.
    sizes: width and height of the labels.
    area: width and height, within which labels are.

  Returns:
    A corner per dot, as near as is free; None where there is no room.
  """
  taken = [_around(dot) for dot in dots]
  leaders: list[np.ndarray] = []
  found: list = [None] * len(dots)
  for index in _order(dots):
    dot, size = np.array(dots[index]), np.array(sizes[index])
    own = taken[index]
    others = np.array([box for box in taken if box is not own] or [[9e9] * 4])
    for corner in _candidates(dot, size):
      box = np.r_[corner, corner + size]
      line = _leader(dot, box)
      if (
        _inside(box, area)
        and not _overlap(box, others, 1.5)
        and not any(_crosses(each, box) for each in leaders)
        and not any(_crosses(line, each) for each in others)
      ):
        found[index] = float(corner[0]), float(corner[1])
        taken.append(box)
        leaders.append(line)
        break
  return found


def _around(dot) -> np.ndarray:
  return np.array([*(np.array(dot) - _DOT), *(np.array(dot) + _DOT)])


def _order(dots) -> list[int]:
  """Those with the fewest neighbours last: they find a place anyway."""
  places = np.array(dots, float).reshape(-1, 2)
  near = [(np.hypot(*(places - p).T) < 60).sum() for p in places]
  return sorted(range(len(dots)), key=lambda i: (-near[i], dots[i]))


def _candidates(dot, size):
  """Corners of labels around a dot, the nearest first."""
  for radius in _RADII:
    for angle in _ANGLES:
      toward = np.array([np.cos(angle), np.sin(angle)])
      # The point of the label that faces the dot is at the radius.
      yield dot + radius * toward + (toward - 1) / 2 * size


def _leader(dot, box) -> np.ndarray:
  """Points along the line from a dot to its label."""
  end = np.clip(dot, box[:2], box[2:])
  steps = np.linspace(0, 1, max(int(np.hypot(*(end - dot)) // 4), 2))
  return dot + steps[:, None] * (end - dot)


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


def _crosses(line, box) -> bool:
  return bool(((line > box[:2]) & (line < box[2:])).all(1).any())
