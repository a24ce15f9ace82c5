"""Takes the arrays of a file by key, once each, in our orientation.

Torch keeps outputs first: linear kernels are transposed, convolutions turned.
Both are views; only arrays that are not float32 are copied.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from i2v_jax.backbones.positions import resample_positions
from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.report import Report


class Reader:
  """The arrays of a file, and a record of their use.

  Args:
    arrays: arrays by key.
    ignored: keys that the model does not use; an entry that ends in a dot or a
      slash covers all keys that begin so.
  """

  def __init__(self, arrays: Arrays, ignored: Sequence[str] = ()):
    self.arrays, self.what = arrays, arrays.what
    self.loaded, self.reshaped, self.new = [], [], []
    begins = tuple(name for name in ignored if name.endswith(('.', '/')))
    self.ignored = [
      key for key in arrays if key in ignored or key.startswith(begins)
    ]
    self.left = set(arrays) - set(self.ignored)

  def ignore(self, keys: Iterable[str]) -> None:
    """Leaves out keys that the model does not use, by name."""
    keys = self.left & {*keys}
    self.ignored += sorted(keys)
    self.left -= keys

  def has(self, key: str) -> bool:
    return key in self.left

  def take(self, key: str) -> np.ndarray:
    """Takes an array as float32; raises UserError if the key is missing."""
    if key not in self.left:
      raise UserError(f'{self.what} has no {key!r}.')
    self.left.remove(key)
    self.loaded.append(key)
    return self.arrays.take(key)

  def take_norm(self, key: str) -> dict:
    return {
      'scale': self.take(key + '.weight'),
      'bias': self.take(key + '.bias'),
    }

  def take_dense(self, key: str) -> dict:
    weight, bias = self.take(key + '.weight'), self.take(key + '.bias')
    return {'kernel': weight.T, 'bias': bias}

  def take_conv(self, key: str, bias: bool = True) -> dict:
    """Takes a convolution over any number of axes."""
    kernel = np.moveaxis(self.take(key + '.weight'), (0, 1), (-1, -2))
    return {'kernel': kernel} | (
      {'bias': self.take(key + '.bias')} if bias else {}
    )

  def take_qkv(self, weight: str, bias: str) -> dict:
    """Takes queries, keys and values that are one layer."""
    found = [self.take(key) for key in (weight, bias)]
    if any(array.ndim < 1 or len(array) % 3 for array in found):
      raise UserError(f'{weight!r} of {self.what} does not hold q, k and v.')
    weights, biases = (np.split(array, 3) for array in found)
    return {
      name: {'kernel': w.T, 'bias': b}
      for name, w, b in zip('qkv', weights, biases, strict=True)
    }

  def take_positions(
    self, key: str, cfg: ViTConfig, kind: str = 'bicubic'
  ) -> np.ndarray:
    """Takes a position table, resampled to the patches of the model."""
    return self.resample(key, self.take(key), cfg, kind)

  def resample(self, key: str, table, cfg: ViTConfig, kind: str) -> np.ndarray:
    """Resamples a table by a kind of `positions`; the report says so."""
    table = table.reshape(-1, table.shape[-1])
    found = resample_positions(table, cfg.grid, int(cfg.class_token), kind)
    if len(found) != len(table):
      how = '' if kind == 'bicubic' else f', {kind}'
      rows = f'{len(table)} to {len(found)} positions'
      self.reshaped.append(f'{key}: {rows}{how}')
    return found

  def take_block(self, key: str, names: Mapping[str, str]) -> dict:
    """Takes a transformer block whose parts have these names under `key`.

    Args:
      key: key of the block, with its dot.
      names: part of our block to name; `qkv` where the three are one layer;
        `attn_scale` and `mlp_scale` with LayerScale.
    """
    at = {part: key + name for part, name in names.items()}
    dense = lambda *parts: {part: self.take_dense(at[part]) for part in parts}
    if 'qkv' in at:
      qkv = self.take_qkv(at['qkv'] + 'weight', at['qkv'] + 'bias')
    else:
      qkv = dense('q', 'k', 'v')
    tree = {
      'ln1': self.take_norm(at['ln1']),
      'attn': qkv | dense('out'),
      'ln2': self.take_norm(at['ln2']),
      'mlp': dense('fc1', 'fc2'),
    }
    for part in ('attn', 'mlp'):
      if f'{part}_scale' in at:
        tree[part]['scale'] = self.take(at[f'{part}_scale'])
    return tree

  def take_blocks(self, key: str, names: Mapping[str, str], depth: int) -> dict:
    """Takes all blocks; `key` has `{}` for the number of the block."""
    return {
      f'blocks_{i}': self.take_block(key.format(i), names) for i in range(depth)
    }

  def report(self, format: str, normalization: str) -> Report:
    """Returns the record; raises UserError if keys are left over."""
    if self.left:
      raise UserError(
        f'{self.what} has {len(self.left)} keys that the model lacks: '
        f'{", ".join(sorted(self.left)[:20])}.'
      )
    return Report(
      format,
      normalization,
      loaded=tuple(self.loaded),
      reshaped=tuple(self.reshaped),
      new=tuple(self.new),
      ignored=tuple(self.ignored),
    )


def count_blocks(keys: Arrays, pattern: str, what: str = 'block') -> int:
  """Counts blocks; `pattern` has `{}` for the number of the block.

  `what` names them in the error.

  Raises:
    UserError: a block is missing between others.
  """
  before, _, after = pattern.partition('{}')
  tails = {key.removeprefix(before) for key in keys if key.startswith(before)}
  numbers = {tail.partition(after)[0] for tail in tails}
  found = sorted(int(number) for number in numbers if number.isdecimal())
  if missing := sorted(set(range(len(found))) - set(found)):
    raise UserError(
      f'{keys.what} lacks {what} {missing[0]} of {found[-1] + 1} '
      f'({pattern.format(missing[0])}…).'
    )
  return len(found)
