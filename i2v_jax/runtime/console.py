"""Printing, tables and progress, on terminals and in log files.

A character that the encoding lacks is printed as its escape.
"""

import itertools
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence

import rich.console
from rich import box
from rich.cells import cell_len
from rich.measure import Measurement
from rich.progress import (
  BarColumn,
  MofNCompleteColumn,
  Progress,
  TextColumn,
  TimeElapsedColumn,
  TimeRemainingColumn,
)
from rich.table import Table

# Characters: of a width without a limit, of names and headings at least.
UNBOUNDED, NAME, HEADING = 10_000, 16, 10


def accept_all_text() -> None:
  """Makes stdout escape what its encoding lacks, as stderr does anyway."""
  if getattr(sys.stdout, 'errors', None) in ('strict', 'surrogateescape'):
    sys.stdout.reconfigure(errors='backslashreplace')


def make_encodable(text: str, instead: str) -> str:
  """The text, or `instead` where stdout cannot show it."""
  try:
    text.encode(sys.stdout.encoding or 'utf-8')
  except UnicodeEncodeError:
    return instead
  return text


class Console(rich.console.Console):
  """A rich console that escapes what its encoding lacks.

  In a file or a pipe, a table is at least as wide as its words and numbers.
  """

  def print(self, *objects, **options) -> None:
    chosen = self._width
    if objects and isinstance(objects[0], Table):
      self._make_room(objects[0])
    try:
      super().print(*objects, **options)
    finally:
      self._width = chosen

  def _make_room(self, table: Table) -> None:
    """Wraps names to leave room for numbers, and widens a log file to both."""
    unbounded = self.options.update(max_width=UNBOUNDED)
    needed = Measurement.get(self, unbounded, table).maximum
    if needed <= self.width:
      return
    names = table.columns[0]
    texts = (names.header, *names.cells)
    longest = names.width or max(map(cell_len, texts))
    fits = longest - (needed - self.width)
    names.width = min(longest, max(NAME, fits))
    if not self.is_terminal and 'COLUMNS' not in os.environ:
      self.width = needed - longest + names.width

  @property
  def file(self):
    return _Escaping(super().file)

  @file.setter
  def file(self, stream) -> None:
    rich.console.Console.file.fset(self, stream)


class _Escaping:
  """A stream that writes characters it cannot encode as escapes."""

  def __init__(self, stream):
    self._stream = stream

  def __getattr__(self, name: str):
    return getattr(self._stream, name)

  def write(self, text: str) -> int:
    encoding = getattr(self._stream, 'encoding', None) or 'utf-8'
    escaped = text.encode(encoding, 'backslashreplace').decode(encoding)
    return self._stream.write(escaped)


# No markup: file names may hold brackets.
console = Console(soft_wrap=True, highlight=False, markup=False)


def make_table(
  title: str,
  columns: Sequence[str],
  rows: Iterable[Sequence | None],
  caption: str = '',
) -> Table:
  """Makes a table in the one style of this package, for `console.print`.

  Args:
    title: text above it, '' for none.
    columns: headings; the first column holds text, the others numbers, aligned
      to the right.
    rows: cells of each row; None draws a line before the next one.
    caption: text below it, '' for none.
  """
  table = Table(
    title=title or None,
    title_justify='left',
    title_style='bold',
    caption=caption or None,
    caption_justify='left',
    box=box.SIMPLE_HEAD,
  )
  rows = [row and [*map(str, row)] for row in rows]
  cells = zip(*filter(None, rows), strict=True)
  longest = [max(map(cell_len, column)) for column in cells]
  table.add_column(columns[0], overflow='fold')
  for heading, width in itertools.zip_longest(columns[1:], longest[1:]):
    _add_numbers(table, heading, width or 1)
  for row in rows:
    if row is None:
      table.add_section()
    else:
      table.add_row(*row)
  return table


def _add_numbers(table: Table, heading: str, width: int) -> None:
  """Adds a column of cells up to a width; only its heading is wrapped."""
  lines = textwrap.wrap(
    heading, max(width, HEADING), break_long_words=False
  ) or ['']
  table.add_column('\n'.join(lines), justify='right', overflow='fold')


def make_facts(rows: Iterable[tuple[str, str]]) -> Table:
  """Makes a table of `(name, value)` without headings; long values fold."""
  table = Table(box=None, show_header=False, pad_edge=False)
  table.add_column(style='bold', no_wrap=True)
  table.add_column(overflow='fold')
  for row in rows:
    table.add_row(*row)
  return table


def make_progress(total: int, what: str, unit: str = 'steps', done: int = 0):
  """A progress bar that disappears when done; silent in a log file."""
  bar = Progress(
    TextColumn('{task.description}'),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn(unit),
    TimeElapsedColumn(),
    TextColumn('left'),
    TimeRemainingColumn(),
    console=console,
    transient=True,
    disable=not console.is_terminal,
  )
  task = bar.add_task(what, total=total, completed=done)
  return bar, lambda n=1: bar.advance(task, n)
