"""Times as people write them -> seconds."""

import re
from collections.abc import Callable
from fractions import Fraction

from i2v_jax.data.sets import text_tables
from i2v_jax.runtime.errors import UserError

_SECONDS = r'[0-5]?\d(?:\.\d*)?'
_HOURS = re.compile(rf'(\d+):([0-5]?\d):({_SECONDS})')
_MINUTES = re.compile(rf'(\d+):({_SECONDS})')


def make_clock(comma: bool, minutes: bool = False) -> Callable[[str], float]:
  """Makes the parser of seconds and of H:MM:SS, to seconds.

  Args:
    comma: whether a comma may stand before decimals.
    minutes: whether MM:SS is a time too.
  """
  known = ('seconds', 'MM:SS') if minutes else ('seconds',)
  forms = f'{", ".join(known)} nor H:MM:SS'

  def parse(text: str) -> float:
    text = text.strip().replace(',', '.') if comma else text.strip()
    if found := _HOURS.fullmatch(text):
      hours, rest, seconds = found.groups()
      return 3600 * int(hours) + 60 * int(rest) + float(seconds)
    if minutes and (found := _MINUTES.fullmatch(text)):
      return 60 * int(found[1]) + float(found[2])
    if ':' in text:
      raise UserError(f'{text!r} is neither {forms}')
    if (seconds := text_tables.parse_number(text)) < 0:
      raise UserError(f'{text} is before the first frame')
    return seconds

  return parse


def make_frame_clock(rate: Fraction) -> Callable[[str], float]:
  """Makes the parser of frame numbers, from 0, at a rate, to seconds."""

  def parse(text: str) -> float:
    number = text_tables.parse_number(text)
    if number < 0 or number != int(number):
      raise UserError(f'{text.strip()!r} is not a frame number from 0 on')
    return float(int(number) / rate)

  return parse
