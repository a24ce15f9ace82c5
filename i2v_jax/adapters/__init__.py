"""Adaptation methods: one file each, one literal table of names."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn
from flax.core import FrozenDict

from i2v_jax.adapters.zeroi2v import ZeroI2V

METHODS = {'zeroi2v': ZeroI2V}


class PerBlock(nn.Module):
  """One adapter for every block; parameters `blocks_0`, `blocks_1`, …."""

  spec: Mapping[str, Any]
  depth: int
  dtype: Any

  def setup(self):
    options = {k: v for k, v in self.spec.items() if k != 'name'}
    method = METHODS[self.spec['name']]
    self.blocks = [
      method(**options, dtype=self.dtype) for _ in range(self.depth)
    ]


def resolve(spec: Mapping[str, Any] | None) -> FrozenDict | None:
  """Checks an adapter's name and options and spells its preset out.

  Args:
    spec: `{'name': method, option: value, …}`; a `preset` gives the options
      that `spec` leaves open (absent or None). None means no adapter.

  Raises:
    ValueError: unknown method, preset or option.
  """
  if not spec:
    return None
  spec = {k: v for k, v in spec.items() if v is not None}
  name, preset = spec.pop('name', None), spec.pop('preset', None)
  if name not in METHODS:
    raise ValueError(f'Unknown adapter {name!r}; known: {sorted(METHODS)}.')
  method = METHODS[name]
  if preset:
    spec = method.preset(preset) | spec
  fields = set(method.__dataclass_fields__) - {'dtype', 'name', 'parent'}
  if unknown := set(spec) - fields:
    raise ValueError(
      f'{name} has no option {sorted(unknown)}; it has {sorted(fields)}.'
    )
  return FrozenDict({'name': name} | {k: _hashable(v) for k, v in spec.items()})


def _hashable(value):
  """Lists, as JSON has them, become tuples; models are hashed by jit."""
  if isinstance(value, list | tuple):
    return tuple(_hashable(v) for v in value)
  return value
