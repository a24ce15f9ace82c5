"""Whether values of files are of the kinds that their readers count on."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_jax.training.report.render import is_number

_IS = {
  'number': is_number,
  'text': lambda value: isinstance(value, str),
  'object': lambda value: isinstance(value, dict),
  'list': lambda value: isinstance(value, list),
}


def check_kinds(
  found: Any, needed: Sequence[str] = (), **keys: Sequence[str]
) -> None:
  """Raises ValueError for a value of another kind, or one that is needed.

  Args:
    found: an object of JSON.
    needed: keys whose values are neither missing nor null.
    **keys: those of each kind: `number` (finite), `text`, `object` or `list`.
  """
  if not isinstance(found, dict):
    raise ValueError(f'{reprlib.repr(found)} is no object')
  for name in needed:
    if found.get(name) is None:
      raise ValueError(f'it has no {name}')
  for kind, names in keys.items():
    for name in names:
      value = found.get(name)
      if value is not None and not _IS[kind](value):
        raise ValueError(f'{name} is {reprlib.repr(value)}, no {kind}')


def check_config(config: Mapping[str, Any]) -> None:
  """Raises ValueError unless a stored config has the form of one."""
  check_kinds(config, object=('data', 'model'), text=('task',))
  data, model = config.get('data') or {}, config.get('model') or {}
  check_kinds(data, text=('root', 'val'), number=('fps',))
  check_kinds(model, object=('adapter', 'backbone'))
  check_kinds(model.get('adapter') or {}, text=('name',))


def check_measures(found: Mapping[str, Any], what: str) -> None:
  """Raises ValueError unless there are measures, of which any may be NaN."""
  if not isinstance(found, dict) or not found:
    raise ValueError(f'{what} is {reprlib.repr(found)}, no measures')
  for name, value in found.items():
    if isinstance(value, bool) or not isinstance(value, int | float):
      raise ValueError(f'{name} is {reprlib.repr(value)}, no number')


def check_array(array: np.ndarray, shape: Sequence[int], kinds: str) -> None:
  """Raises ValueError for another shape, or a kind that is none of these."""
  if array.shape != tuple(shape) or array.dtype.kind not in kinds:
    raise ValueError(f'{array.dtype} {list(array.shape)} for {list(shape)}')
