"""Reads files of segments: tables of spreadsheets, and JSON."""

import json
import os
from collections.abc import Iterable
from typing import Any

from i2v_jax.data.sets import (
  activitynet,
  listing,
  segment_cells,
  segment_columns,
  text_tables,
)
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_cells import Sheet
from i2v_jax.runtime.errors import UserError

SHOWN = 20  # bad lines that an error names
_WAY_OUT = ' (i2v data check --out DIR writes all into DIR/problems.csv)'
_JSON_LINES = ('.jsonl', '.ndjson')


def read(path: listing.Path) -> Sheet:
  """Reads a file of segments, of the kind that its name says.

  JSON lines end in .jsonl, ActivityNet's JSON or a list of objects in .json;
  anything else is a table, separated by commas, semicolons or tabs.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is no such file, or holds no segment.
  """
  name = os.fspath(path).lower()
  if name.endswith(_JSON_LINES):
    problems = _collect(path)
    sheet = _read_records(path, _iterate_lines(path, problems), problems)
  elif name.endswith('.json'):
    sheet = _read_json(path)
  else:
    sheet = _read_table(path)
  if not sheet.table.lines:
    sheet.problems.check()
    raise UserError(f'{path} lists no segment: add lines file,start,end,label')
  return sheet


def _collect(path: listing.Path, unit: str = 'line') -> Problems:
  return Problems(path, unit, SHOWN, _WAY_OUT)


def _read_table(path: listing.Path) -> Sheet:
  rows, delimiter = text_tables.read_rows(path, segment_columns.has_needed)
  head = [cell.strip() for cell in rows[0][1]] if rows else []
  columns = segment_columns.find_columns(path, head)
  problems = _collect(path)
  least = 1 + max(head.index(columns.names[name]) for name in ('file', 'label'))
  rows = text_tables.make_rows_even(rows[1:], least, len(head), problems)
  found = {
    name: [row[head.index(given)] for _, row in rows]
    for name, given in columns.names.items()
  }
  lines, comma = [line for line, _ in rows], delimiter != ','
  table = text_tables.Table(path, lines, found, comma, columns.unused)
  return Sheet(table, columns.rates, problems)


def _iterate_lines(path, problems: Problems) -> Iterable[tuple[int, Any]]:
  for line, text in listing.read_lines(path):
    try:
      yield line, json.loads(text)
    except json.JSONDecodeError as error:
      problems.add(line, f'is not JSON: {error.msg}')


def _read_json(path: listing.Path) -> Sheet:
  value = listing.read_json(path)
  if isinstance(value, dict) and isinstance(value.get('database'), dict):
    problems = _collect(path, 'annotation')
    return activitynet.read(path, value['database'], problems)
  if not isinstance(value, list):
    problem = f"{path} is neither a list of objects nor ActivityNet's JSON"
    raise UserError(f"{problem}, which has a key 'database': correct it")
  problems = _collect(path, 'record')
  return _read_records(path, enumerate(value, start=1), problems)


def _read_records(path, records, problems: Problems) -> Sheet:
  """Reads objects whose keys are the names of columns."""
  found = []
  for number, record in records:
    if isinstance(record, dict):
      found.append((number, record))
    else:
      problems.add(number, 'is not an object with the keys file and label')
  keys = dict.fromkeys(str(key) for _, record in found for key in record)
  if not found:
    table = text_tables.Table(path, [], {})
    return Sheet(table, {}, problems)
  columns = segment_columns.find_columns(path, keys)
  cells = {
    name: [
      segment_cells.make_cell(number, name, record.get(given), problems)
      for number, record in found
    ]
    for name, given in columns.names.items()
  }
  lines = [number for number, _ in found]
  table = text_tables.Table(path, lines, cells, unused=columns.unused)
  return Sheet(table, columns.rates, problems)
