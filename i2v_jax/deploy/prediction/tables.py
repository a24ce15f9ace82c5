"""Outputs of `--out`: JSON lines, CSV and Parquet, a video at a time."""

import csv
import io
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError

SUFFIXES = ('.jsonl', '.csv', '.parquet')
JOURNAL = '.partial.jsonl'  # added to the name of a Parquet file
AT_ONCE = 10_000  # rows of Parquet in memory

# Columns of a row, with the key of an entry that each has.
CLASSES = {
  'file': 'file',
  'start': 'start',
  'end': 'end',
  'class': 'name',
  'probability': 'probability',
  'error': 'error',
}
SEGMENTS = {
  'file': 'file',
  'start': 'start',
  'end': 'end',
  'class': 'class',
  'score': 'score',
  'error': 'error',
}
_NUMBERS = ('start', 'end', 'probability', 'score')


def find_kind(out: files.Path) -> str:
  """Finds the suffix of an output in lower case; '' of a folder."""
  path = pathlib.Path(out)
  return '' if path.is_dir() else path.suffix.lower()


def check_output(out: files.Path, suffixes: Sequence[str] = SUFFIXES) -> str:
  """Returns the kind of an output, one of the suffixes.

  Raises:
    UserError: it is of another kind, or its folder does not exist.
  """
  kind = find_kind(out)
  if kind not in suffixes:
    ends = 'one of ' * (len(suffixes) > 1) + ', '.join(suffixes)
    raise UserError(f'--out is {out}; end the name in {ends}.')
  check_parent(out)
  return kind


def check_parent(out: files.Path) -> None:
  """Raises UserError unless the folder of an output exists."""
  parent = pathlib.Path(out).parent
  if not parent.is_dir():
    raise UserError(f'{parent} does not exist; make the folder.')


def check_new(out: files.Path, journal: files.Path | None = None) -> None:
  """Raises UserError for an output that exists, unless its journal does too."""
  if os.path.exists(out) and not (journal and os.path.exists(journal)):
    raise UserError(f'{out} exists; give another --out, or remove it.')


def list_rows(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
  """Lists the rows of a JSON result.

  A bad video, and a video or window without any class, is a row too.
  """
  file = {'file': result['file']}
  if 'error' in result:
    yield file | {'error': result['error']}
    return
  if 'segments' in result:
    yield from (file | entry for entry in result['segments'] or [{}])
    return
  yield from (file | entry for entry in result['top'] or [{}])
  for window in result.get('windows', ()):
    time = {'start': window['start'], 'end': window['end']}
    yield from (file | time | entry for entry in window['top'] or [{}])


def encode_json(result: Mapping[str, Any]) -> bytes:
  """Encodes a result as a JSON line."""
  return json.dumps(result).encode() + b'\n'


def encode_csv(columns: Mapping[str, str], rows: Iterable[Mapping]) -> bytes:
  """Encodes rows as lines of CSV; names that are not UTF-8 keep their bytes."""
  text = io.StringIO(newline='')
  writer = csv.writer(text, lineterminator='\n')
  keys = list(columns.values())
  writer.writerows([row.get(key, '') for key in keys] for row in rows)
  return text.getvalue().encode(errors='surrogateescape')


def encode_head(columns: Mapping[str, str]) -> bytes:
  """Encodes the first line of a CSV file."""
  return encode_csv({c: c for c in columns}, [{c: c for c in columns}])


def write_parquet(
  path: files.Path, journal, columns: Mapping[str, str]
) -> None:
  """Writes the rows of a file of JSON lines as a Parquet file, atomically.

  Args:
    path: of the Parquet file.
    journal: file of results, as `encode_json` writes them.
    columns: `CLASSES` or `SEGMENTS`.
  """
  import pyarrow as pa  # which most commands do not need
  import pyarrow.parquet as pq

  kind = lambda name: pa.float64() if name in _NUMBERS else pa.string()
  schema = pa.schema([(name, kind(name)) for name in columns])
  with (
    files.explain_errors(path),
    files.replacing(path) as new,
    pq.ParquetWriter(new, schema) as writer,
    open(journal, 'rb') as lines,
  ):
    for part in _split_parts(map(json.loads, lines)):
      arrays = [
        pa.array([clean(row.get(key)) for row in part], kind(name))
        for name, key in columns.items()
      ]
      writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _split_parts(results: Iterable[Mapping]) -> Iterator[list[dict]]:
  part = []
  for result in results:
    part.extend(list_rows(result))
    if len(part) >= AT_ONCE:
      yield part
      part = []
  yield part


def clean(value):
  """Escapes bytes that are not UTF-8, which Parquet does not take."""
  if isinstance(value, str):
    return value.encode(errors='backslashreplace').decode()
  return value
