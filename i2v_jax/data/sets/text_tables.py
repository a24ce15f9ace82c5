"""Text tables, as spreadsheets write them."""

import csv
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.problems import Problems
from i2v_jax.runtime.errors import UserError


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
