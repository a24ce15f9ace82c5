"""Numbers along axes: where they stand, and how they are written."""

import math
from collections.abc import Sequence

_STEPS = 1, 2, 2.5, 5, 10
_UNITS = {1e12: 'T', 1e9: 'G', 1e6: 'M', 1e3: 'k'}


def place_linear(low: float, high: float, most: int = 6) -> list[float]:
  """Round numbers from low to high, at most so many."""
  if not high > low:
    return [low]
  power = 10.0 ** math.floor(math.log10((high - low) / most))
  steps = [power * step for step in (*_STEPS, 20)]
  for step in steps:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first < most:
      break
  return [index * step for index in range(first, last + 1)]


def place_log(low: float, high: float, most: int = 6) -> list[float]:
  """Round numbers from low to high, both above 0, for a logarithmic axis."""
  powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
  for factors in ((1, 2, 5), (1, 3), (1,)):
    found = [10.0**p * f for p in powers for f in factors]
    found = [x for x in found if low * (1 - 1e-9) <= x <= high * (1 + 1e-9)]
    if len(found) <= most:
      break
  found = found[:: -(-len(found) // most) or 1]
  return found if len(found) > 1 else place_linear(low, high, most)


def format_axis(values: Sequence[float]) -> list[str]:
  """Formats the numbers of an axis, all thousands of it in one way."""
  long = any(abs(value) >= 1e4 for value in values)
  shown = map(format_number, values)
  if long:
    shown = (
      f'{v / 1e3:.4g}k' if 1e3 <= abs(v) < 1e4 else text
      for v, text in zip(values, shown, strict=True)
    )
  return list(shown)


def format_number(value: float) -> str:
  """Formats a tick's number shortly: 1200000 is 1.2M, 0.00001 is 1e-05."""
  for unit, letter in _UNITS.items():
    if abs(value) >= unit * (1 if unit > 1e3 else 10):
      return f'{value / unit:.4g}{letter}'
  if 0 < abs(value) < 1e-3:
    return f'{value:.2g}'
  return f'{value + 0.0:.4g}'
