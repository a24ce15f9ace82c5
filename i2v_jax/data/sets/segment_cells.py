"""The cells of a file of segments -> its entries."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from i2v_jax.data.sets import clock, list_lines, listing
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.segment_entries import Entry
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import UserError

COLUMNS = ('file', 'start', 'end', 'label', 'split', 'group')
_NEEDED = ('file', 'label')
_ALIASES = {  # column names of others, without case, blanks, '_' and '-'
  'file': ('path', 'filename', 'filepath', 'video', 'videopath', 'videoid'),
  'start': ('begin', 'starttime', 'begintime', 'tstart', 'from'),
  'end': ('stop', 'endtime', 'stoptime', 'tend', 'to'),
  'label': ('labels', 'class', 'classname', 'action', 'category'),
  'split': ('subset',),
}
_SPLITS = {  # names of others
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
  """

  table: Table
  rates: Mapping[str, Fraction]
  problems: Problems


class Columns(NamedTuple):
  """Where the columns of a file are.

  Attributes:
    names: column -> its name in the file.
    rates: as in `Sheet`.
    unused: names of all others.
  """

  names: dict[str, str]
  rates: dict[str, Fraction]
  unused: tuple[str, ...]


def find_columns(path: listing.Path, given: Iterable[str]) -> Columns:
  """Finds the columns among the names that a file gives.

  Raises:
    UserError: one is missing, there twice, or has no valid frame rate.
  """
  given = [name for name in given if name.strip()]
  plain = {name: _split_rate(name) for name in given}
  names, rates = {}, {}
  for column in COLUMNS:
    found = [name for name in given if plain[name][0] == column]
    others = _ALIASES.get(column, ())
    found = found or [name for name in given if plain[name][0] in others]
    if len(found) > 1:
      both = f'{found[0]!r} and {found[1]!r}'
      raise UserError(f'{path} has two columns for {column}, {both}: drop one')
    if found:
      names[column] = found[0]
      if rate := plain[found[0]][1]:
        rates[column] = _parse_rate(path, found[0], rate)
  missing = [column for column in _NEEDED if column not in names]
  if missing:
    problem = f'{path} has no column {missing[0]!r}, only {", ".join(given)}'
    way_out = 'name the columns in the first line, file,start,end,label'
    raise UserError(f'{problem}: {way_out}')
  used = {*names.values()}
  return Columns(names, rates, tuple(n for n in given if n not in used))


def _split_rate(name: str) -> tuple[str, str]:
  """Splits `start:25` into the plain name and the rate, which may be ''."""
  plain, colon, rate = re.sub(r'[\s_-]', '', name).lower().partition(':')
  times = ('start', 'end', *_ALIASES['start'], *_ALIASES['end'])
  if colon and plain in times:
    return plain, rate or '0'
  return plain + colon, ''


def _parse_rate(path, name: str, text: str) -> Fraction:
  try:
    rate = Fraction(text.replace(',', '.'))
  except (ValueError, ZeroDivisionError):
    rate = Fraction(0)
  if rate <= 0:
    problem = f'{path}: column {name!r} gives no frame rate'
    way_out = 'write start:25 for frame numbers at 25 a second'
    raise UserError(f'{problem}: {way_out}')
  return rate


def convert(sheet: Sheet) -> list[Entry]:
  """Converts all cells; those that are wrong are problems."""
  table, problems = sheet.table, sheet.problems
  blank = ('',) * len(table.lines)
  table = table._replace(
    columns={name: table.columns.get(name, blank) for name in COLUMNS}
  )
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


def rename_split(name: str) -> str:
  """Renames a split as others call it: 'training' is 'train'."""
  return _SPLITS.get(name.lower(), name)


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
