"""Hands out the arrays of a torch checkpoint by key, once each."""

from collections.abc import Mapping

import numpy as np


class Reader:
  """Arrays of a file, without a prefix and without what is not needed.

  Args:
    arrays: by key.
    what: names the format in errors.
    prefix: taken off every key that has it.
    ignored: beginnings of keys that the model has no use for.
  """

  def __init__(self, arrays: Mapping, what: str, prefix: str, ignored: tuple):
    stripped = {k.removeprefix(prefix): v for k, v in arrays.items()}
    self.what = what
    self.left = {k: v for k, v in stripped.items() if not k.startswith(ignored)}

  def take(self, key: str) -> np.ndarray:
    """An array as float32; raises ValueError if there is none."""
    if key not in self.left:
      raise ValueError(f'The {self.what} file has no {key!r}.')
    return self.left.pop(key).astype(np.float32)

  def norm(self, key: str) -> dict:
    return {
      'scale': self.take(key + '.weight'),
      'bias': self.take(key + '.bias'),
    }

  def dense(self, key: str) -> dict:
    weight, bias = self.take(key + '.weight'), self.take(key + '.bias')
    return {'kernel': weight.T, 'bias': bias}

  def block(self, key: str, names: Mapping[str, str]) -> dict:
    """A transformer block whose parts have these names below `key`."""
    norm = lambda part: self.norm(key + names[part])
    dense = lambda *parts: {p: self.dense(key + names[p]) for p in parts}
    return {
      'ln1': norm('ln1'),
      'attn': dense('q', 'k', 'v', 'out'),
      'ln2': norm('ln2'),
      'mlp': dense('fc1', 'fc2'),
    }

  def check_all_taken(self) -> None:
    """Raises ValueError for keys that nobody asked for."""
    if self.left:
      raise ValueError(
        f'The {self.what} file has {len(self.left)} keys that the model lacks, '
        f'such as {sorted(self.left)[:3]}.'
      )
