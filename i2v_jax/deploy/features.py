"""`i2v features`: vectors of videos in a file, which is resumed after a kill.

Rows are appended to `NAME.partial`; at the end they become the file.
"""

import json
import pathlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from i2v_jax.deploy.prediction import tables
from i2v_jax.deploy.prediction.encoders import Encoder
from i2v_jax.deploy.prediction.journal import Journal
from i2v_jax.deploy.prediction.outputs import append_all
from i2v_jax.deploy.prediction.scoring import Scored
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console, make_progress
from i2v_jax.training import experiment

SUFFIXES = ('.npz', '.parquet')
PARTIAL = '.partial'  # added to the name
AT_ONCE = 2**26  # bytes of rows of Parquet in memory


def write_features(encoder: Encoder, clips: Sequence[str], out) -> int:
  """Writes the vectors of videos, or resumes writing them.

  The file has a row for each vector: `features` float32 [n, D], `file`, `start`
  and `end` in seconds, NaN for a complete clip; and `model`, JSON facts. Bad
  videos have no row; `errors` says why, a sentence each.

  Args:
    encoder: makes the vectors.
    clips: paths of the videos, in the order of the rows.
    out: `.npz` or `.parquet`.

  Returns:
    The number of bad videos.
  """
  suffix, path = tables.check_output(out, SUFFIXES), pathlib.Path(out)
  target = path.with_name(path.name + PARTIAL)
  tables.check_new(path, target)
  facts = experiment.to_plain(describe(encoder))
  kind = _make_row_type(encoder.width)
  batch = {'windows_per_batch': encoder.choose_size(len(clips))}
  with Journal(target, facts | batch, clips) as journal:
    append_all(journal, len(clips), _make(encoder, clips, journal, kind))
    rows = np.fromfile(target, kind)
    columns = _read_columns(journal, kind.itemsize)
    write = _write_npz if suffix == '.npz' else _write_parquet
    write(path, rows, *columns, json.dumps(facts))
    journal.remove()
  bad = f', {journal.bad} of {len(clips):,} videos bad' if journal.bad else ''
  console.print(
    f'{path}: {len(rows):,} vectors of {encoder.width} numbers{bad}'
  )
  return journal.bad


def describe(encoder: Encoder) -> dict[str, Any]:
  """Describes what vectors depend on: JSON facts."""
  reader = encoder.reading.reader
  spec = reader.spec
  return dict(encoder.facts) | {
    'per': encoder.per,
    'windows': reader.windows and reader.windows._asdict(),
    'frames': spec.num_frames,
    'sampling': spec.sampling,
    'stride': spec.stride,
    'image_size': spec.image_size,
    'short_side': spec.test_short_side or spec.image_size,
    'views': f'{spec.clips}x{spec.crops}',
    'fps': reader.fps,
  }


def _make_row_type(width: int) -> np.dtype:
  return np.dtype(
    [('start', '<f8'), ('end', '<f8'), ('features', '<f4', (width,))]
  )


def _make(
  encoder: Encoder, clips: Sequence[str], journal: Journal, kind: np.dtype
) -> Iterator[tuple[Scored, str, bytes]]:
  """Makes what `append_all` adds."""
  done = journal.done
  bar, progress = make_progress(len(clips), 'features', 'videos', done)
  with bar:
    for scored in encoder.encode(clips, done, journal.row, progress):
      rows = make_rows(scored, encoder.per, kind)
      yield scored, scored.error, rows.tobytes()


def make_rows(scored: Scored, per: str, kind: np.dtype) -> np.ndarray:
  """Makes the rows of a video."""
  rows = np.empty(len(scored.values), kind)
  if len(rows):
    seconds = np.nan if per == 'clip' else scored.seconds.T
    rows['start'], rows['end'] = np.broadcast_to(seconds, (2, len(rows)))
    rows['features'] = scored.values
  return rows


def _read_columns(journal: Journal, size: int) -> tuple[list[str], list[str]]:
  """Reads the file of each row, and the errors."""
  names, errors, end = [], [], 0
  for record in journal.read_records():
    names += [record['file']] * ((record['end'] - end) // size)
    end = record['end']
    errors += [record['error']] if record['error'] else []
  return names, errors


def _write_npz(path, rows, names, errors, facts: str) -> None:
  arrays: Mapping[str, Any] = {
    'features': rows['features'],
    'file': np.array(names, np.str_),
    'start': rows['start'],
    'end': rows['end'],
    'errors': np.array(errors, np.str_),
    'model': np.array(facts),
  }
  with (  # np.savez has no place for an array named `file`
    files.explain_errors(path),
    files.replacing(path) as new,
    zipfile.ZipFile(new, 'w') as archive,
  ):
    for name, array in arrays.items():
      with archive.open(f'{name}.npy', 'w', force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _write_parquet(path, rows, names, errors, facts: str) -> None:
  width = rows['features'].shape[1]
  vector = pa.list_(pa.float32(), width)
  schema = pa.schema(
    [
      ('features', vector),
      ('file', pa.string()),
      ('start', pa.float64()),
      ('end', pa.float64()),
    ],
    {'model': facts, 'errors': json.dumps(errors)},
  )
  at_once = max(AT_ONCE // rows.dtype.itemsize, 1)
  with (
    files.explain_errors(path),
    files.replacing(path) as new,
    pq.ParquetWriter(new, schema) as writer,
  ):
    for first in range(0, len(rows), at_once):
      part = rows[first : first + at_once]
      flat = pa.array(np.ascontiguousarray(part['features']).ravel())
      columns = [
        pa.FixedSizeListArray.from_arrays(flat, width),
        pa.array(map(tables.clean, names[first : first + at_once])),
        pa.array(np.ascontiguousarray(part['start'])),
        pa.array(np.ascontiguousarray(part['end'])),
      ]
      writer.write_table(pa.Table.from_arrays(columns, schema=schema))
