"""The cells of a file of segments -> its entries."""

import json
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from i2v_jax.data.sets import clock, list_lines, listing
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_columns import COLUMNS
from i2v_jax.data.sets.segment_entries import Entry
from i2v_jax.data.sets.text_tables import Table

SPLITS = ('train', 'val', 'test')
_SPLITS = {name: name for name in SPLITS} | {  # and names of others
  'training': 'train',
  'validation': 'val',
  'valid': 'val',
  'testing': 'test',
}


class Sheet(NamedTuple):
  """A file of segments, cell by cell.

  Attributes:
    table: with some of `COLUMNS`; a label is a text, or a tuple of texts.
    rates: of 'start' and 'end', where cells are frame numbers: frames per
      second.
    problems: takes what is wrong.
    prefix: which names of files may have, though cells lack it.
  """

  table: Table
  rates: Mapping[str, Fraction]
  problems: Problems
  prefix: str = ''


def make_cell(
  number: int, name: str, value: Any, problems: Problems
) -> str | tuple[str, ...]:
  """Makes the cell of a JSON value, '' of null; a label may be a list.

  Args:
    number: of the record.
    name: of the column.
    value: text or a number; a label is no fraction.
    problems: takes other values.
  """
  if value is None:
    return ''
  is_list = name == 'label' and isinstance(value, list)
  known = (str, int) if name == 'label' else (str, int, float)
  for part in value if is_list else (value,):
    if not isinstance(part, known) or isinstance(part, bool):
      form = 'text' if name == 'label' else 'text or a number'
      problems.add(number, f'{name} is {json.dumps(part)[:60]}, not {form}')
      return ''
  return tuple(map(str, value)) if is_list else str(value)


def convert(sheet: Sheet) -> list[Entry]:
  """Converts all cells; those that are wrong are problems."""
  table, problems = sheet.table, sheet.problems
  blank = ('',) * len(table.lines)
  table = table._replace(
    columns={name: table.columns.get(name, blank) for name in COLUMNS}
  )
  for name in ('split', 'group'):
    _check_text(table, name, problems)
  files = table.convert('file', list_lines.parse_path, problems, '')
  starts = _convert_times(sheet, table, 'start', 0.0)
  ends = _convert_times(sheet, table, 'end', math.inf)
  entries = []
  for place, line in enumerate(table.lines):
    if ends[place] <= starts[place]:
      times = f'end {ends[place]:g} s is not after start {starts[place]:g} s'
      problems.add(line, times)
    split = table.columns['split'][place].strip()
    entries.append(
      Entry(
        line,
        files[place],
        starts[place],
        ends[place],
        _split_labels(table.columns['label'][place]),
        rename_split(split),
        table.columns['group'][place].strip(),
      )
    )
  return entries


def _check_text(table: Table, name: str, problems: Problems) -> None:
  """Checks that cells are text; paths may be any bytes."""
  for line, text in zip(table.lines, table.columns[name], strict=True):
    if not listing.is_text(text):
      problems.add(line, f'{name} {text!r} is not UTF-8; save it as CSV UTF-8')


def rename_split(name: str) -> str:
  """Renames a split as others call it: 'Training' is 'train'."""
  return _SPLITS.get(name.strip().lower(), name)


def _convert_times(sheet, table: Table, name: str, default: float) -> list:
  """Converts a column of times to seconds; NaN where it is wrong."""
  if name in sheet.rates:
    parse = clock.make_frame_clock(sheet.rates[name])
  else:
    parse = clock.make_clock(table.comma, minutes=True)
  parse = _allow_blank(parse, default)
  return table.convert(name, parse, sheet.problems, math.nan)


def _allow_blank(parse: Callable, default: float) -> Callable[[str], float]:
  return lambda text: parse(text) if text.strip() else default


def _split_labels(cell: str | tuple[str, ...]) -> tuple[str, ...]:
  """Splits a cell into its labels; blanks count if they are at its ends."""
  if isinstance(cell, str):
    cell = [part.strip() for part in cell.split('|')] if '|' in cell else [cell]
  return tuple(dict.fromkeys(label for label in cell if label.strip()))
