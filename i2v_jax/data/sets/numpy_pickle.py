"""Pickles of numpy arrays, read without running code that is in them."""

import pickle
from typing import Any

import numpy as np

from i2v_jax.data.sets import listing
from i2v_jax.runtime.errors import MissingFileError, UserError

# What pickles of arrays call, whatever numpy wrote them.
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_SCALAR = np.float64(0).__reduce__()[0]
_FROM_BUFFER = np.empty(1).__reduce_ex__(5)[0]


def _encode(text: str, encoding: str = 'latin1') -> bytes:
  """Stands for `_codecs.encode`, with which Python 2 wrote bytes."""
  if encoding not in ('latin1', 'latin-1'):
    raise pickle.UnpicklingError(f'bytes are written in {encoding!r}')
  return text.encode('latin1')


_ALLOWED = {
  ('numpy', 'dtype'): np.dtype,
  ('numpy', 'ndarray'): np.ndarray,
  ('_codecs', 'encode'): _encode,
}
for _core in ('numpy.core', 'numpy._core'):
  _ALLOWED[f'{_core}.multiarray', '_reconstruct'] = _RECONSTRUCT
  _ALLOWED[f'{_core}.multiarray', 'scalar'] = _SCALAR
  _ALLOWED[f'{_core}.numeric', '_frombuffer'] = _FROM_BUFFER


class _Refused(Exception):  # noqa: N818
  """The pickle wants something else than arrays."""


class _Unpickler(pickle.Unpickler):
  def find_class(self, module: str, name: str) -> Any:
    if (module, name) not in _ALLOWED:
      raise _Refused(f'{module}.{name}')
    return _ALLOWED[module, name]


def read(path: listing.Path) -> Any:
  """Reads numbers, text, containers and numpy arrays; also of Python 2.

  Raises:
    FileNotFoundError: there is no such file.
    UserError: the file is no complete pickle, or wants to call anything that
      is not needed for arrays, which is then not called.
  """
  try:
    with open(path, 'rb') as file:
      return _Unpickler(file, encoding='latin1').load()
  except FileNotFoundError as error:
    raise MissingFileError(f'{path} does not exist; check the path') from error
  except _Refused as error:
    raise UserError(
      f'{path} was not read: it wants to call {error}, and a pickle of arrays '
      'needs nothing of that kind; write the boxes as CSV'
    ) from error
  except OSError:
    raise
  except Exception as error:  # damaged pickles raise any error
    reason = str(error) or type(error).__name__
    raise UserError(
      f'{path} is no complete pickle ({reason}): get the file again'
    ) from error
