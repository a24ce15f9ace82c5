"""The file of an index: a checksum, then compressed arrays and JSON."""

import hashlib
import io
import json
import os
from fractions import Fraction

import numpy as np

from i2v_jax.data.videos.display import Display
from i2v_jax.data.videos.index import Index, make_times
from i2v_jax.data.videos.video_info import VideoInfo

VERSION = 1  # of the format, and of what an index means
_CHECKSUM = 32  # bytes
_ARRAYS = ('info', 'display', 'counts', 'base', 'keys')  # the rest is JSON


def dump(index: Index) -> bytes:
  """Makes the contents of the file of an index."""
  info = vars(index.info) | {'times': None}
  fields = {k: v for k, v in vars(index).items() if k not in _ARRAYS}
  aspect = index.display.pixel_aspect.as_integer_ratio()
  text = json.dumps(
    fields
    | {
      'info': info,
      'display': index.display._replace(pixel_aspect=aspect),
      'base': index.base.as_integer_ratio(),
    }
  )
  file = io.BytesIO()
  np.savez_compressed(
    file,
    text=np.frombuffer(text.encode(), np.uint8),
    # Differences of equally spaced times compress well.
    steps=np.diff(index.counts, prepend=0),
    keys=np.diff(index.keys, axis=0, prepend=0).T,
  )
  data = file.getvalue()
  return hashlib.sha256(data).digest() + data


def read(path: str | os.PathLike) -> Index | None:
  """Reads the file of an index; None if there is none, or it is damaged."""
  try:
    with open(path, 'rb') as file:
      checksum, data = file.read(_CHECKSUM), file.read()
  except OSError:
    return None
  if hashlib.sha256(data).digest() != checksum:
    return None
  with np.load(io.BytesIO(data)) as arrays:
    fields = json.loads(bytes(arrays['text']))
    counts = np.cumsum(arrays['steps'])
    keys = np.cumsum(arrays['keys'].T, axis=0)
  shown, base = fields.pop('display'), Fraction(*fields.pop('base'))
  info = fields.pop('info') | {'times': make_times(counts, base)}
  return Index(
    info=VideoInfo(**info),
    display=Display(*shown[:-1], Fraction(*shown[-1])),
    counts=counts,
    base=base,
    keys=keys,
    **fields,
  )
