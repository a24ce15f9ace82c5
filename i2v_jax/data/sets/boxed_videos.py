"""Opens the videos that boxes are in, to know their lengths and sizes."""

import math
import os
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets import box_tables, listing
from i2v_jax.data.sets.box_tables import Problems
from i2v_jax.data.sets.key_frames import Key
from i2v_jax.data.sets.look_up import LookUp
from i2v_jax.data.videos import decode, faults
from i2v_jax.runtime.errors import UserError

_LATE = 1e-3  # seconds past the end that rounding explains


class Facts(NamedTuple):
  """Facts of a video; without them, `reason` says why."""

  end: float = math.inf  # Seconds from its first frame.
  width: int = 0  # Pixels, upright.
  height: int = 0
  reason: str = ''


def open_videos(root: str, rows: Mapping[str, listing.Row]) -> dict[str, Facts]:
  """Opens each video once; those that are not there have no facts.

  Args:
    root: the folder of the rows.
    rows: name of each video -> where it may be.
  """
  places = LookUp(root).find([*rows.values()])
  return {
    video: open_video(place.path)
    for video, place in zip(rows, places, strict=True)
    if place
  }


def open_video(path: str) -> Facts:
  """Opens a video for its facts; says in them why it cannot be read."""
  try:
    info = decode.probe(path)
  except faults.OF_VIDEO as error:
    reason = str(error).removeprefix(f'{path}: ') or type(error).__name__
    return Facts(reason=reason)
  # The rate of a folder of frames is not known here.
  end = math.inf if os.path.isdir(path) else info.duration
  return Facts(end, info.width, info.height)


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


def describe_unread(facts: Mapping[str, Facts]) -> list[str]:
  """Notes the videos that cannot be opened, whose times are not checked."""
  unread = [video for video, found in facts.items() if found.reason]
  if not unread:
    return []
  text = 'videos that cannot be opened, whose times are not checked: '
  return [f'{text}{len(unread)} ({listing.name_some(unread)})']
