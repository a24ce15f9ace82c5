"""Hands out the arrays of a file by key, once each, in our orientation.

Torch keeps outputs first: linear kernels are transposed, convolutions turned.
Both are views; nothing is copied but what has to become float32.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from i2v_jax.vit_config import ViTConfig
from i2v_jax.weights.positions import resample_positions
from i2v_jax.weights.report import Report


class Reader:
  """Arrays of a file, and what has become of them.

  Args:
    arrays: by key.
    what: names the file in errors.
    ignored: beginnings of keys that the model has no use for.
  """

  def __init__(self, arrays: Mapping, what: str, ignored: Sequence[str] = ()):
    self.arrays, self.what = arrays, what
    self.loaded, self.reshaped, self.new = [], [], []
    self.ignored = [key for key in arrays if key.startswith(tuple(ignored))]
    self.left = set(arrays) - set(self.ignored)

  def has(self, key: str) -> bool:
    return key in self.left

  def take(self, key: str) -> np.ndarray:
    """An array as float32; raises ValueError if there is none."""
    if key not in self.left:
      raise ValueError(f'{self.what} has no {key!r}.')
    self.left.remove(key)
    self.loaded.append(key)
    take = getattr(self.arrays, 'take', self.arrays.__getitem__)
    return np.asarray(take(key)).astype(np.float32, copy=False)

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
    weights, biases = (np.split(self.take(key), 3) for key in (weight, bias))
    return {
      name: {'kernel': w.T, 'bias': b}
      for name, w, b in zip('qkv', weights, biases, strict=True)
    }

  def positions(self, key: str, cfg: ViTConfig) -> np.ndarray:
    """A position table for as many patches as the model has."""
    found = self.take(key)
    table = found.reshape(-1, found.shape[-1])
    resampled = resample_positions(table, cfg.grid, int(cfg.class_token))
    if len(resampled) != len(table):
      rows = f'{len(table)} to {len(resampled)} positions'
      self.reshaped.append(f'{key}: {rows}')
    return resampled

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
    """What was read; raises ValueError for keys that nobody asked for."""
    if self.left:
      raise ValueError(
        f'{self.what} has {len(self.left)} keys that the model lacks, such as '
        f'{sorted(self.left)[:3]}.'
      )
    return Report(
      format,
      normalization,
      loaded=tuple(self.loaded),
      reshaped=tuple(self.reshaped),
      new=tuple(self.new),
      ignored=tuple(self.ignored),
    )


def depth(keys, pattern: str) -> int:
  """Number of blocks; `pattern` has `{}` for the number of the block.

  Raises:
    ValueError: a block between others is missing.
  """
  before, _, after = pattern.partition('{}')
  tails = {key.removeprefix(before) for key in keys if key.startswith(before)}
  numbers = {tail.partition(after)[0] for tail in tails}
  found = sorted(int(number) for number in numbers if number.isdigit())
  if missing := sorted(set(range(len(found))) - set(found)):
    raise ValueError(f'Block {missing[0]} of {found[-1] + 1} is missing.')
  return len(found)
