"""Folds linear adapters into frozen linear layers; float64 inside.

A(x) = x M + a before y = x W + b gives W' = M W, b' = a W + b; after it
W' = W M, b' = b M + a (ZeroI2V, equation 11, in our orientation).
"""

from collections.abc import Mapping

import numpy as np


def make_affine(adapter: Mapping, scale: float):
  """`(M, a)` of x + scale * up(down(x))."""
  (down, b1), (up, b2) = _double(adapter['down']), _double(adapter['up'])
  return np.eye(len(down)) + scale * down @ up, scale * (b1 @ up + b2)


def fold_before(layer: Mapping, adapter) -> dict:
  """Folds an affine adapter `(M, a)` before a layer into it."""
  (kernel, bias), (m, a) = _double(layer), adapter
  return _layer(m @ kernel, a @ kernel + bias)


def fold_after(layer: Mapping, adapter) -> dict:
  """Folds an affine adapter `(M, a)` after a layer into it."""
  (kernel, bias), (m, a) = _double(layer), adapter
  return _layer(kernel @ m, bias @ m + a)


def fold_after_part(part: Mapping, name: str, adapter) -> dict:
  """Folds an affine adapter after attention or MLP into it.

  Args:
    part: its layers, and `scale` where the family has LayerScale.
    name: of its last layer, which takes up both; `scale` becomes one.
    adapter: `(M, a)`.
  """
  layer = part[name]
  if 'scale' not in part:
    return dict(part) | {name: fold_after(layer, adapter)}
  scale = np.asarray(part['scale'], np.float64)
  scaled = {k: np.asarray(v, np.float64) * scale for k, v in layer.items()}
  ones = np.ones(scale.shape, 'f4')
  return dict(part) | {name: fold_after(scaled, adapter), 'scale': ones}


def add_low_rank(layer: Mapping, low_rank: Mapping, scale: float) -> dict:
  """Adds a low-rank update to a layer."""
  kernel, bias = _double(layer)
  down, up = (
    np.asarray(low_rank[k]['kernel'], np.float64) for k in ('down', 'up')
  )
  return _layer(kernel + scale * down @ up, bias)


def _double(layer):
  return tuple(np.asarray(layer[k], np.float64) for k in ('kernel', 'bias'))


def _layer(kernel, bias):
  return {'kernel': kernel.astype('f4'), 'bias': bias.astype('f4')}
