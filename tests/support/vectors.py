"""Vectors of imagined videos."""

import json
import zipfile

import numpy as np

from i2v_jax.data.sets.feature_rows import Features

MODEL = {'weights': 'a', 'sha256': '0', 'per': 'clip', 'mirror': False}


def imagine(rows, path='x.npz', model=MODEL):
  """Features of rows (file, vector) or (file, vector, start, end)."""
  files, vectors = zip(*(row[:2] for row in rows), strict=True)
  vectors = np.array(vectors, np.float32)
  lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
  spans = [row[2:] or (np.nan, np.nan) for row in rows]
  return Features(path, vectors / lengths, files, np.array(spans, float), model)


def write(path, features):
  """Writes these as `i2v features` writes them."""
  arrays = {
    'features': features.vectors,
    'file': np.array(features.files, np.str_),
    'start': features.spans[:, 0],
    'end': features.spans[:, 1],
    'errors': np.array([], np.str_),
    'model': np.array(json.dumps(features.model)),
  }
  save(path, arrays)
  return path


def save(path, arrays):
  """Saves arrays as .npz; one may be called `file`."""
  with zipfile.ZipFile(path, 'w') as archive:
    for name, array in arrays.items():
      with archive.open(f'{name}.npy', 'w') as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
