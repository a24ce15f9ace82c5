"""The arrays of a file by key, and errors that name both."""

from collections.abc import Iterator, Mapping

import numpy as np

from i2v_jax.runtime.errors import UserError


class Arrays(Mapping):
  """A mapping that reads on access; its errors name file and key.

  Args:
    source: key to array; its `take(key)`, if any, reads a key the last time.
    what: name of the source in errors.
  """

  def __init__(self, source: Mapping, what: str):
    self._source, self.what = source, what
    self._keys = dict.fromkeys(source)

  def __getitem__(self, key: str) -> np.ndarray:
    self._check(key)
    return self._source[key]

  def take(self, key: str) -> np.ndarray:
    """Returns an array as float32; it will not be read again.

    Raises:
      UserError: the key is missing, or the array holds integers.
    """
    self._check(key)
    take = getattr(self._source, 'take', self._source.__getitem__)
    array = np.asarray(take(key))
    if array.dtype.kind in 'iub':
      raise UserError(f'{key!r} of {self.what} holds integers.')
    return array.astype(np.float32, copy=False)

  def get(self, key: str, default=None):
    if key not in self:
      return default
    return self[key]

  def shape(self, key: str, axes: int) -> tuple[int, ...]:
    """Returns the shape of an array; another number of axes is a UserError."""
    shape = self[key].shape
    if len(shape) != axes:
      raise UserError(
        f'{key!r} of {self.what} has shape {shape}, not {axes} axes.'
      )
    return shape

  def _check(self, key: str) -> None:
    if key not in self._keys:
      raise UserError(f'{self.what} has no {key!r}.')

  def __contains__(self, key) -> bool:
    return key in self._keys  # without reading it

  def __iter__(self) -> Iterator[str]:
    return iter(self._keys)

  def __len__(self) -> int:
    return len(self._keys)
