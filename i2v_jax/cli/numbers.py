"""Numbers on the command line, with their ranges; `type=` of argparse."""

import argparse
from collections.abc import Callable

from i2v_jax.runtime import ranges


def _within(rule: ranges.Number) -> Callable[[str], float]:
  kind = int if rule.whole else float

  def parse(text: str):
    try:
      value = kind(text)
    except ValueError:
      value = None
    if not (text.isascii() and rule.holds(value)):
      raise argparse.ArgumentTypeError(f'{text!r} is not {rule}')
    return value

  return parse


count = _within(ranges.COUNT)
from_0 = _within(ranges.FROM_0)
positive = _within(ranges.POSITIVE)
not_negative = _within(ranges.NOT_NEGATIVE)
