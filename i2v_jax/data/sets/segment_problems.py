"""What is wrong with listed segments, once their videos are known."""

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.look_up import LookUp, Place
from i2v_jax.data.sets.segment_entries import Annotated
from i2v_jax.data.sets.video_facts import Facts

LATE = 0.1  # seconds past the end, as containers and rounded times have them


def find_absent(
  annotated: Annotated,
  rows: Mapping[str, listing.Row],
  places: Sequence[Place | None],
  look_up: LookUp,
) -> None:
  """Finds files that are not there, each in its first line."""
  count = _count_lines(annotated)
  for (file, row), place in zip(rows.items(), places, strict=True):
    if place is None:
      near = look_up.describe_near(row)
      text = f'{file!r} does not exist{count[file]}' + f'; {near}' * bool(near)
      annotated.problems.add(row.line, text)


def find_unread(
  annotated: Annotated, ids: Mapping[str, str], facts: Mapping[str, Facts]
) -> None:
  """Finds files that cannot be opened, each in its first line."""
  count, seen = _count_lines(annotated), set()
  for entry in annotated.entries:
    video = ids.get(entry.file)
    if video in facts and video not in seen and facts[video].reason:
      text = f'{entry.file!r} {facts[video].reason}{count[entry.file]}'
      annotated.problems.add(entry.line, text)
    seen.add(video)


def find_outside(
  annotated: Annotated, ids: Mapping[str, str], facts: Mapping[str, Facts]
) -> None:
  """Finds times after the end of their videos."""
  for entry in annotated.entries:
    end = facts.get(ids.get(entry.file, ''), Facts()).end
    where = f'after the end of {entry.file!r}, {end:.3f} s'
    if entry.start >= end:
      text = f'start {entry.start:g} s is {where}'
      annotated.problems.add(entry.line, text)
    elif end + LATE < entry.end < np.inf:
      annotated.problems.add(entry.line, f'end {entry.end:g} s is {where}')


def _count_lines(annotated: Annotated) -> dict[str, str]:
  """Says in how many lines a file is, if in several."""
  counts = collections.Counter(entry.file for entry in annotated.entries)
  say = lambda count: f' ({count:,} lines)' if count > 1 else ''
  return {file: say(count) for file, count in counts.items()}
