"""Printing, tables and progress, on terminals and in log files.

A character that the encoding lacks is printed as its escape.
"""

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
    """Wraps headings, then names, and widens a log file to the numbers."""
    if self._measure(table) <= self.width:
      return
    names, *numbers = table.columns
    for column in numbers:
      width = max(map(cell_len, column.cells), default=0)
      column.header = _wrap(column.header, max(width, HEADING))
    needed = self._measure(table)
    if needed <= self.width:
      return
    longest = names.width or max(map(cell_len, (names.header, *names.cells)))
    fits = longest - (needed - self.width)
    names.width = min(longest, max(NAME, fits))
    if not self.is_terminal and 'COLUMNS' not in os.environ:
      self.width = needed - longest + names.width

  def _measure(self, table: Table) -> int:
    unbounded = self.options.update(max_width=UNBOUNDED)
    return Measurement.get(self, unbounded, table).maximum

  @property
  def file(self):
    return _Escaping(super().file)

  @file.setter
  def file(self, stream) -> None:
    rich.console.Console.file.fset(self, stream)


def _wrap(heading: str, width: int) -> str:
  return '\n'.join(textwrap.wrap(heading, width, break_long_words=False))


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
  for i, heading in enumerate(columns):
    justify = 'right' if i else 'left'
    table.add_column(heading, justify=justify, overflow='fold')
  for row in rows:
    if row is None:
      table.add_section()
    else:
      table.add_row(*map(str, row))
  return table


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
