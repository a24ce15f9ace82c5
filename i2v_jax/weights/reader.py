"""Hands out the arrays of a file by key, once each, in our orientation.

Torch keeps outputs first: linear kernels are transposed, convolutions turned.
Both are views; nothing is copied but what has to become float32.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from i2v_jax.backbones.vit_config import ViTConfig
from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.positions import resample_positions
from i2v_jax.weights.report import Report


class Reader:
  """Arrays of a file, and what has become of them.

  Args:
    arrays: by key.
    ignored: keys that the model has no use for; what ends in a dot or a slash
      stands for all keys that begin so.
  """

  def __init__(self, arrays: Arrays, ignored: Sequence[str] = ()):
    self.arrays, self.what = arrays, arrays.what
    self.loaded, self.reshaped, self.new = [], [], []
    begins = tuple(name for name in ignored if name.endswith(('.', '/')))
    self.ignored = [
      key for key in arrays if key in ignored or key.startswith(begins)
    ]
    self.left = set(arrays) - set(self.ignored)

  def has(self, key: str) -> bool:
    return key in self.left

  def take(self, key: str) -> np.ndarray:
    """An array as float32; raises UserError if there is none."""
    if key not in self.left:
      raise UserError(f'{self.what} has no {key!r}.')
    self.left.remove(key)
    self.loaded.append(key)
    return self.arrays.take(key)

  def norm(self, key: str) -> dict:
    return {
      'scale': self.take(key + '.weight'),
      'bias': self.take(key + '.bias'),
    }

  def dense(self, key: str) -> dict:
    weight, bias = self.take(key + '.weight'), self.take(key + '.bias')
    return {'kernel': weight.T, 'bias': bias}

  def conv(self, key: str, bias: bool = True) -> dict:
    """A convolution over any number of axes."""
    kernel = np.moveaxis(self.take(key + '.weight'), (0, 1), (-1, -2))
    return {'kernel': kernel} | (
      {'bias': self.take(key + '.bias')} if bias else {}
    )

  def fused(self, weight: str, bias: str) -> dict:
    """Queries, keys and values that lie in one layer."""
    found = [self.take(key) for key in (weight, bias)]
    if any(len(array) % 3 for array in found):
      raise UserError(f'{weight!r} of {self.what} is not q, k and v in one.')
    weights, biases = (np.split(array, 3) for array in found)
    return {
      name: {'kernel': w.T, 'bias': b}
      for name, w, b in zip('qkv', weights, biases, strict=True)
    }

  def positions(
    self, key: str, cfg: ViTConfig, kind: str = 'bicubic'
  ) -> np.ndarray:
    """A position table for as many patches as the model has."""
    return self.resampled(key, self.take(key), cfg, kind)

  def resampled(self, key: str, table, cfg: ViTConfig, kind: str) -> np.ndarray:
    """A table, resampled by a kind of `positions`; the report says so."""
    table = table.reshape(-1, table.shape[-1])
    found = resample_positions(table, cfg.grid, int(cfg.class_token), kind)
    if len(found) != len(table):
      how = '' if kind == 'bicubic' else f', {kind}'
      rows = f'{len(table)} to {len(found)} positions'
      self.reshaped.append(f'{key}: {rows}{how}')
    return found

  def block(self, key: str, names: Mapping[str, str]) -> dict:
    """A transformer block whose parts have these names below `key`.

    Args:
      key: of the block, with its dot.
      names: part of our block to name; `qkv` where the three are one layer,
        `attn_scale` and `mlp_scale` where there is LayerScale.
    """
    at = {part: key + name for part, name in names.items()}
    dense = lambda *parts: {part: self.dense(at[part]) for part in parts}
    if 'qkv' in at:
      qkv = self.fused(at['qkv'] + 'weight', at['qkv'] + 'bias')
    else:
      qkv = dense('q', 'k', 'v')
    tree = {
      'ln1': self.norm(at['ln1']),
      'attn': qkv | dense('out'),
      'ln2': self.norm(at['ln2']),
      'mlp': dense('fc1', 'fc2'),
    }
    for part in ('attn', 'mlp'):
      if f'{part}_scale' in at:
        tree[part]['scale'] = self.take(at[f'{part}_scale'])
    return tree

  def blocks(self, key: str, names: Mapping[str, str], depth: int) -> dict:
    """All blocks; `key` has `{}` for the number of the block."""
    return {
      f'blocks_{i}': self.block(key.format(i), names) for i in range(depth)
    }

  def report(self, format: str, normalization: str) -> Report:
    """What was read; raises UserError for keys that nobody asked for."""
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


def count_blocks(keys: Arrays, pattern: str) -> int:
  """Number of blocks; `pattern` has `{}` for the number of the block.

  Raises:
    UserError: a block between others is missing.
  """
  before, _, after = pattern.partition('{}')
  tails = {key.removeprefix(before) for key in keys if key.startswith(before)}
  numbers = {tail.partition(after)[0] for tail in tails}
  found = sorted(int(number) for number in numbers if number.isdecimal())
  if missing := sorted(set(range(len(found))) - set(found)):
    raise UserError(f'{keys.what} lacks block {missing[0]} of {found[-1] + 1}.')
  return len(found)
