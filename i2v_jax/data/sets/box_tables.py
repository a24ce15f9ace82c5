"""Text tables with a box on each line, and all that is wrong with them."""

import csv
import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.runtime.errors import UserError

SHOWN = 10  # problems that an error names; it counts the others
NEAR = 1e-3  # share of the frame by which rounding may lead out of it
SIDES = ('x1', 'y1', 'x2', 'y2')
_ALIASES = {  # column names of others, without case, blanks and '_'
  'video': 'file',
  'videoid': 'file',
  'movie': 'file',
  'timestamp': 'time',
  'middleframetimestamp': 'time',
  'actionid': 'label',
  'personid': 'person',
}


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

  def convert_boxes(self, problems: Problems) -> np.ndarray:
    """Converts the four sides: float64 [R, 4]."""
    sides = [self.convert_numbers(name, problems) for name in SIDES]
    return np.stack(sides, axis=1)


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


def read(
  path: listing.Path,
  columns: Sequence[str],
  optional: Sequence[str] = (),
  header: bool = False,
) -> Table:
  """Reads a table whose cells are separated by commas, semicolons or tabs.

  Args:
    path: the file.
    columns: names of the columns, in their order if the file does not name
      them.
    optional: names of columns that may be missing, after the others.
    header: whether the first line must name the columns; it always may.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is not such a table; names the first ten bad lines.
  """
  rows, delimiter = _read_rows(path)
  names, known = [*columns, *optional], {*columns, *optional}
  found = [_normalize(cell) for cell in rows[0][1]] if rows else []
  least, unused = len(columns), ()
  if {*SIDES} <= {*found}:
    names, rows = _check_header(path, found, columns), rows[1:]
    least = len(names)
    unused = tuple(name for name in names if name not in known)
  elif header:
    way_out = f'name them in its first line: {",".join(names)}'
    raise UserError(f'{path} does not say what its columns are: {way_out}')
  _check_lengths(path, rows, least, len(names))
  blanks = [''] * len(names)
  cells = [[*row, *blanks][: len(names)] for _, row in rows]
  texts = zip(*cells, strict=True) if cells else [()] * len(names)
  table = dict(zip(names, texts, strict=True))
  table = {name: table.get(name, ('',) * len(rows)) for name in known}
  return Table(path, [n for n, _ in rows], table, delimiter != ',', unused)


def _read_rows(path) -> tuple[list[tuple[int, list[str]]], str]:
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


def _normalize(name: str) -> str:
  plain = re.sub(r'[\s_-]', '', name).lower()
  return _ALIASES.get(plain, plain)


def _check_header(path, names: list[str], columns) -> list[str]:
  missing = [name for name in columns if name not in names]
  if missing:
    problem = f'{path} has no column {missing[0]!r}, only {", ".join(names)}'
    raise UserError(f'{problem}: add it to the first line')
  twice = [n for n in names if n and names.count(n) > 1]
  if twice:
    raise UserError(f'{path} has two columns {twice[0]!r}: drop one')
  # Spreadsheets may end lines in separators.
  return [name or f'column {place}' for place, name in enumerate(names, 1)]


def _check_lengths(path, rows, least: int, most: int) -> None:
  problems = Problems(path)
  for line, row in rows:
    if len(row) < least or any(cell.strip() for cell in row[most:]):
      problems.add(line, f'{len(row)} fields instead of {most}')
  problems.check()


def check_boxes(
  boxes: np.ndarray, numbers: Sequence[int], problems: Problems, near=NEAR
) -> np.ndarray:
  """Checks boxes, and clips them to the frame.

  Args:
    boxes: float64 [R, 4], x1, y1, x2, y2 in shares of the frame.
    numbers: of their lines or records; those with a problem are not checked.
    problems: takes what is wrong.
    near: share, or [R, 4] shares, by which a side may be outside.

  Returns:
    float64 [R, 4], in 0..1.
  """
  clipped = boxes.clip(0, 1)
  x1, y1, x2, y2 = clipped.T
  outside = (boxes < -near) | (boxes > 1 + near)
  wrong = outside.any(1) | ~((x1 < x2) & (y1 < y2))
  for row in np.flatnonzero(wrong):
    if numbers[row] not in problems:
      problems.add(numbers[row], _describe_box(boxes[row], outside[row]))
  return clipped


def _describe_box(box: np.ndarray, outside: np.ndarray) -> str:
  x1, y1, x2, y2 = (f'{side:.6g}' for side in box)
  if not np.isfinite(box).all():
    return f'the box {x1}, {y1}, {x2}, {y2} is not of finite numbers'
  if box[0] > box[2]:
    return f'x1 {x1} is right of x2 {x2}; swapped?'
  if box[1] > box[3]:
    return f'y1 {y1} is below y2 {y2}; swapped?'
  if outside.any():
    side = SIDES[int(outside.argmax())]
    share = f'{box[outside.argmax()]:.6g}'
    unit = ', so in pixels?' if np.abs(box).max() > 2 else ''
    return f'{side} is outside the frame, at {share} of its size{unit}'
  return f'the box {x1}, {y1}, {x2}, {y2} has no area'


def check_scores(scores: np.ndarray, numbers, problems: Problems) -> None:
  """Checks that scores are in 0..1: [R]."""
  for row in np.flatnonzero(~((scores >= 0) & (scores <= 1))):
    problems.add(numbers[row], f'score {scores[row]:.6g} is not in 0..1')
