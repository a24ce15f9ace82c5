"""Output on terminals and in files whose encoding lacks some characters."""

import sys

import rich.console
from rich.progress import (
  BarColumn,
  MofNCompleteColumn,
  Progress,
  TextColumn,
  TimeElapsedColumn,
  TimeRemainingColumn,
)


def accept_all_text() -> None:
  """Lets stdout escape what its encoding lacks, as stderr does anyway."""
  if getattr(sys.stdout, 'errors', None) in ('strict', 'surrogateescape'):
    sys.stdout.reconfigure(errors='backslashreplace')


def encodable(text: str, instead: str) -> str:
  """The text, or another one where stdout cannot show it."""
  try:
    text.encode(sys.stdout.encoding or 'utf-8')
  except UnicodeEncodeError:
    return instead
  return text


class Console(rich.console.Console):
  """A console of rich that escapes what its encoding lacks, in any program."""

  @property
  def file(self):
    return _Escaping(super().file)

  @file.setter
  def file(self, stream) -> None:
    rich.console.Console.file.fset(self, stream)


class _Escaping:
  """A stream that writes what it cannot encode as escapes."""

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


def progress(total: int, what: str, unit: str = 'steps', done: int = 0):
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
