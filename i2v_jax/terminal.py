"""Text for a terminal that may not have all its letters."""

import sys

import rich.console


def printable(text: str) -> str:
  """The text with escapes in place of what standard output cannot encode.

  Names of files may be any bytes, and terminals may know few letters.
  """
  return _encodable(text, sys.stdout)


def has(text: str) -> bool:
  """Whether standard output can encode a text."""
  return printable(text) == text


class Console(rich.console.Console):
  """A console of rich that prints every name, if need be with escapes."""

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
    return self._stream.write(_encodable(text, self._stream))


def _encodable(text: str, stream) -> str:
  encoding = getattr(stream, 'encoding', None) or 'utf-8'
  return text.encode(encoding, 'backslashreplace').decode(encoding)
