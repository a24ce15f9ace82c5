"""ActivityNet's JSON of segments, which other data sets use too."""

from collections.abc import Mapping
from typing import Any

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_cells import Sheet, make_cell
from i2v_jax.data.sets.text_tables import Table

_COLUMNS = ('file', 'start', 'end', 'label', 'split')
_PREFIX = 'v_'  # of the names of files, which the database lacks


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
    for found in video.get('annotations') or [None]:
      number = len(rows) + 1
      if found is not None and not _is_annotation(found):
        problems.add(number, f'of {name!r} has no label and segment')
        found = None
      values = (*_list_values(found), video.get('subset'))
      cells = (
        make_cell(number, column, value, problems)
        for column, value in zip(_COLUMNS[1:], values, strict=True)
      )
      rows.append((name, *cells))
  cells = zip(*rows, strict=True) if rows else [()] * len(_COLUMNS)
  columns = dict(zip(_COLUMNS, cells, strict=True))
  table = Table(path, range(1, len(rows) + 1), columns)
  return Sheet(table, {}, problems, _PREFIX)


def _is_annotation(found: Any) -> bool:
  known = isinstance(found, Mapping) and {'label', 'segment'} <= found.keys()
  if not known:
    return False
  segment = found['segment']
  return isinstance(segment, list) and len(segment) == 2 and None not in segment


def _list_values(found: Mapping | None) -> tuple[Any, Any, Any]:
  """Lists start, end and labels."""
  return (None,) * 3 if found is None else (*found['segment'], [found['label']])
