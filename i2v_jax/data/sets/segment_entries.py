"""Segments as annotations list them, before any video is looked at."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from i2v_jax.data.sets.problems import Problems


class Entry(NamedTuple):
  """A line of a list of segments."""

  line: int  # Or the number of a record.
  file: str
  start: float = 0.0  # Seconds from the first frame.
  end: float = math.inf  # The end of the file, if the line does not say.
  labels: tuple[str, ...] = ()  # None: the file is listed, nothing happens.
  split: str = ''
  group: str = ''


class Annotated(NamedTuple):
  """The segments of a file.

  Attributes:
    entries: the lines, of all splits in the file.
    labels: class numbers of each.
    problems: all that is wrong so far.
    split: name of the split to read.
    by: what decides the split of a video: 'file', all are in this one; 'column'
      of the file; or 'hash'.
    val_fraction: expected share of the videos in 'val', by hash.
    seed: of the hash.
  """

  entries: Sequence[Entry]
  labels: Sequence[tuple[int, ...]]
  problems: Problems
  split: str
  by: str
  val_fraction: float = 0.2
  seed: int = 0
