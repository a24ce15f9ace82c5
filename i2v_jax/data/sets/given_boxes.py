"""Reads the boxes of one video, which a detector or a person has drawn."""

import itertools
import os
from collections.abc import Sequence

import numpy as np

from i2v_jax.data.sets import (
  box_tables,
  boxed_videos,
  boxes,
  clock,
  group_boxes,
  listing,
  video_facts,
)
from i2v_jax.data.sets.key_frames import KeyFrames, Truth, make_rows
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import UserError


def read_given_boxes(
  path: listing.Path, video: str, units: str = 'shares'
) -> tuple[KeyFrames, list[str]]:
  """Reads a table of boxes, and opens the video.

  Its columns are time, x1, y1, x2 and y2. `person` and `score` may be among
  them, and `file`: rows of other files are left out. Times are seconds from the
  first frame, or H:MM:SS.

  Args:
    path: of the table.
    video: file, or folder of frames.
    units: of the sides: 'shares' of the frame, or 'pixels'.

  Returns:
    The key frames, by time and without classes, and notes about what was not
    used.

  Raises:
    FileNotFoundError: there is no such table.
    UserError: it has bad lines, which are all named, or no box of this video.
  """
  columns = ('time', *box_tables.SIDES)
  table = box_tables.read(path, columns, ('file', 'person', 'score'), True)
  if not table.lines:
    raise UserError(f'{path} holds no box; add lines.')
  name = os.path.basename(os.path.normpath(video))
  mine = find_rows(table.columns['file'], video)
  if not any(mine):
    raise UserError(
      f'{path} has no box of {name}; name it in the column file, or leave that '
      'column out.'
    )
  notes = []
  if left_out := mine.count(False):
    notes.append(f'rows of other videos in {path}: {left_out:,}')
  if table.unused:
    columns = ', '.join(table.unused)
    notes.append(f'columns of {path} that are not used: {columns}')
  found = _check_rows(table.choose(mine), name, video, units == 'pixels')
  nothing = Truth(make_rows((), (), ()), frozenset(), np.zeros(0, bool))
  times = {key: float(key[1]) for key in found.keys}
  return group_boxes.group(found, [name], times, nothing), notes


def _check_rows(
  table: Table, name: str, video: str, pixels: bool
) -> group_boxes.Boxes:
  """Raises UserError for all that is wrong with the rows of a video."""
  problems = Problems(table.path)
  parse = clock.make_clock(table.comma)
  seconds = table.convert('time', parse, problems, 0.0)
  keys = [(name, f'{time:.3f}') for time in seconds]
  facts = {name: video_facts.open_video(video)}
  if reason := facts[name].reason:
    raise UserError(f'{video}: {reason}')
  shares = boxed_videos.check_boxes(
    keys,
    box_tables.convert_boxes(table, problems),
    table.lines,
    facts,
    problems,
    pixels,
  )
  boxed_videos.check_times(keys, seconds, table.lines, facts, problems)
  scores = boxes.convert_scores(table, problems)
  persons = [text.strip() for text in table.columns['person']]
  rows = make_rows(keys, shares, np.full(len(keys), -1), scores)
  _check_persons(rows, persons, table.lines, problems)
  problems.check()
  return group_boxes.merge(rows, 0, persons)


def _check_persons(rows, persons, lines, problems) -> None:
  """Checks that a person is in one place at a time."""
  places = {}
  for key, box, person, line in zip(
    rows.keys, map(tuple, rows.boxes.tolist()), persons, lines, strict=True
  ):
    first, there = places.setdefault((key, person), (line, box))
    if person and there != box:
      text = f'person {person} is elsewhere at {key[1]} s, by line {first}'
      problems.add(line, text)


def find_rows(cells: Sequence[str], video: str) -> list[bool]:
  """Finds the rows of a video: those of no file, and of the path most like its.

  A cell is a path that ends as that of the video does, at least in its name.

  Raises:
    UserError: two paths are equally alike.
  """
  own = split_path(os.path.abspath(video))
  alike = {text: count_common(split_path(text), own) for text in {*cells}}
  most = max((n for text, n in alike.items() if text.strip()), default=0)
  best = sorted(t for t, n in alike.items() if t.strip() and n == most > 0)
  longest = max(map(split_path, best), key=len, default=[])
  if any(split_path(t) != longest[-len(split_path(t)) :] for t in best):
    raise UserError(
      f'{best[0].strip()!r} and {best[1].strip()!r} may both be {video}; give '
      'the path of the video with its folder.'
    )
  return [not text.strip() or text in best for text in cells]


def split_path(text: str) -> list[str]:
  """Splits a path at slashes of either kind."""
  return [part for part in text.strip().replace('\\', '/').split('/') if part]


def count_common(parts: Sequence[str], others: Sequence[str]) -> int:
  """Counts the parts at the end that two paths have in common."""
  pairs = zip(reversed(parts), reversed(others), strict=False)
  return len([*itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)])
