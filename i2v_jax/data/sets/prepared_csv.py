"""CSV files of a prepared data set, checked against its manifest."""

import hashlib
import pathlib
from collections.abc import Iterable

from i2v_jax.data.sets import csv_files
from i2v_jax.runtime.errors import MissingFileError, UserError


def write(path: csv_files.Path, kind: type, rows: Iterable) -> str:
  """Writes rows, tuples of a named kind; returns the sha256 of the file."""
  data = csv_files.write(path, kind._fields, rows)
  return hashlib.sha256(data).hexdigest()


def read(path: pathlib.Path, kind: type, sha256: str) -> list[dict[str, str]]:
  """Reads the rows of a complete file.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is not the one that was written.
  """
  if not path.is_file():
    raise MissingFileError(f'{path} does not exist; prepare the data set again')
  data = path.read_bytes()
  if hashlib.sha256(data).hexdigest() != sha256:
    problem = f'{path} contradicts {path.parent / "manifest.json"}'
    raise UserError(f'{problem}: prepare the data set again')
  return csv_files.parse(data, path, kind._fields)
