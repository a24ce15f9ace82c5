"""CSV files with names of videos, which may be any bytes."""

import csv
import io
import pathlib
from collections.abc import Iterable, Sequence

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError

Path = files.Path


def write(path: Path, columns: Sequence[str], rows: Iterable) -> bytes:
  """Writes a header and rows, atomically.

  Names that are not UTF-8 keep their bytes.

  Returns:
    the contents of the file.

  Raises:
    OSError: the file cannot be written.
  """
  text = io.StringIO(newline='')
  writer = csv.writer(text, lineterminator='\n')
  writer.writerows([columns, *rows])
  files.write(path, text.getvalue())
  return text.getvalue().encode(errors='surrogateescape')


def read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
  """Reads the rows of a file that `write` wrote.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: its columns are others; names the file.
  """
  return parse(pathlib.Path(path).read_bytes(), path, columns)


def parse(
  data: bytes, path: Path, columns: Sequence[str]
) -> list[dict[str, str]]:
  """Does the same for the contents of a file, `data`."""
  text = io.StringIO(data.decode(errors='surrogateescape'), newline='')
  head, *rows = [*csv.reader(text)] or [[]]
  if head != [*columns] or any(len(row) != len(columns) for row in rows):
    raise UserError(
      f'{path} is damaged: every line should have {", ".join(columns)}; '
      'restore the file, or move it away.'
    )
  return [dict(zip(columns, row, strict=True)) for row in rows]
