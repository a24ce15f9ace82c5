"""Files of vectors that `i2v features` writes, .npz and .parquet."""

import json
import os
import pathlib
import zipfile
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from i2v_jax.data.sets.feature_rows import Features
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import MissingFileError, UserError

_COLUMNS = ('features', 'file', 'start', 'end')
_DAMAGE = (
  ValueError,
  KeyError,
  EOFError,
  zipfile.BadZipFile,
  zlib.error,
  pa.ArrowException,
  NotImplementedError,  # a zip file of another kind
)


def read(path: files.Path) -> Features:
  """Reads a file of vectors, scaled to length 1.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: it is damaged, of another kind, or holds no vector.
  """
  path = pathlib.Path(path)
  readers = {'.npz': _read_npz, '.parquet': _read_parquet}
  kind = path.suffix.lower()
  if kind not in readers:
    raise UserError(
      f'{path} is no file of vectors: give the .npz or .parquet that i2v '
      'features wrote.'
    )
  if not path.is_file():
    raise MissingFileError(f'{path} does not exist; write it by i2v features.')
  try:
    found = readers[kind](path)
  except _DAMAGE as error:
    raise UserError(
      f'{path} is damaged ({error}); write it again by i2v features.'
    ) from error
  return _make_features(path, *found)


def _read_npz(path: pathlib.Path) -> tuple[dict[str, Any], Any]:
  if not zipfile.is_zipfile(path):
    raise zipfile.BadZipFile('not a zip file')
  with np.load(path) as arrays:
    _check_kind(path, arrays.files)
    columns = {name: arrays[name] for name in _COLUMNS}
    return columns, json.loads(arrays['model'].item())


def _read_parquet(path: pathlib.Path) -> tuple[dict[str, Any], Any]:
  schema = pq.read_schema(path)
  metadata = {key.decode() for key in schema.metadata or {}}
  _check_kind(path, {*schema.names} | metadata)
  table = pq.read_table(path, columns=[*_COLUMNS]).combine_chunks()
  vectors = table['features'].combine_chunks()
  if not isinstance(vectors, pa.FixedSizeListArray):
    raise ValueError('features are not lists of one length')
  flat = vectors.flatten().to_numpy(zero_copy_only=False)
  columns = {name: table[name].to_numpy() for name in _COLUMNS[1:]}
  shape = len(vectors), vectors.type.list_size
  columns['features'] = flat.reshape(shape)
  return columns, json.loads(schema.metadata[b'model'])


def _check_kind(path, names) -> None:
  lacking = [name for name in (*_COLUMNS, 'model') if name not in names]
  if lacking:
    raise UserError(
      f'{path} is no file of vectors, as it lacks {", ".join(lacking)}; give '
      'the .npz or .parquet that i2v features wrote.'
    )


def _make_features(path, columns: dict[str, Any], model) -> Features:
  vectors = np.array(columns['features'], np.float32)
  names = [str(file) for file in columns['file'].tolist()]
  spans = np.stack([columns['start'], columns['end']], axis=-1)
  whole = vectors.ndim == 2 and isinstance(model, dict)
  if not (whole and spans.shape == (len(vectors), 2) == (len(names), 2)):
    raise UserError(
      f'{path} is damaged (its columns differ in length or kind); write it '
      'again by i2v features.'
    )
  if not len(vectors):
    raise UserError(f'{path} holds no vector: every video was bad.')
  _scale(vectors, path)
  return Features(os.fspath(path), vectors, names, spans, model)


def _scale(vectors: np.ndarray, path) -> None:
  """Scales vectors to length 1, in place, without an array of that size."""
  lengths = np.sqrt(np.einsum('nd,nd->n', vectors, vectors))
  bad = np.flatnonzero(~np.isfinite(lengths))
  if len(bad):
    raise UserError(
      f'{path} holds non-finite values, first in row {bad[0]}; write it again '
      'by i2v features.'
    )
  vectors /= np.where(lengths > 0, lengths, 1)[:, None]
