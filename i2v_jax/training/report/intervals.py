"""Binomial intervals: how far a share may be from what was counted."""

import math
from typing import NamedTuple

Z = 1.959963984540054  # of 95 % of a normal distribution


class Share(NamedTuple):
  """A share of `count`, and its Wilson interval with 95 % confidence."""

  value: float
  low: float
  high: float
  count: int


def make_share(hits: int, count: int) -> Share:
  """Makes the share of `hits` among `count`, which is above 0."""
  p, n = hits / count, count
  middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
  spread = math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
  spread *= Z
  # Of none and of all the bound is that share, which rounding may miss.
  low = 0.0 if not hits else max(middle - spread, 0.0)
  high = 1.0 if hits == count else min(middle + spread, 1.0)
  return Share(p, low, high, n)


def bound(value: float, count: int) -> Share:
  """Makes the interval of a share that was measured on `count`."""
  return make_share(round(value * count), count)._replace(value=value)
