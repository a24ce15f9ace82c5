"""Text tables with a box on each line."""

import re
from collections.abc import Sequence

import numpy as np

from i2v_jax.data.sets import listing, text_tables
from i2v_jax.data.sets.problems import Problems
from i2v_jax.data.sets.text_tables import Table
from i2v_jax.runtime.errors import UserError

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
  rows, delimiter = text_tables.read_rows(path)
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
  problems = Problems(path)
  rows = text_tables.make_rows_even(rows, least, len(names), problems)
  problems.check()
  cells = [row for _, row in rows]
  texts = zip(*cells, strict=True) if cells else [()] * len(names)
  table = dict(zip(names, texts, strict=True))
  table = {name: table.get(name, ('',) * len(rows)) for name in known}
  return Table(path, [n for n, _ in rows], table, delimiter != ',', unused)


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


def convert_boxes(table: Table, problems: Problems) -> np.ndarray:
  """Converts the four sides of boxes: float64 [R, 4]."""
  sides = [table.convert_numbers(name, problems) for name in SIDES]
  return np.stack(sides, axis=1)


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
    if numbers[row] not in problems:
      problems.add(numbers[row], f'score {scores[row]:.6g} is not in 0..1')
