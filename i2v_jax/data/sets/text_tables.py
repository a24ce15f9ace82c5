"""Text tables, as spreadsheets write them, and all that is wrong with them."""

import csv
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.runtime.errors import UserError

SHOWN = 10  # problems that an error names; it counts the others


class Problems:
  """All that is wrong with one file.

  Args:
    path: of the file.
    unit: what its parts are called.
  """

  def __init__(self, path: listing.Path, unit: str = 'line'):
    self._path, self._unit, self._found = path, unit, {}

  def __contains__(self, number: int) -> bool:
    return number in self._found

  def add(self, number: int, text: str) -> None:
    """Adds what is wrong with a part, unless it has a problem already."""
    self._found.setdefault(number, text)

  def check(self) -> None:
    """Raises UserError for all problems, naming the first ten."""
    if not self._found:
      return
    numbers, unit = sorted(self._found), self._unit
    shown = [f'{unit} {n}: {self._found[n]}' for n in numbers[:SHOWN]]
    if len(numbers) > SHOWN:
      shown.append(f'and {len(numbers) - SHOWN:,} more')
    count = f'{len(numbers):,} bad {unit}{"s" * (len(numbers) > 1)}'
    text = f'{self._path} has {count}; {"; ".join(shown)}'
    raise UserError(f'{text}; correct or drop them')


class Table(NamedTuple):
  """The cells of a table.

  Attributes:
    path: of the file.
    lines: line number of each row.
    columns: name -> text of each row.
    comma: whether numbers may have a decimal comma.
    unused: names of the columns that nobody asked for.
  """

  path: listing.Path
  lines: Sequence[int]
  columns: dict[str, Sequence[str]]
  comma: bool = False
  unused: tuple[str, ...] = ()

  def choose(self, mask: Sequence[bool]) -> 'Table':
    """Chooses the rows where `mask` is True."""
    pick = lambda cells: [*itertools.compress(cells, mask)]
    columns = {name: pick(cells) for name, cells in self.columns.items()}
    return self._replace(lines=pick(self.lines), columns=columns)

  def convert(
    self, name: str, parse: Callable[[str], Any], problems: Problems, bad=None
  ) -> list:
    """Converts a column; `bad` stands for what `parse` raises UserError for."""
    known, found = {}, []
    for line, text in zip(self.lines, self.columns[name], strict=True):
      if text not in known:  # few texts of a long table differ
        known[text] = _try(parse, text, bad)
      value, problem = known[text]
      if problem:
        problems.add(line, f'{name} {problem}')
      found.append(value)
    return found

  def convert_numbers(self, name: str, problems: Problems) -> np.ndarray:
    """Converts a column to float64; NaN where it is no number."""
    parse = lambda text: parse_number(text, self.comma)
    return np.array(self.convert(name, parse, problems, math.nan), np.float64)


def _try(parse, text: str, bad) -> tuple[Any, str]:
  try:
    return parse(text), ''
  except UserError as error:
    return bad, str(error)


def parse_number(text: str, comma: bool = False) -> float:
  """Parses a finite number; raises UserError for anything else."""
  try:
    number = float(text.replace(',', '.') if comma else text)
  except ValueError:
    raise UserError(f'{text.strip()!r} is not a number') from None
  if not math.isfinite(number):
    raise UserError(f'is {text.strip()}, not a finite number')
  return number


def read_rows(
  path: listing.Path,
) -> tuple[list[tuple[int, list[str]]], str]:
  """Reads (line, cells) of all lines that are not blank, and what separates."""
  with listing.open_text(path) as file:
    first = next((line for line in file if line.strip()), '')
    delimiter = next((char for char in '\t;' if char in first), ',')
    file.seek(0)
    reader = csv.reader(
      file, delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
      rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
      line = reader.line_num
      raise listing.make_line_error(path, line, f'not csv: {error}') from error
  return [(n, row) for n, row in rows if any(c.strip() for c in row)], delimiter


def check_lengths(path: listing.Path, rows, least: int, most: int) -> None:
  """Raises UserError for lines with too few or too many cells."""
  problems = Problems(path)
  for line, row in rows:
    if len(row) < least or any(cell.strip() for cell in row[most:]):
      problems.add(line, f'{len(row)} fields instead of {most}')
  problems.check()
