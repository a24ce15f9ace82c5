"""Segments as annotations list them, before any video is looked at."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


class ListedFile(NamedTuple):
  """What the file of a split lists."""

  name: str  # Of the file.
  entries: Sequence[Entry]
  rows: Mapping[str, Any]  # Of `listing.Row`, by the files of entries.


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
    others: files that must list other videos.
  """

  entries: Sequence[Entry]
  labels: Sequence[tuple[int, ...]]
  problems: Problems
  split: str
  by: str
  val_fraction: float = 0.2
  seed: int = 0
  others: Sequence[ListedFile] = ()
