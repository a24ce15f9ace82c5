"""ActivityNet's JSON of segments, which other data sets use too."""

from collections.abc import Mapping
from typing import Any

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_cells import Sheet
from i2v_jax.data.sets.text_tables import Table

PREFIX = 'v_'  # of the names of files, which the database lacks


def read(
  path: listing.Path, database: Mapping[str, Any], problems: Problems
) -> Sheet:
  """Reads a database: name of a video -> its subset and annotations.

  Annotations are numbered from 1; a video without any counts as one.

  Args:
    path: of the file.
    database: of each video `{'subset': ..., 'annotations': [{'segment': [start,
      end], 'label': ...}]}`.
    problems: takes what is wrong.
  """
  rows = []
  for name, video in database.items():
    video = video if isinstance(video, Mapping) else {}
    subset = str(video.get('subset', ''))
    for found in video.get('annotations') or [None]:
      number = len(rows) + 1
      if found is not None and not _is_annotation(found):
        problems.add(number, f'of {name!r} has no label and segment')
        found = None
      rows.append((name, *_list_cells(found), subset))
  cells = zip(*rows, strict=True) if rows else [()] * 5
  names = ('file', 'start', 'end', 'label', 'split')
  columns = dict(zip(names, cells, strict=True))
  return Sheet(Table(path, range(1, len(rows) + 1), columns), {}, problems)


def _is_annotation(found: Any) -> bool:
  known = isinstance(found, Mapping) and {'label', 'segment'} <= found.keys()
  if not known:
    return False
  segment = found['segment']
  return isinstance(segment, list) and len(segment) == 2


def _list_cells(found: Mapping | None) -> tuple[str, str, Any]:
  """Lists start, end and label as cells."""
  if found is None:
    return '', '', ''
  start, end = map(str, found['segment'])
  return start, end, (str(found['label']),)
