"""Printing, tables and progress, on terminals and in log files.

A character that the encoding lacks is printed as its escape.
"""

import os
import sys
from collections.abc import Iterable, Sequence

import rich.console
from rich import box
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

UNBOUNDED = 10_000  # characters


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

  In a file or a pipe, tables are as wide as they need to be.
  """

  def print(self, *objects, **options) -> None:
    chosen = self._width
    free = not self.is_terminal and 'COLUMNS' not in os.environ
    if free and objects and isinstance(objects[0], Table):
      unbounded = self.options.update(max_width=UNBOUNDED)
      needed = Measurement.get(self, unbounded, objects[0]).maximum
      self.width = max(needed, self.width)
    try:
      super().print(*objects, **options)
    finally:
      self._width = chosen

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
