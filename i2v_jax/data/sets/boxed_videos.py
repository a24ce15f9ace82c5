"""Whether boxes are inside the videos that they are in."""

import math
from collections.abc import Collection, Mapping

import numpy as np

from i2v_jax.data.sets import box_tables
from i2v_jax.data.sets.key_frames import Key
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.video_facts import Facts
from i2v_jax.runtime.errors import UserError

_LATE = 1e-3  # seconds past the end that rounding explains


def check_times(
  keys: Collection[Key],
  times: np.ndarray,
  numbers,
  facts: Mapping[str, Facts],
  problems: Problems,
) -> None:
  """Checks that times [R], in seconds, are before the end of their videos."""
  for (video, _), time, number in zip(keys, times, numbers, strict=True):
    end = facts[video].end if video in facts else math.inf
    if time > end + _LATE:
      text = f'time {time:g} s is after the end of {video}, {end:.3f} s'
      problems.add(number, text)


def check_boxes(
  keys: Collection[Key],
  boxes: np.ndarray,
  numbers,
  facts: Mapping[str, Facts],
  problems: Problems,
  pixels: bool,
) -> np.ndarray:
  """Checks boxes, in shares or in pixels, and clips them to the frame.

  Args:
    keys: of the boxes.
    boxes: float64 [R, 4]; those in pixels are edges, from 0 to width or height,
      and may be outside by one pixel.
    numbers: of their lines.
    facts: of the videos; boxes in pixels of one without are not checked.
    problems: takes what is wrong.
    pixels: the unit.

  Returns:
    float64 [R, 4], in shares of the frame.
  """
  if pixels and len(boxes) and np.nanmax(boxes) <= 1:
    raise UserError("no side is beyond pixel 1: set the option units='shares'")
  if not pixels:
    return box_tables.check_boxes(boxes, numbers, problems)
  sizes, shares = (
    np.ones_like(boxes),
    np.tile((0.0, 0.0, 1.0, 1.0), (len(boxes), 1)),
  )
  known = np.zeros(len(boxes), bool)
  for row, (video, _) in enumerate(keys):
    found = facts.get(video, Facts())
    known[row] = found.width > 0
    sizes[row] = (found.width, found.height) * 2 if known[row] else 1
    if found.reason:
      text = f'the size of {video} is not known: {found.reason}'
      problems.add(numbers[row], text)
  shares[known] = (boxes / sizes)[known]
  near = np.maximum(1.001 / sizes, box_tables.NEAR)
  return box_tables.check_boxes(shares, numbers, problems, near)
