"""Removes the prefixes that trainers put before the keys of a model."""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from i2v_jax.runtime.errors import UserError
from i2v_jax.weights.arrays import Arrays
from i2v_jax.weights.files import Weights
from i2v_jax.weights.wrapping import AVERAGED, RAW, is_averaged, word

# What keys may begin with, in any order and number.
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
  'ema_',  # a word of its own, so after those that begin with it
)
# Wrappers of single blocks, inside of keys.
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


def unwrapped(weights: Weights, forms: Sequence, which: str = '') -> Weights:
  """The weights under the names of one of `forms`, or as they are.

  Args:
    weights: of a file; keys may have prefixes.
    forms: modules with `recognises(keys)`.
    which: `ema` or `raw`, where a file has both; averaged ones if ''.

  Raises:
    UserError: several models, or not the kind of weights asked for.
  """
  weights = _swapped(weights, which)
  recognises = lambda keys: any(form.recognises(keys) for form in forms)
  found = _prefixes(weights.arrays, recognises)
  kinds = {
    'ema': [p for p in found if _is_averaged(p)],
    'raw': [p for p in found if not _is_averaged(p)],
  }
  kind = which if kinds.get(which) else next((k for k in kinds if kinds[k]), '')
  if found:
    weights = _below(weights, kinds, kind)
  if which == 'ema' and weights.kind != 'ema':
    raise UserError(
      f'{weights.what} holds no averaged weights (EMA); leave which out.'
    )
  if which == 'raw' and weights.kind == 'ema':
    raise UserError(
      f'{weights.what} holds averaged weights (EMA) only; leave which out.'
    )
  return weights


def _prefixes(keys: Collection[str], recognises: Callable) -> list[str]:
  """Prefixes below which there is a model, shortest first."""
  known = {''}
  for key in keys:
    at = 0
    while part := _part(key, at):
      at += len(part)
      known.add(key[:at])
  found = []
  for prefix in sorted(known, key=lambda p: (len(p), p)):
    outer = [p for p in found if prefix.startswith(p)]
    inside = outer and _is_averaged(prefix) == _is_averaged(outer[-1])
    if not inside and recognises({*_stripped(keys, prefix)}):
      found.append(prefix)
  return found


def _part(key: str, at: int) -> str:
  """What of a key is a trainer's from a place on, else ''."""
  first = key[at:].partition('.')[0]
  if is_averaged(first) and not first.startswith('ema_'):
    return f'{first}.'
  return next((p for p in PARTS if key.startswith(p, at)), '')


def _is_averaged(prefix: str) -> bool:
  return any(map(is_averaged, prefix.split('.')))


def _stripped(keys: Collection[str], prefix: str) -> dict[str, str]:
  """Names without prefix and inner wrappers -> keys that have the prefix."""
  below = [key for key in keys if key.startswith(prefix)]
  return {INNER.sub('', key.removeprefix(prefix)): key for key in below}


def _below(weights: Weights, kinds: Mapping, kind: str) -> Weights:
  """The only model of a kind, with a line about where it was found."""
  if len(kinds[kind]) > 1:
    raise UserError(
      f'{weights.what} holds several models, below '
      f'{", ".join(map(repr, kinds[kind]))}; save the one you want alone.'
    )
  (prefix,), twins = kinds[kind], kinds['raw' if kind == 'ema' else 'ema']
  names = _stripped(weights.arrays, prefix)
  if not twins and all(name == key for name, key in names.items()):
    return weights
  below = tuple(twin for twin in twins if twin.startswith(prefix))
  if below:  # an average among the raw keys
    names = {k: v for k, v in names.items() if not v.startswith(below)}
  line = f'keys that begin with {prefix}' if prefix else 'keys without prefix'
  if twins:
    other = 'raw' if kind == 'ema' else 'ema'
    line += f', {word(kind)}; which={other} takes {twins[0] or "the bare keys"}'
  used = {*names.values()}
  return dataclasses.replace(
    weights,
    arrays=Arrays(Renamed(weights.arrays, names), weights.what),
    taken_from=(*weights.taken_from, line),
    beside=tuple(key for key in weights.arrays if key not in used),
    kind=kind if twins or kind == 'ema' else weights.kind,
  )


def _swapped(weights: Weights, which: str) -> Weights:
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
    beside=tuple(key for key in keys if key not in used),
    kind=kind,
  )
