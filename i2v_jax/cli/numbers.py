"""Numbers on the command line with their ranges, for `type=` of argparse."""

import argparse
from collections.abc import Callable

from i2v_jax.runtime import ranges


def _make_type(rule: ranges.Number) -> Callable[[str], float]:
  kind = int if rule.integer else float

  def parse(text: str):
    try:
      value = kind(text)
    except ValueError:
      value = None
    if not (text.isascii() and rule.holds(value)):
      raise argparse.ArgumentTypeError(f'{text!r} is not {rule}')
    return value

  return parse


count = _make_type(ranges.COUNT)
from_0 = _make_type(ranges.FROM_0)
positive = _make_type(ranges.POSITIVE)
not_negative = _make_type(ranges.NOT_NEGATIVE)
share = _make_type(ranges.SHARE)
