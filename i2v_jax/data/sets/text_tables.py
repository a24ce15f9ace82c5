"""Text tables, as spreadsheets write them."""

import csv
import itertools
import math
import re
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
  path: listing.Path, is_head: Callable[[list[str]], bool] = bool
) -> tuple[list[tuple[int, list[str]]], str]:
  """Reads (line, cells) of all lines that are not blank, and what separates.

  A first line `sep=;`, as Excel writes it, says what separates, and is no row.

  Args:
    path: of the file.
    is_head: whether these cells may be those of the first row; of several
      separators the one that makes most cells counts.
  """
  with listing.open_text(path) as file:
    first = next((line for line in file if line.strip()), '')
    told = re.fullmatch(r'"?sep=([^"])"?\s*', first)
    delimiter = told[1] if told else _find_delimiter(first, is_head)
    file.seek(0)
    reader = csv.reader(
      file, delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
      rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
      line = reader.line_num
      raise listing.make_line_error(path, line, f'not csv: {error}') from error
  rows = [(n, row) for n, row in rows if any(cell.strip() for cell in row)]
  return rows[1:] if told else rows, delimiter


def _find_delimiter(line: str, is_head: Callable[[list[str]], bool]) -> str:
  split = lambda char: csv.reader([line], delimiter=char, skipinitialspace=True)
  cells = {char: next(split(char), []) for char in '\t;,'}
  fits = [char for char in cells if is_head(cells[char])]
  return max(fits or cells, key=lambda char: len(cells[char]))


def make_rows_even(
  rows, least: int, most: int, problems: Problems
) -> list[tuple[int, list[str]]]:
  """Makes all rows `most` cells long.

  Those with fewer cells than `least`, or text after `most`, are problems, and
  left out.
  """
  even = []
  for line, row in rows:
    if len(row) < least or any(cell.strip() for cell in row[most:]):
      problems.add(line, f'{len(row)} fields instead of {most}')
    else:
      even.append((line, [*row, *[''] * most][:most]))
  return even
