"""Removes the prefixes that trainers put before the keys of a model."""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.wrapping import AVERAGED, RAW, describe_kind, is_averaged

# Beginnings of keys, in any order and number.
PARTS = (
  *(f'{name}.' for name in (*AVERAGED, *RAW)),
  '_checkpoint_wrapped_module.',
  '_forward_module.',
  '_fsdp_wrapped_module.',
  '_orig_mod.',
  'backbone.',
  'base_model.',
  'encoder.',
  'feature_extractor.',
  'image_encoder.',
  'trunk.',
  'vision_encoder.',
  'vision_tower.',
  'visual.',
  'visual_encoder.',
  'ema_',  # after the longer names that begin so
)
# Wrappers of single blocks, within keys.
INNER = re.compile(
  r'\.(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)(?=\.)'
)


class Renamed(Mapping):
  """Arrays under other names: name to key."""

  def __init__(self, arrays: Arrays, keys: Mapping[str, str]):
    self._arrays, self._keys = arrays, keys

  def __getitem__(self, name: str) -> np.ndarray:
    return self._arrays[self._keys[name]]

  def take(self, name: str) -> np.ndarray:
    return self._arrays.take(self._keys[name])

  def __iter__(self):
    return iter(self._keys)

  def __len__(self) -> int:
    return len(self._keys)


def unwrap(weights: Weights, forms: Sequence, which: str = '') -> Weights:
  """Renames the weights to the keys of one of `forms`, or leaves them.

  Args:
    weights: an opened file, whose keys may have prefixes.
    forms: modules with `recognises(keys)`.
    which: `ema` or `raw`, where a file has both; '' takes `ema`.

  Raises:
    UserError: there are several models, or no weights of kind `which`.
  """
  weights = _swap_back(weights, which)
  recognises = lambda keys: any(form.recognises(keys) for form in forms)
  found = _find_prefixes(weights.arrays, recognises)
  kinds = {
    'ema': [p for p in found if _is_averaged(p)],
    'raw': [p for p in found if not _is_averaged(p)],
  }
  kind = which if kinds.get(which) else next((k for k in kinds if kinds[k]), '')
  if found:
    weights = _take_below(weights, kinds, kind)
  if which == 'ema' and weights.kind != 'ema':
    raise UserError(
      f'{weights.what} holds no averaged weights (EMA); leave which out.'
    )
  if which == 'raw' and weights.kind == 'ema':
    raise UserError(
      f'{weights.what} holds averaged weights (EMA) only; leave which out.'
    )
  return weights


def _find_prefixes(keys: Collection[str], recognises: Callable) -> list[str]:
  """Finds the prefixes of the keys of a model, shortest first."""
  known = {''}
  for key in keys:
    at = 0
    while part := _find_part(key, at):
      at += len(part)
      known.add(key[:at])
  found = []
  for prefix in sorted(known, key=lambda p: (len(p), p)):
    outer = [p for p in found if prefix.startswith(p)]
    inside = outer and _is_averaged(prefix) == _is_averaged(outer[-1])
    if not inside and recognises({*_strip(keys, prefix)}):
      found.append(prefix)
  return found


def _find_part(key: str, at: int) -> str:
  """Returns the part that a trainer put at a position of a key, or ''."""
  first = key[at:].partition('.')[0]
  if is_averaged(first) and not first.startswith('ema_'):
    return f'{first}.'
  return next((p for p in PARTS if key.startswith(p, at)), '')


def _is_averaged(prefix: str) -> bool:
  return any(map(is_averaged, prefix.split('.')))


def _strip(keys: Collection[str], prefix: str) -> dict[str, str]:
  """Maps names without prefix and inner wrappers to keys with the prefix."""
  below = [key for key in keys if key.startswith(prefix)]
  return {INNER.sub('', key.removeprefix(prefix)): key for key in below}


def _take_below(weights: Weights, kinds: Mapping, kind: str) -> Weights:
  """Takes the only model of a kind; adds a line about its place."""
  if len(kinds[kind]) > 1:
    raise UserError(
      f'{weights.what} holds several models, under '
      f'{", ".join(map(repr, kinds[kind]))}; save the one you want on its own.'
    )
  (prefix,), twins = kinds[kind], kinds['raw' if kind == 'ema' else 'ema']
  names = _strip(weights.arrays, prefix)
  if not twins and all(name == key for name, key in names.items()):
    return weights
  below = tuple(twin for twin in twins if twin.startswith(prefix))
  if below:  # an average among the raw keys
    names = {k: v for k, v in names.items() if not v.startswith(below)}
  line = f'keys that begin with {prefix}' if prefix else 'keys without prefix'
  if twins:
    other = 'raw' if kind == 'ema' else 'ema'
    theirs = twins[0] or 'the bare keys'
    line += f', {describe_kind(kind)}; which={other} takes {theirs}'
  used = {*names.values()}
  return dataclasses.replace(
    weights,
    arrays=Arrays(Renamed(weights.arrays, names), weights.what),
    taken_from=(*weights.taken_from, line),
    others=tuple(key for key in weights.arrays if key not in used),
    kind=kind if twins or kind == 'ema' else weights.kind,
  )


def _swap_back(weights: Weights, which: str) -> Weights:
  """Removes the buffers of mmcv's EMA hook: `ema_` and a key without dots.

  That hook swaps the two sets before it saves: the plain keys are the averaged
  ones, the buffers hold the raw ones.
  """
  keys = weights.arrays
  buffers = {k: 'ema_' + k.replace('.', '_') for k in keys if '.' in k}
  buffers = {k: buffer for k, buffer in buffers.items() if buffer in keys}
  if not buffers:
    return weights
  hidden = {*buffers.values()}
  names = {key: key for key in keys if key not in hidden}
  kind = which or 'ema'
  if kind == 'raw':
    names |= buffers
    line = "mmcv's buffers ema_…, raw; which=ema takes the plain keys"
  else:
    line = (
      'plain keys, averaged (EMA) as mmcv saves them; which=raw takes ema_…'
    )
  used = {*names.values()}
  return dataclasses.replace(
    weights,
    arrays=Arrays(Renamed(keys, names), weights.what),
    taken_from=(*weights.taken_from, line),
    others=tuple(key for key in keys if key not in used),
    kind=kind,
  )
