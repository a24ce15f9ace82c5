"""Parameter trees: split into trainable and frozen, join, mask, count.

A part of a tree is named by path prefixes such as `'adapters'` or
`'backbone/ln_post'`: complete path components, never regular expressions.
`('',)` means everything.
"""

import hashlib
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from i2v_jax.runtime.errors import UserError

Prefixes = Sequence[str]


def matches(path: str, prefix: str) -> bool:
  """Whether `path` is the prefix or below it."""
  return not prefix or path == prefix or path.startswith(prefix + '/')


def check_prefixes(params: Mapping, prefixes: Prefixes, key: str = '') -> None:
  """Raises UserError for a prefix that no parameter path starts with.

  Args:
    params: a tree.
    prefixes: of its paths.
    key: of the config, if they come from one.
  """
  paths = flatten_dict(params, sep='/')
  for prefix in prefixes:
    if not any(matches(path, prefix) for path in paths):
      top = ', '.join(sorted(params))
      named = f'{key} names {prefix!r}' if key else f'The prefix is {prefix!r}'
      raise UserError(
        f'{named}, but no parameter path starts with it; the tree has {top}.'
      )


def split(params: Mapping, trainable: Prefixes | str) -> tuple[dict, dict]:
  """Splits a tree by path prefixes into a trainable and a frozen one.

  Args:
    params: the tree, of arrays or shapes.
    trainable: prefixes such as `('adapters', 'head')`, or a single one.

  Returns:
    `(trainable, frozen)`, two trees that `join` joins again.

  Raises:
    UserError: a prefix matches nothing (a misspelt one must not freeze).
  """
  trainable = _several(trainable)
  check_prefixes(params, trainable)
  flat = flatten_dict(params, sep='/')
  mine = {
    p: v for p, v in flat.items() if any(matches(p, t) for t in trainable)
  }
  rest = {p: v for p, v in flat.items() if p not in mine}
  return unflatten_dict(mine, sep='/'), unflatten_dict(rest, sep='/')


def join(a: Mapping, b: Mapping) -> dict:
  """Joins two trees with different leaves, the inverse of `split`."""
  flat = flatten_dict(a, sep='/') | flatten_dict(b, sep='/')
  return unflatten_dict(flat, sep='/')


def labels(params: Mapping, groups: Mapping[str, object], default=None) -> dict:
  """Makes a tree like `params` of the value of each longest prefix.

  For `optax.multi_transform` (values are labels) or multipliers by prefix.
  """
  check_prefixes(params, tuple(groups))
  flat = {}
  for path in flatten_dict(params, sep='/'):
    hits = [prefix for prefix in groups if matches(path, prefix)]
    flat[path] = groups[max(hits, key=len)] if hits else default
  return unflatten_dict(flat, sep='/')


def mask(params: Mapping, prefixes: Prefixes | str) -> dict:
  """Makes a boolean tree like `params`: True below one of the prefixes.

  `optax.masked` applies a transformation where it is True and passes all other
  gradients unchanged: a mask alone freezes nothing. To train only a part,
  differentiate with respect to the trainable tree of `split`.

  Args:
    params: the tree, of arrays or shapes.
    prefixes: such as `('adapters', 'head')`, or a single one.

  Raises:
    UserError: a prefix matches nothing.
  """
  chosen = dict.fromkeys(_several(prefixes), True)
  return labels(params, chosen, default=False)


def _several(prefixes: Prefixes | str) -> tuple[str, ...]:
  return (prefixes,) if isinstance(prefixes, str) else tuple(prefixes)


# Positions are added to float32 logits; only layers cast their matrices.
FLOAT32 = ('bias', 'table')


def cast_param(path: str, x, dtype) -> jax.Array:
  """Casts a matrix to the compute type, as its layer would at every use."""
  keep = x.ndim < 2 or path.rpartition('/')[2] in FLOAT32
  return jnp.asarray(x, x.dtype if keep else dtype)


def cast_params(params: Mapping, dtype) -> dict:
  """Casts the matrices of a tree, see `cast_param`."""
  flat = flatten_dict(params, sep='/')
  return unflatten_dict(
    {path: cast_param(path, x, dtype) for path, x in flat.items()}, sep='/'
  )


def count(params) -> int:
  """Counts the scalars in a tree of arrays or shapes."""
  return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(params))


def num_bytes(tree) -> int:
  """Counts the bytes a tree takes in memory."""
  return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def sha256(params: Mapping) -> str:
  """Hashes paths, shapes and float32 values, to identify weights."""
  digest = hashlib.sha256()
  for path, value in sorted(flatten_dict(params, sep='/').items()):
    value = np.ascontiguousarray(value, np.float32)
    digest.update(f'{path}{value.shape}'.encode())
    digest.update(value.data)
  return digest.hexdigest()


def check_same_tree(wanted: Mapping, found: Mapping, what: str) -> None:
  """Raises UserError listing every path that is missing, surplus or misshapen.

  Args:
    wanted: tree of arrays or shapes of the model.
    found: tree of arrays that were read.
    what: names the source in the error.
  """
  wanted = {p: v.shape for p, v in flatten_dict(wanted, sep='/').items()}
  found = {p: v.shape for p, v in flatten_dict(found, sep='/').items()}
  lines = [f'- {p} {wanted[p]} is missing' for p in wanted.keys() - found]
  lines += [f'+ {p} {found[p]} is not known' for p in found.keys() - wanted]
  lines += [
    f'! {p} is {found[p]}, the model wants {wanted[p]}'
    for p in wanted.keys() & found
    if wanted[p] != found[p]
  ]
  if lines:
    shown = '\n'.join(sorted(lines)[:20])
    raise UserError(
      f'{what} does not fit the model ({len(lines)} differences):\n{shown}'
    )
